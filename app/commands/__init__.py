"""What each command of `autopay` does."""
