"""`autopay charge`: look at one charge, give it back, retry it; for people and for programs."""

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
BASIC, COFFEE, UNPAID = (f"sub-00{number}-0010-renewal" for number in (1, 2, 3))
UNPAID_PERMISSION = "C03-0000003-0000001"


@dataclass(frozen=True)
class Desk:
    """The back office of a shop that took 1,980 and 3,240 yen and was declined once."""

    user: User
    settings: dict[str, object]
    shop: Shop

    def __call__(self, *words: object, stdin: str = "") -> Said:
        timed = () if words[0] == "show" else ("--at", NOON)
        return self.user("charge", *words, *timed, stdin=stdin, **self.settings)

    def refund(self, *words: object, stdin: str = "") -> Said:
        return self("refund", *words, "--reason", "broken in the post", stdin=stdin)

    def given_back(self) -> list[int]:
        """Yen that Amazon gives back, by its own list."""
        return [refund["amount"] for refund in self.shop.amazon.refunds()]


@pytest.fixture
def desk(autopay: User, sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[Desk]:
    key = tmp_path / "key"
    with opening(sqlite_url, sandbox) as open_one:
        plans = {1: "basic", 2: "coffee", 3: "basic"}
        shop = open_one(
            subscribers=[subscriber(number, plan_code=plan) for number, plan in plans.items()],
            behaviours={UNPAID_PERMISSION: ["HardDeclined"]},
        )
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


def test_a_refund_is_shown_asked_about_and_sent(desk: Desk) -> None:
    no = desk.refund(BASIC, "--amount", 500, "--lang", "en", stdin="n\n")
    assert no.exit_code == 1
    assert "as you said" in no.errors
    assert "500" in no.output
    assert desk.given_back() == []

    yes = desk.refund(BASIC, "--amount", 500, "--lang", "en", stdin="y\n")
    assert yes.exit_code == 0, yes
    assert "Give 500 yen back?" in yes.errors
    assert "Amazon is working on it" in yes.output
    assert desk.given_back() == [500]
    japanese = desk("show", BASIC).output
    assert "返金処理中" in japanese
    assert f"{BASIC}/refund-1" in japanese


def test_the_same_request_twice_gives_back_once(desk: Desk) -> None:
    words = (COFFEE, "--all", "--request-id", "ticket-17", "--yes", "--json")
    first, second = desk.refund(*words).json, desk.refund(*words).json
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert first["refunds"] == second["refunds"]
    (refund,) = first["refunds"]
    # 3,240 yen at the reduced 8 %: 3,240 × 8 / 108 = 240
    assert refund["taxes"] == [
        {"category": "reduced", "rate": "8", "gross": 3_240, "tax": 240, "net": 3_000}
    ]
    assert (refund["state"], refund["state_ja"], refund["remedy"]) == (
        "pending",
        "返金処理中",
        None,
    )
    assert desk.given_back() == [3_240]
    other = desk.refund(COFFEE, "--amount", 1, "--request-id", "ticket-17", "--yes")
    assert "stands for one request" in refusal(other)


def test_a_subscription_or_a_charge_id_is_a_name_as_well(desk: Desk) -> None:
    assert desk.refund("sub-001", "--amount", 100, "--yes", "--json").json["amount"] == 100
    charge_id = desk("show", COFFEE, "--json").json["attempts"][0]["charge_id"]
    (refund,) = desk.refund(charge_id, "--amount", 100, "--yes", "--json").json["refunds"]
    assert refund["reference"] == f"{COFFEE}/refund-1"


def test_a_declined_refund_exits_1_and_says_what_to_do(desk: Desk) -> None:
    desk.shop.amazon.call("POST", "/refund-outcomes", {"outcome": "AmazonRejected"})
    assert desk.refund(COFFEE, "--amount", 40, "--yes").exit_code == 0, "Amazon works on it"
    desk.shop.charge_on(DAY, hour=14)
    seen = desk("show", COFFEE, "--json").json
    (refund,) = seen["refunds"]
    assert (refund["state"], refund["reason_code"]) == ("declined", "AmazonRejected")
    assert "another way" in refund["remedy"]["en"]
    owed = [j for j in seen["ledger"] if "refund_payable" in j["postings"]]
    assert [journal["postings"]["refund_payable"] for journal in owed] == [-40]


def test_a_refund_in_doubt_is_not_to_be_asked_for_anew(desk: Desk) -> None:
    desk.shop.amazon.faults([{"operation": "createRefund", "kind": "garbage", "times": 3}])
    doubt = desk.refund(COFFEE, "--amount", 40, "--yes")
    assert doubt.exit_code == 0
    assert "結果未確定" in doubt.output
    assert "Do not ask anew" in doubt.errors


@pytest.mark.parametrize(
    ("words", "told", "code"),
    [
        pytest.param((BASIC, "--amount", 1_981, "--yes"), "at most 1980 yen", 1, id="too much"),
        pytest.param(("nobody", "--all", "--yes"), "only what Amazon captured", 1, id="unknown"),
        pytest.param((BASIC, "--yes"), "one of --amount and --all", 2, id="no amount"),
        pytest.param(
            (BASIC, "--all", "--amount", 1, "--yes"), "one of --amount", 2, id="two amounts"
        ),
        pytest.param((BASIC, "--all", "--json"), "add --yes", 2, id="a program is asked"),
    ],
)
def test_what_is_refused(desk: Desk, words: tuple[object, ...], told: str, code: int) -> None:
    assert told in refusal(desk.refund(*words), code=code)
    assert desk.given_back() == []


def test_nobody_answers(desk: Desk) -> None:
    said = desk.refund(BASIC, "--all")
    assert said.exit_code == 1
    assert "add --yes" in said.errors
    assert desk.given_back() == []


def test_a_charge_that_waits_for_its_buyer_is_retried(desk: Desk) -> None:
    amazon = desk.shop.amazon
    before = refusal(desk("retry", UNPAID))
    assert "NonChargeable at Amazon" in before
    assert "another payment method" in before

    amazon.patch_permission(UNPAID_PERMISSION, state="Chargeable")
    seen = desk("retry", UNPAID, "--json").json
    assert (seen["state"], seen["state_ja"]) == ("paid", "支払い済み")
    assert [a["state"] for a in seen["attempts"]] == ["declined", "captured"]
    assert len({a["idempotency_key"] for a in seen["attempts"]}) == 2
    assert "paid already" in refusal(desk("retry", UNPAID))


def test_a_retry_that_is_declined_exits_1(desk: Desk) -> None:
    desk.shop.amazon.patch_permission(
        UNPAID_PERMISSION, state="Chargeable", behaviour=["SoftDeclined"]
    )
    said = desk("retry", UNPAID, "--lang", "en")
    assert said.exit_code == 1
    assert "was not paid: it is due (SoftDeclined)" in said.errors
    assert "SoftDeclined" in said.output


def test_what_waits_for_its_buyer_was_not_captured(desk: Desk) -> None:
    assert "only what Amazon captured" in refusal(desk.refund(UNPAID, "--all", "--yes"))
    shown = desk("show", UNPAID, "--lang", "en").output
    assert "waits for the buyer (HardDeclined)" in shown


def test_an_unknown_reference_says_where_to_look(desk: Desk) -> None:
    for words in (("show", "nobody"), ("retry", "nobody")):
        assert "autopay charges --search" in refusal(desk(*words))
