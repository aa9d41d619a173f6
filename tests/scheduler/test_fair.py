"""Nobody waits for a giant: first lanes before second ones, and whoever had a slice goes last."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.fair import Share, hand_out, jain_index, take_turns

DUE = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.integers(1, 10**7), min_size=1)


@pytest.mark.parametrize(
    ("due", "lanes", "expected"),
    [
        pytest.param({}, 8, [], id="nothing due"),
        pytest.param({"a": 1}, 8, [("a", 0)], id="one charge is one lane"),
        pytest.param({"a": 50}, 8, [("a", 0)], id="50 are one lane"),
        pytest.param({"a": 51}, 8, [("a", 0), ("a", 1)], id="51 are two"),
        pytest.param({"a": 5_000_000}, 2, [("a", 0), ("a", 1)], id="millions take all lanes"),
        pytest.param(
            {"giant": 5_000_000, "b": 1, "c": 60},
            3,
            [("b", 0), ("c", 0), ("giant", 0), ("c", 1), ("giant", 1), ("giant", 2)],
            id="everybody's first lane comes before anybody's second",
        ),
    ],
)
def test_hand_out(due: dict[str, int], lanes: int, expected: list[tuple[str, int]]) -> None:
    assert hand_out(due, per_lane=50, lanes=lanes) == [Share(*pair) for pair in expected]


@given(due=DUE, lanes=st.integers(1, 8))
def test_everybody_gets_a_first_lane_and_lanes_never_go_back(
    due: dict[str, int], lanes: int
) -> None:
    shares = hand_out(due, per_lane=50, lanes=lanes)
    assert {share.merchant_id for share in shares if share.lane == 0} == set(due)
    assert [share.lane for share in shares] == sorted(share.lane for share in shares)
    assert len(set(shares)) == len(shares)


def test_turns_are_taken_one_after_the_other() -> None:
    left = {"a": 3, "b": 1, "c": 2}
    order: list[str] = []

    def work(name: str) -> bool:
        order.append(name)
        left[name] -= 1
        return left[name] > 0

    take_turns(left, work)
    assert order == ["a", "b", "c", "a", "c", "a"]


@pytest.mark.parametrize(
    ("served", "index"),
    [
        pytest.param([5, 5, 5, 5], 1.0, id="all the same"),
        pytest.param([8, 0, 0, 0], 0.25, id="one has all: 1/4"),
        pytest.param([2, 1], 0.9, id="(2+1)² / (2 × (4+1)) = 9/10"),
        pytest.param([], 1.0, id="nobody"),
    ],
)
def test_jain_index(served: list[float], index: float) -> None:
    assert jain_index(served) == pytest.approx(index)


@given(
    smalls=st.lists(st.integers(1, 2_000), min_size=2, max_size=60),
    workers=st.integers(1, 8),
    lanes=st.integers(1, 8),
)
def test_a_giant_does_not_make_small_ones_wait(smalls: list[int], workers: int, lanes: int) -> None:
    """Invariant 39. Played with slices of 200 that all take one turn, on so many workers.

    Round by round every merchant with work gets a slice, so the one with n slices is done after at
    most n rounds of one slice each for all merchants, however much the giant has.
    """
    due = {"giant": 5_000_000} | {f"small-{n:02d}": count for n, count in enumerate(smalls)}
    done_at = played(due, workers=workers, lanes=lanes, until_left={"giant"})
    per_round = -(-len(due) // workers)
    for n, count in enumerate(smalls):
        slices = -(-count // 200)
        assert done_at[f"small-{n:02d}"] <= slices * per_round + 1


def test_equals_are_served_equally() -> None:
    """30 merchants with work for ever: after any time the index of what they got is near 1."""
    served = dict.fromkeys((f"m{n:02d}" for n in range(30)), 0)
    played(dict.fromkeys(served, 10**9), workers=8, lanes=8, turns=100, served=served)
    assert jain_index(list(served.values())) > 0.99


def played(
    due: dict[str, int],
    *,
    workers: int,
    lanes: int,
    turns: int = 10**6,
    until_left: frozenset[str] | set[str] = frozenset(),
    served: dict[str, int] | None = None,
) -> dict[str, int]:
    """The queue as procrastinate keeps it: lower lanes first, then whoever waits longest.

    Returns the turn in which each merchant had nothing left.
    """
    left, done_at = dict(due), {}
    queues = {lane: deque[Share]() for lane in range(lanes)}
    for share in hand_out(due, per_lane=50, lanes=lanes):
        queues[share.lane].append(share)
    for turn in range(1, turns + 1):
        taken = []
        for _ in range(workers):
            queue = next((queue for queue in queues.values() if queue), None)
            if queue is not None:
                taken.append(queue.popleft())
        for share in taken:
            name = share.merchant_id
            if served is not None:
                served[name] += 1
            left[name] -= 200
            if left[name] > 0:
                queues[share.lane].append(share)
            else:
                done_at.setdefault(name, turn)
        if {name for name, count in left.items() if count > 0} <= until_left:
            break
    return done_at
