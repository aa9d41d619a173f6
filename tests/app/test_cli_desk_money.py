"""One-off charges, permissions replaced, refunds paid by hand, reports: at a terminal."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cli_user import Said, User, refusal
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

DAY = date(2026, 11, 30)
NOON = "2026-11-30T12:00:00+09:00"
FIRST, SECOND = (f"sub-00{number}-0010-renewal" for number in (1, 2))
CATALOGUE = """
plans:
  - {code: basic, name: {ja: コーヒー豆, en: Coffee beans}, price: 3240, tax: reduced,
     every: {unit: month, count: 1}, physical: true, capture: on_shipment}
  - {code: digital, name: {ja: 電子版, en: Digital}, price: 1100, tax: standard,
     every: {unit: month, count: 1}}
"""
MILL = ("--price", 3_300, "--name-ja", "ミル", "--name-en", "Mill", "--reason", "by telephone")


@dataclass(frozen=True)
class Desk:
    """Staff at the terminal; subscriber 1 has goods authorised, subscriber 2 has paid."""

    user: User
    settings: dict[str, object]
    shop: Shop

    def __call__(self, *words: object) -> Said:
        return self.user(*words, "--at", NOON, **self.settings)


@pytest.fixture
def desk(autopay: User, sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    key = tmp_path / "key"
    with opening(sqlite_url, sandbox) as open_one:
        rows = [subscriber(1), subscriber(2, plan_code="digital")]
        shop = open_one(subscribers=rows, catalogue=CATALOGUE)
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
        yield Desk(autopay, settings, shop)


def test_a_one_off_is_shown_charged_and_charged_once(desk: Desk) -> None:
    order = ("charge", "one-off", "sub-002", "--reference", "order-77", *MILL, "--by", "sato")
    shown = desk(*order, "--dry-run", "--json").json
    assert (shown["total"], shown["taxes"][0]["tax"], shown["room"]) == (3_300, 300, 48_900)
    assert (shown["refused"], shown["known"]) == (None, None)
    said = desk(*order, "--yes", "--json").json
    assert (said["state"], said["repeated"]) == ("paid", False)
    again = desk(*order, "--yes", "--lang", "en")
    assert "sub-002-one_off-order-77: 3,300 yen are taken (charged before)" in again.output
    assert desk(*order, "--yes").output.startswith("sub-002-one_off-order-77: 3,300円を受領")
    assert dict(desk.shop.taken())["sub-002-one_off-order-77"] == 3_300
    assert len(desk.shop.taken()) == 2
    other = ("charge", "one-off", "sub-002", "--reference", "order-77", *MILL, "--quantity", 2)
    assert "stands for one charge" in refusal(desk(*other, "--yes"))
    too_much = ("charge", "one-off", "sub-002", "--reference", "big", *MILL, "--quantity", 20)
    assert "room for 45600 yen now" in refusal(desk(*too_much, "--yes"))
    assert desk.shop.faults() == []


def test_a_permission_is_replaced(desk: Desk) -> None:
    new = "C03-0000002-0000002"
    buyer = {"id": new, "buyerId": "amzn1.account.BUYER2", "amountLimit": 50_000, "behaviour": []}
    desk.shop.amazon.create_permissions([buyer])
    words = ("subscription", "replace-permission", "sub-002", new, "--reason", "new account")
    said = desk(*words, "--json").json
    old = "C03-0000002-0000001"
    expected = {"old": old, "new": new, "moved": [], "kept": [], "repeated": False}
    assert {name: said[name] for name in expected} == expected
    assert f"sub-002 is charged to {new}" in desk(*words, "--lang", "en").output
    assert "今後は" in desk(*words).output
    assert desk.shop.rows("SELECT kind, state FROM act") == [{"kind": "close", "state": "done"}]


def test_a_refund_is_paid_by_hand_once(desk: Desk) -> None:
    words = ("charge", "refund", SECOND, "--amount", 500, "--reason", "account closed")
    words = (*words, "--paid-by-hand", "MUFG-1", "--on", "2026-11-29", "--by", "sato", "--yes")
    first, again = desk(*words, "--json").json, desk(*words, "--json").json
    assert (first["repeated"], again["repeated"]) == (False, True)
    assert [(r["state"], r["actor"]) for r in again["refunds"]] == [("by_hand", "sato")]
    assert list(desk.shop.amazon.refunds()) == []
    assert desk.shop.balances()["bank"] == -500
    late = desk(*words[:-1], "--yes", "--lang", "en")
    assert "paid by hand" in late.output
    assert desk.shop.faults() == []


def test_goods_are_not_shipped(desk: Desk) -> None:
    words = ("shipment", "cancel", FIRST, "--reason", "sold out", "--by", "sato")
    said = desk(*words, "--json").json
    assert said == {
        "reference": FIRST,
        "amount": 3_240,
        "cancellation": "done",
        "repeated": False,
    }
    assert "3,240 yen are no longer authorised" in desk(*words, "--lang", "en").output
    assert "承認を取り消しました" in desk(*words).output
    assert "only what Amazon has authorised" in refusal(
        desk("shipment", "cancel", SECOND, "--reason", "x")
    )
    assert desk.shop.faults() == []


def test_a_report_is_asked_for_and_read(desk: Desk) -> None:
    first = desk("doubt", "report", "--json").json
    assert (first["asked"], first["waiting"]) == (1, 1)
    desk.shop.go_to(DAY, hour=13)
    second = desk.user(
        "doubt", "report", "--json", "--at", "2026-11-30T13:00:00+09:00", **desk.settings
    ).json
    assert (second["read"], second["proofs"], second["rulings"]) == (1, 0, {})
    # The same span of time is the same report, which was read.
    assert "Reports read: 0" in desk("doubt", "report", "--lang", "en").output
