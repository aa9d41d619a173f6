"""The simulated cards and the test buyers that every local Amazon Pay begins with.

Cards: sandbox-simulation.md §2. Brands are decoration; the last four digits decide.
"""

from typing import Final

from amazonpay.sandbox.checkout.rows import Address, Buyer, Effect, Instrument
from amazonpay.sandbox.fields import Json

ADDRESS_FIELDS: Final = {
    "name": 50,
    "addressLine1": 180,
    "addressLine2": 60,
    "addressLine3": 60,
    "city": 50,
    "county": 50,
    "district": 50,
    "stateOrRegion": 50,
    "postalCode": 20,
    "countryCode": 2,
    "phoneNumber": 20,
}
_EFFECTS: Final[dict[Effect, tuple[str, str]]] = {
    "ok": ("成功", "succeeds"),
    "buyer_canceled": ("購入者によるキャンセル", "ends as canceled by the buyer"),
    "declined": ("支払い拒否", "is declined"),
    "pending": ("保留、30秒後に承認", "stays pending for 30 seconds, then is authorized"),
    "pending_declined": ("保留、30秒後に拒否", "stays pending for 30 seconds, then is declined"),
}
_CARDS: Final[tuple[tuple[str, str, Effect], ...]] = (
    ("1111", "Visa", "ok"),
    ("4444", "MasterCard", "ok"),
    ("0005", "American Express", "ok"),
    ("9424", "Discover", "ok"),
    ("0000", "JCB", "ok"),
    ("3064", "Visa", "buyer_canceled"),
    ("3434", "Visa", "declined"),
    ("0701", "Visa", "pending"),
    ("4354", "MasterCard", "pending_declined"),
)


def _card(last4: str, brand: str, effect: Effect) -> Instrument:
    descriptor = f"{brand} ****{last4} (Amazon Pay)"
    return Instrument(f"card-{last4}", brand, last4, descriptor, effect, *_EFFECTS[effect])


CARDS: Final = {last4: _card(last4, brand, effect) for last4, brand, effect in _CARDS}


def full_address(given: Json) -> Json:
    """All eleven fields in Amazon's order, absent ones null."""
    return {name: given.get(name) for name in ADDRESS_FIELDS}


def entry(
    address_id: str, *, name: str, line: str, prefecture: str, code: str, phone: str
) -> Address:
    """A Japanese address as Amazon answers it: no city, the prefecture in `stateOrRegion`."""
    return Address(
        address_id,
        full_address(
            {
                "name": name,
                "addressLine1": line,
                "stateOrRegion": prefecture,
                "postalCode": code,
                "countryCode": "JP",
                "phoneNumber": phone,
            }
        ),
    )


def new_buyer(
    buyer_id: str, *, name: str, email: str, phone: str, addresses: tuple[Address, ...]
) -> Buyer:
    """A buyer whose wallet holds every simulated card."""
    return Buyer(buyer_id, name, email, phone, tuple(CARDS.values()), addresses)


def homes(name: str, phone: str) -> tuple[Address, ...]:
    """The address book of a buyer who was made without one."""
    return (
        entry(
            "address-1",
            name=name,
            line="目黒区下目黒1-8-1",
            prefecture="東京都",
            code="153-0064",
            phone=phone,
        ),
        entry(
            "address-2",
            name=name,
            line="那覇市泉崎1-2-2",
            prefecture="沖縄県",
            code="900-0021",
            phone=phone,
        ),
    )


def _test_buyers() -> dict[str, Buyer]:
    yamada = ("山田 花子", "hanako.yamada@example.jp", "09000000001")
    suzuki = ("鈴木 一郎", "ichiro.suzuki@example.jp", "09000000002")
    sato = ("佐藤 美咲", "misaki.sato@example.jp", "09000000003")
    books = {
        yamada: homes(yamada[0], yamada[2]),
        suzuki: (
            entry(
                "address-1",
                name=suzuki[0],
                line="大阪市北区中之島1-3-20",
                prefecture="大阪府",
                code="530-0005",
                phone=suzuki[2],
            ),
            entry(
                "address-2",
                name="鈴木商店 総務部",
                line="札幌市中央区北1条西2",
                prefecture="北海道",
                code="060-0001",
                phone=suzuki[2],
            ),
        ),
        sato: (
            entry(
                "address-1",
                name=sato[0],
                line="横浜市中区日本大通1",
                prefecture="神奈川県",
                code="231-0021",
                phone=sato[2],
            ),
            *homes(sato[0], sato[2])[1:],
        ),
    }
    made = (
        new_buyer(
            f"amzn1.account.AF7TESTBUYER{number:02d}LOCALAPAY",
            name=person[0],
            email=person[1],
            phone=person[2],
            addresses=book,
        )
        for number, (person, book) in enumerate(books.items(), start=1)
    )
    return {buyer.buyer_id: buyer for buyer in made}


TEST_BUYERS: Final = _test_buyers()
