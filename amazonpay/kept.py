"""A mapping that stays as it was read, and that can be copied, pickled and turned into a dict.

`types.MappingProxyType` can do none of the three, and its repr shows the personal data inside.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

V = TypeVar("V")


class Kept(Mapping[str, V]):
    """A copy of `members`, unchangeable on its first level; repr shows the names only."""

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, V]) -> None:
        self._members = dict(members)

    def __getitem__(self, name: str) -> V:
        return self._members[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __repr__(self) -> str:
        return f"Kept({', '.join(self._members)})"
