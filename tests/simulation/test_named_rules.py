"""Rules that need a world of their own: old and new program (32), a drained backlog (38), fairness
among merchants (39), goods that are captured when shipped (41, 42)."""

from dataclasses import replace

import pytest

from scheduler import fair
from simulation.market import invariant_39_fair_among_merchants, play_market
from simulation.planted_bugs import small
from simulation.play import Played, play
from simulation.setting import quiet
from simulation.view import Violation

DUE = {"giant": 160} | {f"small-{n}": 6 for n in range(5)}


def assert_holds(played: Played) -> None:
    assert played.violation is None, f"{played.detail}\n" + "\n".join(played.lines[-25:])


def test_an_old_and_a_new_program_work_together() -> None:
    """Invariant 32: each sends keys that the other began, with the other's bytes."""
    loud = {"timeout_after": 150, "500_before": 150, "reset_after": 50}
    world = small(3, subscriptions=20, anchors=(1, 31), schedulers=2, two_programs=True)
    played = play(replace(world, network=loud, kill=5, delay=20))
    assert_holds(played)
    assert played.counts["two programs: a key taken over"]


def test_a_backlog_drains_after_an_outage() -> None:
    """Invariant 38: in so long as the outage, and what 0.95 of the rate needs."""
    world = quiet(1, subscriptions=30, anchors=(1,), days=9, settle_days=1, paced=True)
    played = play(replace(world, outage_on=7, outage_hours=1))
    assert_holds(played)
    assert played.counts["outage ended"] > 20


def test_no_merchant_waits_for_a_giant() -> None:
    """Invariant 39: p99 of each within three times what its own quota and the turns make it."""
    invariant_39_fair_among_merchants(play_market(DUE))


def test_serving_one_after_the_other_is_found_unfair(monkeypatch: pytest.MonkeyPatch) -> None:
    def to_the_end(names: list[str], work: object) -> None:
        for name in names:
            while work(name):  # type: ignore[operator] # as the real one calls it
                pass

    monkeypatch.setattr(fair, "take_turns", to_the_end)
    with pytest.raises(Violation, match="invariant_39"):
        invariant_39_fair_among_merchants(play_market(DUE))


@pytest.mark.parametrize("seed", [1, 3], ids="seed{}".format)
def test_goods_are_captured_when_shipped(seed: int) -> None:
    """Invariants 41 and 42, with a warehouse that is late, forgets, withdraws and ships parts."""
    world = small(seed, shape="goods", anchors=(1, 15), shipping=600, decline=100)
    played = play(replace(world, network={"timeout_after": 60, "500_before": 60, "cut_body": 30}))
    assert_holds(played)
    assert played.counts["goods shipped"]
    assert played.counts["amazon captured in part"]
