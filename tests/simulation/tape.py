"""The choice tape: every random decision of a simulated world, so that any run can be replayed.

A choice is named by its label and by how often that label was asked before. 0 is the boring thing
(no fault, no delay, first come first served); only other values are written down. A tape without
entries is a quiet world, so a shrinker removes entries and lowers values.
"""

from collections.abc import Mapping
from random import Random

PERMILLE = 1_000


class Tape:
    """Answers choices: from a seed, or from a written tape (then nothing is random)."""

    def __init__(self, *, seed: int, written: Mapping[str, int] | None = None) -> None:
        self._random = None if written is not None else Random(seed)
        self._written = written or {}
        self._asked: dict[str, int] = {}
        self.taken: dict[str, int] = {}
        """What was chosen other than 0: "label#n" → value."""

    def choose(self, label: str, n: int, *, permille: int = PERMILLE) -> int:
        """A whole number from 0 to `n` - 1; other than 0 with a chance of `permille`.

        With the whole permille all `n` values are alike. A choice that cannot be other than 0
        (a fault that this world does not have) is not counted, so that it costs nothing.
        """
        if n <= 1 or permille <= 0:
            return 0
        count = self._asked.get(label, 0)
        self._asked[label] = count + 1
        if self._random is None:
            value = min(self._written.get(f"{label}#{count}", 0), n - 1)
        elif permille >= PERMILLE:
            value = int(self._random.random() * n)
        elif self._random.random() * PERMILLE < permille:
            value = 1 + int(self._random.random() * (n - 1))
        else:
            return 0
        if value:
            self.taken[f"{label}#{count}"] = value
        return value
