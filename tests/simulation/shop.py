"""The shop of a simulated world: its price list, its subscribers, its engine; all by real doors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from amazonpay import NO_RETRIES, AmazonPayClient, Credentials, load_private_key
from billing import (
    ImportStatus,
    Merchant,
    MerchantKeys,
    SubscriberRow,
    load_merchant,
    store_catalogue,
    store_keys,
    store_merchant,
    store_subscribers,
    writing,
)
from billing.store import merchants
from plans import parse_catalogue
from scheduler import AmazonEndpoint, BillingEngine, start_engine
from simulation.amazon import Amazon
from simulation.calendar import JAPAN, SOLD, start_of
from simulation.setting import SHAPES, Setting
from simulation.store import Store
from simulation.wire import Network, SignsNothing
from simulation.world import World

MERCHANT = "shop"
MASTER_KEY = bytes(range(32))
_HOST = "https://pay-api.amazon.jp"

CATALOGUE = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: studio, name: {ja: スタジオ, en: Studio}, price: 29800, tax: standard,
     every: {unit: month, count: 1}}
  - {code: team, name: {ja: チーム, en: Team}, price: 1480, tax: standard,
     every: {unit: month, count: 1}, per_seat: true}
  - {code: coffee, name: {ja: コーヒー, en: Coffee}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, first_price: 1980}
  - {code: gift, name: {ja: 初回無料, en: First free}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, first_price: 0}
  - {code: yearly, name: {ja: 年額, en: Yearly}, price: 98000, tax: standard,
     every: {unit: year, count: 1}}
  - {code: week, name: {ja: 隔週, en: Fortnight}, price: 777, tax: reduced,
     every: {unit: week, count: 2}}
  - {code: quarter, name: {ja: 3か月, en: Quarter}, price: 4800, tax: standard,
     every: {unit: month, count: 3}}
  - {code: half, name: {ja: 半年, en: Half year}, price: 8700, tax: standard,
     every: {unit: month, count: 6}}
  - {code: annual, name: {ja: 1年, en: Annual}, price: 15800, tax: standard,
     every: {unit: year, count: 1}}
  - {code: beans, name: {ja: 豆, en: Beans}, price: 3780, tax: reduced,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
  - {code: crate, name: {ja: 箱, en: Crate}, price: 19440, tax: standard,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
add_ons:
  - {code: support, name: {ja: 電話, en: Phone}, price: 600, tax: standard, per_seat: true}
coupons:
  - {code: half, name: {ja: 半額, en: Half}, off: {percent: 50}, cycles: 2, stackable: true}
"""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """What the oracle knows of a subscription that nobody has changed."""

    name: str
    plan: str
    quantity: int
    anchor: date
    anchor_day: int
    next_on: date
    permission: str


@cache
def pem() -> bytes:
    """A private key for the books."""
    # Made for the books only: simulated clients sign nothing.
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())


@contextmanager
def keys_read_once() -> Iterator[None]:
    """Reading a private key costs more than a week of a small world."""
    real = merchants.load_private_key
    merchants.load_private_key = _read_key
    try:
        yield
    finally:
        merchants.load_private_key = real


_read_key = cache(load_private_key)


@cache
def catalogue() -> Any:
    """The price list, read once."""
    return parse_catalogue(CATALOGUE)


def opens_at(setting: Setting) -> datetime:
    """The moment at which the world begins: the night before its first day, 3 o'clock in Japan."""
    return datetime(
        setting.start.year, setting.start.month, setting.start.day, 3, tzinfo=JAPAN
    ).astimezone(UTC)


def subscribers(setting: Setting) -> list[Subscriber]:
    """Who subscribes in a world, in an order that dropping some of them does not change."""
    dice = Random(f"people {setting.seed}")
    made = [_subscriber(setting, dice, number) for number in range(setting.subscriptions)]
    return [each for n, each in enumerate(made) if setting.only is None or n in setting.only]


def _subscriber(setting: Setting, dice: Random, number: int) -> Subscriber:
    plan = dice.choice(SHAPES[setting.shape])
    if plan == "yearly" and setting.cap_rule != "split":
        plan = "basic"
    if SOLD[plan].price > setting.cap_yen and setting.cap_rule != "split":
        plan = "basic"
    day = dice.choice(setting.anchors)
    months_ago, days_ago, quantity = dice.randint(1, 30), dice.randint(1, 300), dice.randint(1, 4)
    new = dice.random() < 0.1
    if SOLD[plan].days:
        anchor = setting.start - timedelta(days=days_ago)
        day = anchor.day
    else:
        year, month = divmod(setting.start.year * 12 + setting.start.month - 1 - months_ago, 12)
        anchor = start_of(SOLD["basic"], anchor=date(year, month + 1, 1), day=day, cycle=0)
    if new:
        anchor, day = setting.start + timedelta(days=dice.randint(0, 5)), 0
        day = anchor.day
    cycle = 0
    while (on := start_of(SOLD[plan], anchor=anchor, day=day, cycle=cycle)) < setting.start:
        cycle += 1
    return Subscriber(
        name=f"sub-{number:03d}",
        plan=plan,
        quantity=quantity if plan == "team" else 1,
        anchor=anchor,
        anchor_day=day,
        next_on=on,
        permission=f"C03-{number // setting.sharing:07d}-0000001",
    )


