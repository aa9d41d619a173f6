"""What was charged, why, and what comes: read by screens and commands, never written."""
