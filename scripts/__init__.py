"""Programs for those who work on autopay itself."""
