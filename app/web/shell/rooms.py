"""A room of the pages: its routes, each with who may use it, and its place in the menu."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from app.web.shell.gate import Declared
from app.web.shell.people import Access, Face

Endpoint = Callable[..., Any]


class UndeclaredRoute(Exception):
    """A route does not say who may use it; the program does not start with such a route."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the menu: the key of its words, where it leads, and its place in the order.

    Pages of one `group` (the key of its words) stand together; a page without one stands alone.
    Addresses that begin with one of `also` belong to it too.
    """

    key: str
    path: str
    access: Access
    face: Face = "staff"
    place: int = 50
    group: str = ""
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class Room:
    """The routes of one room. `get` and `post` declare a route together with its access."""

    name: str
    entries: Sequence[Entry] = ()
    router: APIRouter = field(default_factory=APIRouter)
    declared: dict[tuple[str, str], Access] = field(default_factory=dict)
    upload_bytes: dict[str, int] = field(default_factory=dict)
    shown_on: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, endpoint: Endpoint, *, access: Access) -> None:
        """A page that changes nothing."""
        self._add("GET", path, endpoint, access)

    def post(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        access: Access,
        most_bytes: int | None = None,
        shown_on: str = "",
    ) -> None:
        """What a form does; the form is in `form_of(request)`. `most_bytes` allows a large file.

        Whoever opens the address is led to the next page above it, or to the one it is `shown_on`.
        """
        self._add("POST", path, endpoint, access)
        if shown_on:
            self.shown_on[path] = shown_on
        if most_bytes is not None:
            self.upload_bytes[path] = most_bytes

    def _add(self, method: str, path: str, endpoint: Endpoint, access: Access) -> None:
        self.declared[method, path] = access
        self.router.add_api_route(path, endpoint, methods=[method], response_model=None)


def declared_access(rooms: Iterable[Room]) -> dict[tuple[str, str], Access]:
    """Who may use each route of all rooms; raises `UndeclaredRoute` for one declared twice."""
    found: dict[tuple[str, str], Access] = {}
    for room in rooms:
        for route, access in room.declared.items():
            if route in found:
                raise UndeclaredRoute(f"{route[0]} {route[1]} is declared by two rooms")
            found[route] = access
    return found


def routes_of(app: FastAPI) -> list[tuple[str, str]]:
    """(method, path) of every route of the application, as its router has them."""
    return sorted(
        (method, route.path or "")
        for route in iter_route_contexts(app.routes)
        for method in (route.methods or ())
        if method != "HEAD"
    )


def check_declared(app: FastAPI, declared: Declared) -> None:
    """Raise `UndeclaredRoute` when the router holds a route that nobody declared."""
    for route in routes_of(app):
        if route not in declared:
            raise UndeclaredRoute(
                f"{route[0]} {route[1]} does not say who may use it; add it with Room.get or "
                "Room.post and an access"
            )


def access_table(declared: Declared) -> str:
    """The routes and who may use them, as a table for the documents."""
    lines = ["| route | who may |", "|---|---|"]
    ordered: Mapping[tuple[str, str], Access] = dict(
        sorted(declared.items(), key=lambda item: (item[0][1], item[0][0]))
    )
    lines += [f"| `{m} {path}` | {access.label} |" for (m, path), access in ordered.items()]
    return "\n".join(lines) + "\n"
