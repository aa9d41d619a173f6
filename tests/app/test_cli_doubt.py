"""`autopay doubt`: what waits for a person, its proofs, and what a person decides."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from cli_user import Said, User, refusal
from support.doubts import rest_for_the_second_time
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, opening, subscriber

from scheduler import run

REFERENCE = "sub-001-0010-renewal"
DAY = date(2026, 11, 15)
MIDMONTH = {"started_on": date(2026, 1, 15), "anchor_day": 15, "next_charge_on": DAY}


@dataclass
class Desk:
    """A shop with one charge that Amazon answers with 500 although it was made."""

    user: User
    settings: dict[str, object]
    shop: Shop

    def __call__(self, *words: object, **more: object) -> Said:
        return self.user("doubt", *words, **(self.settings | more))


@pytest.fixture
def desk(
    autopay: User,
    sqlite_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    monkeypatch.setattr(run, "REPLAY_WAITS", ())
    key = tmp_path / "key"
    with opening(sqlite_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(1, **MIDMONTH)])
        shop.amazon.faults([{"operation": "createCharge", "kind": "500_after", "times": 99}])
        for hour in range(9, 18):
            shop.charge_on(DAY, hour=hour)
        shop.charge_on(DAY + timedelta(days=1), hour=10)
        rest_for_the_second_time(shop)
        shop.engine.clear_doubts()
        shop.amazon.clear_faults()
        key.write_text(base64.b64encode(shop.master_key).decode())
        settings: dict[str, object] = {
            "database_url": sqlite_url,
            "merchant": MERCHANT,
            "amazon_url": sandbox.base_url,
            "master_key_file": key,
            "paced": "false",
        }
        yield Desk(autopay, settings, shop)


def test_a_charge_nobody_knows_the_end_of_is_shown_and_booked(desk: Desk) -> None:
    (listed,) = desk("list", "--json").json["doubts"]
    assert (listed["reference"], listed["state"], listed["amount"]) == (REFERENCE, "parked", 1980)
    shown = desk("show", REFERENCE, "--lang", "en").output
    assert "1,980 yen, without a definite answer" in shown
    assert "the balance" in shown
    assert "it happened" in shown
    assert "利用枠の残額" in desk("show", REFERENCE).output

    why = ("--reason", "seen in Seller Central", "--by", "sato")
    (charge,) = desk.shop.amazon.charges()
    assert "give it with --id" in refusal(desk("resolve", REFERENCE, "happened", *why))
    done = desk(*("resolve", REFERENCE, "happened", "--id", charge["chargeId"], *why, "--json"))
    assert done.json == {"reference": REFERENCE, "verdict": "happened", "settled": True}
    assert desk.shop.slot(REFERENCE)["state"] == "paid"
    assert desk("list", "--json").json == {"doubts": []}


def test_a_name_that_is_unknown_is_told_before_what_else_is_missing(shop: User) -> None:
    """Nothing is started for it either: no local Amazon Pay, and nobody is asked for an id."""
    said = refusal(shop("doubt", "resolve", "nope", "happened", "--reason", "r", "--by", "sato"))
    assert "reference 'nope': nothing of this name waits" in said


def test_large_sums_need_a_second_person(desk: Desk) -> None:
    (charge,) = desk.shop.amazon.charges()
    words = ("resolve", REFERENCE, "happened", "--id", charge["chargeId"], "--reason", "seen")
    first = desk(*words, "--by", "sato", doubt_two_persons_yen=1000)
    assert "a second person must decide the same" in refusal(first)
    assert desk.shop.slot(REFERENCE)["state"] == "quarantined"
    assert desk(*words, "--by", "suzuki", doubt_two_persons_yen=1000).exit_code == 0
    assert desk.shop.slot(REFERENCE)["state"] == "paid"


def test_what_a_proof_contradicts_and_what_is_open_is_refused(desk: Desk) -> None:
    why = ("--reason", "r", "--by", "sato")
    said = refusal(desk("resolve", REFERENCE, "did-not-happen", *why))
    assert "a proof says that it happened" in said
    assert "money may still be taken" in refusal(desk("abandon", REFERENCE, *why))
    assert "nothing of this name waits" in refusal(desk("show", "no-such"))


def test_released_it_goes_again_under_the_same_key(desk: Desk) -> None:
    later = (desk.shop.clock.now() + timedelta(minutes=1)).isoformat()
    words = ("--reason", "up again", "--by", "sato", "--at", later)
    assert desk("release", REFERENCE, *words).exit_code == 0
    ran = desk.user("run", "--once", "--at", later, **desk.settings)
    assert ran.exit_code == 0, ran
    assert desk.shop.slot(REFERENCE)["state"] == "paid"
    assert len(list(desk.shop.amazon.charges())) == 1
