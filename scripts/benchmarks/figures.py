"""One measured number, what is asked of it, and its ratio to a limit of the same run."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Literal

Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` None means that it could not be measured here; `required` None asks for nothing.

    `ratio` compares with `ratio_to`, measured in the same run: the machine's speed drops out.
    """

    name: str
    value: float | None
    unit: str
    required: float | None = None
    bound: Bound = "at least"
    ratio: float | None = None
    ratio_to: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the requirement is met; None without a requirement or a value."""
        if self.required is None or self.value is None:
            return None
        if self.bound == "at least":
            return self.value >= self.required
        return self.value <= self.required

    def as_json(self) -> dict[str, Any]:
        """The figure as one object."""
        return asdict(self) | {"holds": self.holds}


def per_second(work: Callable[[], object], *, seconds: float, batch: int = 1) -> float:
    """How often a second `work` runs: the best of three shares of `seconds`.

    `batch` is how many units one call of `work` is worth. The best share is the one that other
    programs on the machine disturbed least.
    """
    work()  # imports and caches are not what is measured
    return max(_one_share(work, seconds / 3, batch) for _ in range(3))


def _one_share(work: Callable[[], object], seconds: float, batch: int) -> float:
    calls, began = 0, perf_counter()
    while (spent := perf_counter() - began) < seconds:
        work()
        calls += 1
    return calls * batch / spent
