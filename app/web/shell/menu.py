"""The menu: a row of groups, and below it the pages of the group that one is in. Pure.

Both rows are plain links: nothing opens over the page, so that it works by keyboard, by touch and
without JavaScript, and fits a telephone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from app.web.shell.rooms import Entry

__all__ = ["Link", "Menu", "menu_of"]


@dataclass(frozen=True, slots=True)
class Link:
    """One link; `here` is "page" for the page itself, "true" for the group that it is in."""

    key: str
    path: str
    here: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """The groups, and the pages of the present one; no pages where it has only one."""

    groups: Sequence[Link] = ()
    pages: Sequence[Link] = ()


def menu_of(entries: Sequence[Entry], *, path: str) -> Menu:
    """The menu of what somebody may open, on the page of `path`.

    A group stands where its first page does, leads to that page, and bears its own words only
    where there is more than one.
    """
    ordered = sorted(entries, key=lambda entry: entry.place)
    first = {name: n for n, name in reversed(list(enumerate(_group(each) for each in ordered)))}
    ordered.sort(key=lambda entry: first[_group(entry)])
    current = _current(ordered, path)
    groups: list[Link] = []
    pages: list[Link] = []
    for name, found in groupby(ordered, key=_group):
        members = list(found)
        is_here = current is not None and name == _group(current)
        lone = len(members) == 1
        here = ("page" if path == members[0].path and lone else "true") if is_here else ""
        groups.append(Link(members[0].key if lone else name, members[0].path, here))
        if is_here and not lone:
            pages = [Link(each.key, each.path, _here(each, current, path)) for each in members]
    return Menu(groups, pages)


def _group(entry: Entry) -> str:
    return entry.group or entry.key


def _here(entry: Entry, current: Entry | None, path: str) -> str:
    if entry is not current:
        return ""
    return "page" if path == entry.path else "true"


def _current(entries: Sequence[Entry], path: str) -> Entry | None:
    """The entry whose address is the longest beginning of the page's."""
    found = [
        (len(start), entry)
        for entry in entries
        for start in (entry.path, *entry.also)
        if path == start or path.startswith(f"{start.rstrip('/')}/")
    ]
    return max(found, key=lambda each: each[0])[1] if found else None
