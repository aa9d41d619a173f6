"""Many merchants in one database, one of them a giant, served by a few workers in fair turns.

Shops, engines, slices, turns and pacing are the real ones; network and Amazon are simulated. How
long each merchant's charges wait is invariant 39.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import median, quantiles
from typing import Any, Final

from billing import (
    MerchantKeys,
    load_merchant,
    store_catalogue,
    store_keys,
    store_merchant,
    store_subscribers,
    writing,
)
from scheduler import AmazonEndpoint, BillingEngine, fair, start_engine
from simulation.amazon import Amazon
from simulation.setting import Setting, quiet
from simulation.shop import (
    MASTER_KEY,
    Shop,
    Stopped,
    catalogue,
    keys_read_once,
    on_network,
    opens_at,
    pem,
    row_of,
    subscribers,
)
from simulation.stage import on_stage
from simulation.store import Store, open_store
from simulation.tape import Tape
from simulation.view import Violation
from simulation.wire import Network
from simulation.world import DAY, SECOND, Process, World

SLICE: Final = 20
SLICE_SECONDS: Final = 2.0
_PER_SECOND: Final = 4
_HOST: Final = "https://pay-api.amazon.jp"


@dataclass(slots=True)
class Served:
    """Seconds that the charges of each merchant waited, and what its own quota makes it wait."""

    lags: dict[str, list[float]] = field(default_factory=dict)
    needs: dict[str, float] = field(default_factory=dict)
    round_seconds: float = 0.0

    def p99(self, name: str) -> float:
        """The wait that one charge in a hundred exceeds."""
        lags = self.lags[name]
        return quantiles(lags, n=100)[98] if len(lags) > 1 else lags[0]


def invariant_39_fair_among_merchants(served: Served) -> None:
    """Nobody's p99 wait is more than three times what its own quota and everybody's turn make it,
    nor, beyond its own quota, more than three times the median of all."""
    waits = {name: served.p99(name) for name in served.lags}
    usual = median(waits.values())
    for name, wait in waits.items():
        need = served.needs[name]
        if wait > 3 * (need + served.round_seconds) or wait - need > 3 * usual:
            raise Violation("invariant_39", f"{name} waits {wait:.1f} s, needs {need:.1f} s")


def play_market(due: Mapping[str, int], *, workers: int = 2, seed: int = 1) -> Served:
    """Charge what falls due on one morning; `due` says how much each merchant has."""
    setting = quiet(seed, anchors=(1,), paced=True, in_flight=8)
    world = World(start=opens_at(setting), tape=Tape(seed=seed))
    with open_store() as store, keys_read_once():
        amazon = Amazon(
            now=lambda: world.now, draw=lambda label, n: 0, month_zone="JST", keeps_refusals=True
        )
        network = Network(world=world, amazon=amazon, rates={}, point=lambda name: None)
        shops = [_shop(name, setting, due[name], store, amazon) for name in due]
        with _staged(world, store):
            return _served(world, network, shops, due, workers)


@contextmanager
def _staged(world: World, store: Store) -> Iterator[None]:
    with on_stage(world, one_host=True, point=lambda name: None):
        store.world, store.point = world, lambda name: world.give_way() if world.current else None
        yield
        world.end()


def _served(
    world: World, network: Network, shops: Sequence[Shop], due: Mapping[str, int], workers: int
) -> Served:
    served = Served(
        lags={name: [] for name in due},
        needs={name: count / _PER_SECOND for name, count in due.items()},
        round_seconds=len(due) / workers * SLICE_SECONDS,
    )
    # The first of February, nine o'clock in Japan: a week after the world begins.
    morning = world.now + 7 * DAY + 6 * 3_600 * SECOND

    def arrived(operation: str, about: str, key: str | None, body: bytes) -> None:
        if operation == "POST charges":
            reference = json.loads(body)["merchantMetadata"]["merchantReferenceId"]
            served.lags[reference.rpartition("-sub-")[0]].append((world.now - morning) / SECOND)

    network.arrived = arrived
    for shop in shops:
        on_network(shop, world=world, network=network)
    engines = {shop.merchant.id: shop.engine for shop in shops}
    for number in range(workers):
        process = Process(f"w{number}")
        world.at(
            morning + SECOND,
            lambda p=process: _ignore(world.spawn(p, lambda: _work(world, engines))),
        )
    world.run(until=morning + 3_600 * SECOND)
    assert {name: len(lags) for name, lags in served.lags.items()} == dict(due)
    return served


def _work(world: World, engines: Mapping[str, BillingEngine]) -> None:
    """What a worker does at a tick: a slice of each merchant in turn, while there is more."""

    def slice_of(name: str) -> bool:
        with engines[name].new_senders() as senders:
            return engines[name].run_slice(
                senders,
                run_id=world.running().process.worker_id,
                limit=SLICE,
                seconds=SLICE_SECONDS,
            )

    fair.take_turns(engines, slice_of)


def _shop(name: str, setting: Setting, count: int, store: Store, amazon: Amazon) -> Shop:
    mine = replace(setting, subscriptions=count, seed=setting.seed + sum(name.encode()))
    people = [
        replace(
            each,
            name=f"{name}-{each.name}",
            plan="basic",
            anchor=setting.start.replace(day=1),
            anchor_day=1,
            next_on=setting.start + timedelta(days=7),
            permission=f"C03-{sum(name.encode()) * 1_000 + number:07d}-0000001",
        )
        for number, each in enumerate(subscribers(mine))
    ]
    at = opens_at(setting) - timedelta(hours=1)
    keys = MerchantKeys(
        seller_id="SELLER",
        store_id="STORE",
        public_key_id="LIVE-SIMULATED",
        private_key_pem=pem(),
    )

    def fill(connection: Any) -> Any:
        store_merchant(connection, merchant_id=name, environment="live", rules={})
        store_keys(connection, merchant_id=name, keys=keys, master_key=MASTER_KEY)
        store_catalogue(connection, name, catalogue())
        merchant = load_merchant(connection, name)
        rows = [row_of(each, number) for number, each in enumerate(people)]
        assert store_subscribers(connection, merchant, rows, at=at).differing == ()
        return merchant

    merchant = writing(store.engine, fill)
    for each in people:
        amazon.consent(each.permission, limit=setting.cap_yen)
    endpoint = AmazonEndpoint(base_url=_HOST, paced=True, in_flight=setting.in_flight)
    engine = start_engine(
        database=store.engine,
        merchant_id=name,
        master_key=MASTER_KEY,
        endpoint=endpoint,
        clock=Stopped(at),
    )
    return Shop(mine, people, merchant, engine)


def _ignore(_task: object) -> None:
    """The world keeps its tasks."""
