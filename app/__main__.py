"""`python -m app` is `autopay`."""

from app.cli import main

main()
