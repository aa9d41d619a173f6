"""The deterministic simulation: the real engine, a made-up world, one tape of choices."""
