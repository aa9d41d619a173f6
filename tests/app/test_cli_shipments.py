"""`autopay shipment`, `charge chargeback` and `subscription close-permission`, at a terminal."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cli_user import Said, User
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

DAY = date(2026, 11, 30)
NOON = "2026-11-30T12:00:00+09:00"
FIRST, SECOND = (f"sub-00{number}-0010-renewal" for number in (1, 2))
GOODS = """
plans:
  - {code: basic, name: {ja: コーヒー豆, en: Coffee beans}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
"""


@dataclass(frozen=True)
class Warehouse:
    """The people who ship what two subscribers of a shop have authorised."""

    user: User
    settings: dict[str, object]
    shop: Shop
    folder: Path

    def __call__(self, *words: object) -> Said:
        return self.user(*words, "--at", NOON, **self.settings)

    def told(self, *words: object) -> Said:
        """A command that has no `--at`."""
        return self.user(*words, **self.settings)

    def file(self, text: str) -> Path:
        path = self.folder / "shipped.csv"
        path.write_text(text, encoding="utf-8")
        return path

    def captured(self) -> list[int]:
        """Yen that Amazon captured, by its own list."""
        return [c["capturedAmount"] for c in self.shop.amazon.charges() if c["capturedAmount"]]


@pytest.fixture
def warehouse(
    autopay: User, sqlite_url: str, sandbox: Sandbox, tmp_path: Path
) -> Iterator[Warehouse]:
    key = tmp_path / "key"
    with opening(sqlite_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(1), subscriber(2)], catalogue=GOODS)
        shop.charge_on(DAY)
        shop.go_to(DAY, hour=12)
        key.write_text(base64.b64encode(shop.master_key).decode())
        settings: dict[str, object] = {
            "database_url": sqlite_url,
            "merchant": MERCHANT,
            "amazon_url": sandbox.base_url,
            "master_key_file": key,
            "paced": "false",
        }
        yield Warehouse(autopay, settings, shop, tmp_path)


def test_what_waits_is_listed_shipped_and_paid(warehouse: Warehouse) -> None:
    waiting = warehouse.told("shipment", "list", "--json").json["waiting"]
    assert [each["reference"] for each in waiting] == [FIRST, SECOND]
    assert (waiting[0]["amount"], waiting[0]["lapses_on"]) == (3_240, "2026-12-30")
    said = warehouse("shipment", "ship", FIRST, "--amount", 2_160, "--json")
    assert (said.exit_code, said.json["shipments"][0]["capture"]) == (0, "done")
    again = warehouse("shipment", "ship", FIRST, "--amount", 2_160, "--json")
    assert again.json["shipments"][0]["repeated"] is True
    assert warehouse.captured() == [2_160]
    assert len(warehouse.told("shipment", "list", "--json").json["waiting"]) == 1
    assert warehouse.shop.faults() == []


def test_a_file_is_recorded_whole_or_not_at_all(warehouse: Warehouse) -> None:
    bad = warehouse.file(
        f"reference,shipped_on,amount\n{FIRST},2026-11-30,\nnobody,2026-11-30,\n"
        f"{SECOND},2026-11-30,9999\n"
    )
    said = warehouse("shipment", "import", bad)
    assert said.exit_code == 1
    assert "'nobody': is no charge of this merchant" in said.errors
    assert "at most 3240 yen are authorised" in said.errors
    assert "2 shipments cannot be recorded; nothing was" in said.errors
    assert warehouse.captured() == []
    good = warehouse.file(
        f"reference,shipped_on,amount\n{FIRST},2026-11-30,\n{SECOND},2026-11-30,1080\n"
    )
    said = warehouse("shipment", "import", good, "--lang", "en")
    assert (said.exit_code, sorted(warehouse.captured())) == (0, [1_080, 3_240])
    assert "The shipments are recorded" in said.output
    assert warehouse.shop.faults() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a,b\n", "the first line must be reference,shipped_on", id="header"),
        pytest.param(
            f"reference,shipped_on,amount\n{FIRST},yesterday,\n", "is not a day", id="day"
        ),
        pytest.param(
            f"reference,shipped_on,amount\n{FIRST},2026-11-30,12.5\n", "number of yen", id="yen"
        ),
        pytest.param("reference,shipped_on,amount\n,2026-11-30,\n", "a reference", id="nameless"),
        pytest.param(
            f"reference,shipped_on,amount\n{FIRST},2026-11-30,1\n{FIRST},2026-11-30,2\n",
            "is named twice",
            id="twice",
        ),
    ],
)
def test_a_bad_file_says_where_and_why(warehouse: Warehouse, text: str, words: str) -> None:
    said = warehouse("shipment", "import", warehouse.file(text))
    assert (said.exit_code, warehouse.captured()) == (1, [])
    assert words in said.errors


def test_a_capture_that_amazon_still_works_on_is_told(warehouse: Warehouse) -> None:
    warehouse.shop.amazon.patch_permission(
        "C03-0000001-0000001", behaviour=["Capture:HardDeclined"]
    )
    said = warehouse("shipment", "ship", FIRST, "--json")
    assert (said.exit_code, said.json["shipments"][0]["capture"]) == (0, "pending")
    assert warehouse.captured() == []


def test_a_chargeback_is_booked_and_too_much_is_told(warehouse: Warehouse) -> None:
    words = ("charge", "chargeback", FIRST, "--amount", 3_240, "--on", "2026-11-30")
    early = warehouse(*words, "--reason", "stolen")
    assert early.exit_code == 1
    assert "only captured money can be taken back" in early.errors
    warehouse("shipment", "ship", FIRST)
    said = warehouse(*words, "--reason", "stolen", "--case", "D-1", "--json")
    assert said.json["returned"] == 3_240
    more = warehouse(*words, "--reason", "again", "--case", "D-2", "--json")
    assert (more.exit_code, more.json["returned"]) == (0, 6_480)
    assert "6,480 of 3,240 yen went back" in more.errors


def test_a_permission_in_use_is_not_closed(warehouse: Warehouse) -> None:
    unasked = warehouse("subscription", "close-permission", "sub-001")
    assert (unasked.exit_code, "add --yes" in unasked.errors) == (2, True)
    said = warehouse("subscription", "close-permission", "sub-001", "--yes")
    assert said.exit_code == 1
    assert "is used by subscription sub-001, which is not over" in said.errors


def test_goods_that_wait_are_not_retried(warehouse: Warehouse) -> None:
    said = warehouse("charge", "retry", FIRST)
    assert said.exit_code == 1
    assert "it is authorised and waits for its shipment" in said.errors
