"""How commands speak: a table for people or one JSON document, and progress bars on stderr."""

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

errors = Console(stderr=True)

Advance = Callable[[int], None]


def write_json(document: Any) -> None:
    """One JSON document on one line of standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """A table for people; numbers stand to the right. Piped output is never cut to a width."""
    table = Table(title=title or None, title_justify="left")
    kept = [list(row) for row in rows]
    for position, column in enumerate(columns):
        numbers = all(isinstance(row[position], int) for row in kept) and bool(kept)
        table.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in kept:
        table.add_row(*(_cell(value) for value in row))
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    # Square brackets in a customer's name are not our markup.
    return visible(str(value)).replace("[", "\\[")


def visible(text: str) -> str:
    """The text with every control character replaced: foreign text must not steer a terminal."""
    return "".join("\ufffd" if _steers(c) else c for c in text)


def _steers(c: str) -> bool:
    # A wide space or a joined emoji is no control; what turns a line around is.
    return c not in "\n\t\u200c\u200d" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def neutralised(value: object) -> object:
    """A CSV cell that no spreadsheet takes for a formula (OWASP: = + - @, tab, return)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value


def say(text: str) -> None:
    """One line for people on standard output."""
    sys.stdout.write(visible(text) + "\n")


def note(text: str) -> None:
    """One line for people on standard error, beside a machine's output."""
    sys.stderr.write(visible(text) + "\n")


@contextmanager
def progress_bar(label: str, *, total: int | None) -> Iterator[Advance]:
    """A progress bar on standard error; only drawn where a person looks."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)
