"""Whether all is well: figures, alarms on them, and the brake that stops charging."""
