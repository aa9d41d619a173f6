"""What the shipment scenarios share: a shop that sells goods, and a warehouse that ships them."""

from datetime import date, datetime, timedelta
from typing import Any

from support.shop import OpenShop, Shop, subscriber

from billing import RecordedShipment, Shipment, record_shipments, writing

DAY = date(2026, 11, 30)

GOODS = """
plans:
  - {code: basic, name: {ja: コーヒー豆, en: Coffee beans}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
  - {code: digital, name: {ja: 電子版, en: Digital}, price: 1100, tax: standard,
     every: {unit: month, count: 1}}
"""


def goods_shop(opened: OpenShop, *, subscribers: int = 1, **arguments: Any) -> Shop:
    """A shop of subscribers to goods for 3,240 yen a month, due on 30 November."""
    rows = [subscriber(number) for number in range(1, subscribers + 1)]
    return opened(subscribers=rows, catalogue=GOODS, **arguments)


def authorized_shop(opened: OpenShop, *, subscribers: int = 1, **arguments: Any) -> Shop:
    """The same, each charge authorised on 30 November at 9:00."""
    shop = goods_shop(opened, subscribers=subscribers, **arguments)
    shop.charge_on(DAY)
    return shop


def ship(
    shop: Shop,
    number: int = 1,
    *,
    amount_yen: int | None = None,
    on: date | None = None,
    cycle: int = 10,
) -> RecordedShipment:
    """Tell that the goods of a subscriber have left today, or `on`."""
    shipped_on = on or shop.clock.now().date()
    shipment = Shipment(f"sub-{number:03d}-{cycle:04d}-renewal", shipped_on, amount_yen)
    merchant, at = shop.engine.merchant, shop.clock.now()
    (recorded,) = writing(
        shop.database,
        lambda connection: record_shipments(
            connection, merchant, [shipment], actor="warehouse", at=at
        ),
    )
    return recorded


def hours_later(shop: Shop, hours: int) -> datetime:
    """Move both clocks on."""
    at = shop.clock.now() + timedelta(hours=hours)
    shop.amazon.set_clock(at)
    shop.clock.set(at)
    return at


def settle(shop: Shop, *, looks: int = 3) -> None:
    """Looks an hour apart at what was shipped or is to be cancelled."""
    for _ in range(looks):
        hours_later(shop, 1)
        shop.engine.settle_shipments()


def slots(shop: Shop) -> list[str]:
    """The states of every slot, oldest first."""
    return [row["state"] for row in shop.rows("SELECT state FROM slot ORDER BY id")]


def attempts(shop: Shop) -> list[tuple[str, int]]:
    """State and yen of every attempt, oldest first."""
    rows = shop.rows("SELECT state, amount_yen FROM attempt ORDER BY id")
    return [(row["state"], row["amount_yen"]) for row in rows]


def acts(shop: Shop) -> list[tuple[str, str]]:
    """Kind and state of every act, oldest first."""
    rows = shop.rows("SELECT kind, state FROM act ORDER BY id")
    return [(row["kind"], row["state"]) for row in rows]


def cap(shop: Shop) -> list[tuple[str, int, int]]:
    """Month, yen used and yen held of every cap month."""
    rows = shop.rows("SELECT month, used_yen, held_yen FROM cap_month ORDER BY month")
    return [(row["month"], row["used_yen"], row["held_yen"]) for row in rows]


def charges_at_amazon(shop: Shop) -> list[tuple[str, int]]:
    """State and yen of every charge, by Amazon's own list."""
    return [(charge["state"], charge["amount"]) for charge in shop.amazon.charges()]
