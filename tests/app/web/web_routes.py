"""The router of the pages, with examples in the place of ids; rooms add `examples_ROOM.py`."""

import importlib
from pathlib import Path

from fastapi import FastAPI
from web_books import WebBooks

from app.web.shell.people import Access
from app.web.shell.rooms import routes_of

HERE = Path(__file__).parent
ALWAYS = {"/assets/{name}": "/assets/style.css"}


def examples_of(books: WebBooks) -> dict[str, str]:
    """Path of a route → the same with ids of rows that every room has put into the books."""
    found = dict(ALWAYS)
    for file in sorted(HERE.glob("examples_*.py")):
        found |= importlib.import_module(file.stem).examples(books)
    return found


def filled_routes(app: FastAPI, examples: dict[str, str]) -> list[tuple[str, str, Access]]:
    """(method, address, who may) of every route; one with an id needs an example."""
    found = []
    for method, path in routes_of(app):
        assert "{" not in path or path in examples, (
            f"{path} needs an example: add it to a tests/app/web/examples_ROOM.py"
        )
        found.append((method, examples.get(path, path), app.state.declared[method, path]))
    assert len(found) >= 10, "the router was not enumerated"
    return found
