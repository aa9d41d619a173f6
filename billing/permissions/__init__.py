"""Charge permissions between two charges: watched, closed, replaced by another."""
