"""Checkout Sessions, buyers and their wallets."""
