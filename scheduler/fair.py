"""Fair between merchants: who gets the next slice.

A merchant has lanes. The first lanes of all merchants come before any second lane, so that one with
millions due takes what is left over and nothing that others could use. Within a lane whoever has
just had a slice goes to the end.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """The right of one merchant to have one slice worked on at a time; lane 0 comes first."""

    merchant_id: str
    lane: int


def hand_out(due: Mapping[str, int], *, per_lane: int, lanes: int) -> list[Share]:
    """The shares of merchants with so much due each, in the order in which they are to begin.

    A merchant gets a lane for each `per_lane` of its work, at most `lanes`.
    """
    wanted = {name: min(lanes, -(-count // per_lane)) for name, count in due.items()}
    return [
        Share(name, lane)
        for lane in range(lanes)
        for name, number in sorted(wanted.items())
        if lane < number
    ]


def take_turns(names: Iterable[str], work: Callable[[str], bool]) -> None:
    """Call `work` with each name in turn, again and again while it returns that there is more."""
    waiting = deque(names)
    while waiting:
        name = waiting.popleft()
        if work(name):
            waiting.append(name)


def jain_index(served: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all got the same, 1/n when one of n got everything."""
    squares = sum(share * share for share in served)
    return sum(served) ** 2 / (len(served) * squares) if squares else 1.0
