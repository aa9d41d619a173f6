"""Proof that the books are in order, in SQL of its own: it shares no code with charging."""