def row_of(each: Subscriber, number: int) -> SubscriberRow:
    """A line of an import file."""
    return SubscriberRow(
        line=number + 2,
        external_id=each.name,
        name=f"山田 {number}",
        kana="",
        email=f"user{number}@example.jp",
        plan_code=each.plan,
        quantity=each.quantity,
        started_on=each.anchor,
        anchor_day=None if SOLD[each.plan].days else each.anchor_day,
        next_charge_on=each.next_on,
        status=ImportStatus.ACTIVE,
        resume_on=None,
        charge_permission_id=each.permission,
        buyer_id=f"amzn1.account.{each.permission}",
        postal_code="",
        minimum_cycles_done=None,
        note="",
    )


@dataclass(slots=True)
class Shop:
    """The merchant with its people, and the engine as one program holds it."""

    setting: Setting
    people: list[Subscriber]
    merchant: Merchant
    engine: BillingEngine


def open_shop(setting: Setting, *, store: Store, amazon: Amazon) -> Shop:
    """Fill the books of a world and have its buyers consent."""
    people = subscribers(setting)
    at = opens_at(setting) - timedelta(hours=1)
    rules = {
        "cap_yen": setting.cap_yen,
        "cap_rule": setting.cap_rule,
        "dunning_days": setting.dunning_days,
        "dunning_end": setting.dunning_end,
        "charge_hour": setting.charge_hour,
        "open_authorizations": setting.open_authorizations,
        "pending_authorizations": setting.pending_authorizations,
        "cap_of_canceled": setting.cap_of_canceled,
    }
    key_id = f"{setting.environment.upper()}-SIMULATED"
    keys = MerchantKeys(
        seller_id="SELLER", store_id="STORE", public_key_id=key_id, private_key_pem=pem()
    )

    def fill(connection: Any) -> Merchant:
        environment: Any = setting.environment
        store_merchant(connection, merchant_id=MERCHANT, environment=environment, rules=rules)
        store_keys(connection, merchant_id=MERCHANT, keys=keys, master_key=MASTER_KEY)
        store_catalogue(connection, MERCHANT, catalogue())
        merchant = load_merchant(connection, MERCHANT)
        rows = [row_of(each, number) for number, each in enumerate(people)]
        assert store_subscribers(connection, merchant, rows, at=at).differing == ()
        return merchant

    with keys_read_once():
        return _opened(setting, store, amazon, people, fill, at)


def _opened(
    setting: Setting,
    store: Store,
    amazon: Amazon,
    people: list[Subscriber],
    fill: Callable[[Any], Merchant],
    at: datetime,
) -> Shop:
    merchant = writing(store.engine, fill)
    for permission in sorted({each.permission for each in people}):
        amazon.consent(permission, limit=setting.cap_yen)
    engine = start_engine(
        database=store.engine,
        merchant_id=MERCHANT,
        master_key=MASTER_KEY,
        endpoint=AmazonEndpoint(base_url=_HOST, paced=setting.paced, in_flight=setting.in_flight),
        clock=Stopped(at),
    )
    return Shop(setting, people, merchant, engine)


@dataclass(frozen=True, slots=True)
class Stopped:
    """A clock for the time before the world begins."""

    at: datetime

    def now(self) -> datetime:
        """Always the same."""
        return self.at


@dataclass(frozen=True, slots=True)
class _WorldClock:
    """Each process's own view of the time."""

    read: Callable[[], datetime]

    def now(self) -> datetime:
        """What the running process takes for the time."""
        return self.read()


def on_network(shop: Shop, *, world: World, network: Network) -> None:
    """Let the shop's engine call the model of Amazon over the simulated network."""
    signer: Any = SignsNothing()
    key_id = f"{shop.setting.environment.upper()}-SIMULATED"

    def make_client() -> AmazonPayClient:
        return AmazonPayClient(
            credentials=Credentials(public_key_id=key_id, private_key=signer),
            environment=shop.merchant.environment,
            clock=world.clock,
            base_url=_HOST,
            retries=NO_RETRIES,
            pacing=None,
            transport=network,
        )

    clock = _WorldClock(world.clock)
    shop.engine = replace(shop.engine, make_client=make_client, clock=clock)
