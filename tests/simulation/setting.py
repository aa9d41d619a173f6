"""What a simulated world is like: drawn from its seed, small enough to be read in a failure's file.

Swarm testing: each seed has its own mix of faults, so that one loud fault does not drown the rest.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

# Edges of the calendar that a world begins a few days before.
EDGES = (
    date(2027, 1, 1),
    date(2027, 2, 28),
    date(2027, 3, 31),
    date(2027, 12, 31),
    date(2028, 2, 29),
    date(2028, 3, 1),
    date(2028, 4, 30),
)

NETWORK = (
    "timeout_before",
    "timeout_after",
    "late_effect",
    "reset_before",
    "reset_after",
    "500_before",
    "500_after",
    "503",
    "429",
    "cut_body",
    "garbage",
    "slow",
    "failure_before",
    "failure_after",
)
"""What may become of one call to Amazon, besides an answer."""

SHAPES: dict[str, tuple[str, ...]] = {
    "plain": ("basic",),
    "mixed": ("basic", "studio", "coffee", "team", "gift"),
    "heavy": ("studio", "studio", "basic", "yearly"),
    "short": ("week", "basic"),
    "long": ("basic", "quarter", "half", "annual"),
    "goods": ("beans", "crate", "basic", "beans"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One world. Rates are chances in a thousand; days are virtual."""

    seed: int
    start: date
    days: int
    settle_days: int = 45
    subscriptions: int = 100
    sharing: int = 1
    anchors: tuple[int, ...] = (1, 15, 31)
    shape: str = "plain"
    schedulers: int = 1
    one_host: bool = True
    environment: str = "live"
    paced: bool = False
    in_flight: int = 8
    watch_hours: int = 6
    tick_seconds: int = 60
    charge_hour: int = 9
    cap_yen: int = 50_000
    cap_rule: str = "split"
    dunning_days: str = "1,3,7,14"
    dunning_end: str = "pause"
    amazon_month: str = "JST"
    keeps_refusals: bool = True
    network: dict[str, int] = field(default_factory=dict)
    decline: int = 0
    late: int = 0
    delay: int = 0
    delay_only_at: tuple[str, ...] = ()
    kill: int = 0
    commit_lost: int = 0
    commit_unknown: int = 0
    lock_lost: int = 0
    skew_seconds: int = 0
    clock_jump: int = 0
    actions_per_100_days: int = 0
    buyer_per_100_days: int = 0
    brake: int = 0
    messages: int | None = None
    kept_500: int = 0
    restore_on: int | None = None
    mails: int | None = None
    shipping: int = 0
    outage_on: int | None = None
    outage_hours: int = 3
    two_programs: bool = False
    open_authorizations: str = "one"
    pending_authorizations: bool = False
    frees_canceled: bool = False
    cap_of_canceled: str = "kept"
    only: tuple[int, ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """For a failure's file."""
        return asdict(self) | {"start": self.start.isoformat()}

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> Setting:
        """Read a failure's file."""
        values = dict(said)
        values["start"] = date.fromisoformat(values["start"])
        values["anchors"] = tuple(values["anchors"])
        values["delay_only_at"] = tuple(values["delay_only_at"])
        if values.get("only") is not None:
            values["only"] = tuple(values["only"])
        return cls(**values)


def quiet(seed: int, **changes: Any) -> Setting:
    """A world without any fault."""
    return replace(Setting(seed=seed, start=date(2027, 1, 25), days=70), **changes)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a shop is, and how much noise it bears: large ones share the cost of each run."""

    subscriptions: tuple[int, ...]
    days: tuple[int, ...]
    network: tuple[int, ...]
    decline: tuple[int, ...]
    delay: tuple[int, ...]
    broken: tuple[int, ...]
    acts: tuple[int, ...]
    schedulers: tuple[int, ...]
    in_flight: int
    watch_hours: int
    tick_seconds: int


SMALL = Size(
    subscriptions=(12, 40, 80),
    days=(45, 60, 100),
    network=(0, 10, 40, 150),
    decline=(0, 10, 50, 200),
    delay=(0, 2, 10, 50),
    broken=(0, 0, 2, 10),
    acts=(0, 10, 30, 80),
    schedulers=(1, 1, 2, 2, 3, 4),
    in_flight=8,
    watch_hours=6,
    tick_seconds=60,
)
LARGE = Size(
    subscriptions=(1_600, 2_000, 2_400),
    days=(70, 100, 130),
    network=(0, 1, 3, 10),
    decline=(0, 5, 10, 20),
    delay=(0, 1, 2),
    broken=(0, 0, 1, 2),
    acts=(0, 1, 2),
    schedulers=(1, 1, 2),
    in_flight=25,
    watch_hours=24,
    tick_seconds=3_600,
)


def drawn(seed: int) -> Setting:
    """The world of a seed: two in three are small and loud, the third is large."""
    return drawn_of(seed, LARGE if seed % 3 == 0 else SMALL)


def large(seed: int) -> Setting:
    """A large world of a seed, in which many years pass."""
    return drawn_of(seed, LARGE)


def drawn_of(seed: int, size: Size) -> Setting:
    """A world of a size; what it is like is the seed's."""
    dice = Random(f"world {seed}")
    edge = dice.choice(EDGES) - timedelta(days=dice.randint(1, 9))
    loud = dice.choice(size.network)
    world = Setting(
        seed=seed,
        start=edge,
        days=dice.choice(size.days),
        subscriptions=dice.choice(size.subscriptions),
        sharing=dice.choice((1, 1, 1, 2, 4)),
        anchors=dice.choice(((1,), (31,), (1, 15, 31), (5, 10, 20, 25, 27), (28, 29, 30, 31))),
        shape=dice.choice(("plain", "mixed", "mixed", "heavy", "short", "long", "long")),
        schedulers=dice.choice(size.schedulers),
        one_host=dice.random() < 0.5,
        environment=dice.choice(("live", "sandbox")),
        # Under the pace a run has only a handful in hand: too slow for a large shop.
        paced=dice.random() < 0.15 and size is SMALL,
        in_flight=size.in_flight,
        watch_hours=size.watch_hours,
        tick_seconds=size.tick_seconds,
        charge_hour=dice.choice((9, 9, 0, 8, 23)),
        cap_yen=dice.choice((50_000, 50_000, 30_000, 100_000)),
        cap_rule=dice.choice(("split", "defer", "refuse")),
        dunning_days=dice.choice(("1,3,7,14", "1", "2,5", "1,2,3")),
        dunning_end=dice.choice(("pause", "cancel", "keep_open")),
        amazon_month=dice.choice(("JST", "UTC")),
        keeps_refusals=dice.random() < 0.7,
        network={kind: loud for kind in NETWORK if loud and dice.random() < 0.4},
        decline=dice.choice(size.decline),
        late=dice.choice((0, 0, 2, 5)) * size.decline[-1] // 10,
        delay=dice.choice(size.delay),
        kill=dice.choice((0, 0, 1, 4)) if size is SMALL else dice.choice((0, 0, 1)),
        commit_lost=dice.choice(size.broken),
        commit_unknown=dice.choice(size.broken),
        lock_lost=dice.choice(size.broken) // 2,
        skew_seconds=dice.choice((0, 0, 5, 60)),
        clock_jump=dice.choice((0, 0, 0, 10)),
        actions_per_100_days=dice.choice(size.acts),
        buyer_per_100_days=dice.choice(size.acts),
        brake=dice.choice((0, 0, 20)),
        messages=dice.choice((None, 0, 300, 800)),
        kept_500=dice.choice((0, 0, 0, 1)),
        restore_on=dice.choice((None, None, 12, 30)) if size is SMALL else None,
        mails=dice.choice((0, 100, 500)) if size is SMALL else None,
        shipping=dice.choice((50, 200, 600)),
        open_authorizations=dice.choice(("one", "many")),
        pending_authorizations=dice.random() < 0.5,
    )
    # Books may count on room that Amazon gives back only where it does.
    frees = dice.random() < 0.5
    kept = dice.choice(("kept", "released")) if frees else "kept"
    world = replace(world, frees_canceled=frees, cap_of_canceled=kept)
    # One large shop in six and one small one in four sells goods.
    if dice.random() < (0.25 if size is SMALL else 1 / 6):
        world = replace(world, shape="goods")
    # Busy as the shop is large: else a small one would soon have nobody left.
    return replace(
        world,
        actions_per_100_days=world.actions_per_100_days * world.subscriptions // 100,
        buyer_per_100_days=world.buyer_per_100_days * world.subscriptions // 100,
    )
