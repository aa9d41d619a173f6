"""Small, loud worlds on each commit; the long profile plays more, and looks at rare states."""

from collections import Counter
from dataclasses import replace

import pytest

from simulation import sometimes
from simulation.planted_bugs import small
from simulation.play import Played, play
from simulation.setting import drawn, quiet

SMALL_ON_EACH_COMMIT = (14, 32)
NIGHTLY_YEARS = 10_000

# What befalls a world, and a rare state that shows that it did.
OF_ONE_KIND = {
    "messages go astray": (
        small(2, messages=500, late=200, buyer_per_100_days=100, decline=100),
        "message twice",
    ),
    "books from a backup": (
        small(4, restore_on=20, decline=200, late=100, buyer_per_100_days=50),
        "restore ended",
    ),
    "failures kept for ever": (small(5, kept_500=100), "amazon kept failure"),
    "nobody can be told": (small(7, mails=300, decline=100), "mail fails"),
}


def assert_holds(played: Played) -> None:
    last = "\n".join(played.lines[-25:])
    seed = played.setting.seed
    assert played.violation is None, (
        f"seed {seed}: {played.detail}\n{last}\n"
        f"python scripts/simulate.py run --years 1 --from-seed {seed} writes the file of it"
    )


@pytest.mark.parametrize("shape", ["plain", "mixed", "heavy", "short"])
def test_a_quiet_world_charges_every_cycle_once(shape: str) -> None:
    played = play(quiet(1, subscriptions=15, days=35, settle_days=5, shape=shape))
    assert_holds(played)
    assert played.charges >= 14
    assert not played.counts["slot: set aside for a person"]


@pytest.mark.slow
def test_a_large_shop_over_a_months_end() -> None:
    """1,200 agreements of 300 permissions, three schedulers on two machines at once."""
    world = small(
        8,
        subscriptions=1_200,
        sharing=4,
        shape="heavy",
        anchors=(1, 31),
        days=8,
        settle_days=4,
        schedulers=3,
        one_host=False,
        in_flight=25,
        watch_hours=24,
        tick_seconds=3_600,
        network={"timeout_after": 5, "500_before": 5, "429": 10},
        decline=20,
        messages=300,
        delay=1,
        kill=1,
    )
    played = play(world)
    assert_holds(played)
    assert played.charges > 900
    assert played.counts["cap: a month filled to the last yen"] > 100
    assert played.counts["split: an invoice paid in parts"] > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", SMALL_ON_EACH_COMMIT, ids="seed{}".format)
def test_a_world_of_faults(seed: int) -> None:
    assert_holds(play(drawn(seed)))


@pytest.mark.parametrize("kind", OF_ONE_KIND)
def test_a_world_of_one_kind_of_trouble(kind: str) -> None:
    world, reached = OF_ONE_KIND[kind]
    played = play(world)
    assert_holds(played)
    assert played.counts[reached]


@pytest.mark.parametrize("seed", [2, 5], ids="seed{}".format)
def test_the_same_seed_is_the_same_trace(seed: int) -> None:
    """Invariant 31: nothing but the tape decides."""
    world = replace(drawn(seed), subscriptions=10, days=12, settle_days=6, delay=20, kill=2)
    first, second = play(world), play(world)
    assert_holds(first)
    assert (first.fingerprint, first.tape) == (second.fingerprint, second.tape)
    again = play(world, tape=first.tape)
    assert (again.fingerprint, again.tape) == (first.fingerprint, first.tape)


def test_another_seed_is_another_trace() -> None:
    world = replace(drawn(2), subscriptions=10, days=12, settle_days=6)
    assert play(world).fingerprint != play(replace(world, seed=3)).fingerprint


def test_a_clock_that_is_a_minute_fast_charges_in_the_month_it_holds() -> None:
    """9:00 on the 1st in Japan is midnight UTC; a fast clock sends before it, still in January."""
    world = quiet(
        6, subscriptions=3, days=8, settle_days=0, anchors=(1,), amazon_month="UTC", skew_seconds=60
    )
    assert_holds(play(world, tape={"skew s0#0": 1}))


def test_faults_change_nothing_but_the_time() -> None:
    """Invariant 40: a world of faults ends as its twin without any."""
    loud = {"timeout_after": 60, "500_before": 60, "reset_before": 30, "429": 30}
    clean = quiet(11, subscriptions=40, days=70, settle_days=20, anchors=(1, 10, 28))
    broken = replace(clean, network=loud, kill=4, delay=20, commit_lost=10, commit_unknown=10)
    faulty, twin = play(replace(broken, schedulers=2)), play(clean)
    assert_holds(faulty)
    assert_holds(twin)
    assert faulty.counts["POST charges timeout_after"] > 0
    assert faulty.ended == twin.ended


@pytest.mark.nightly
def test_years_of_faults() -> None:
    years, seed, reached = 0, 1_000, Counter[str]()
    while years < NIGHTLY_YEARS:
        played = play(drawn(seed))
        assert_holds(played)
        years += played.subscription_days // 365
        reached += played.counts
        seed += 1
    never = sometimes.never(reached)
    assert len(never) < len(sometimes.REGISTRY) // 5, never
