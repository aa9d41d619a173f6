"""`autopay subscription`: every verb quoted, agreed to, made, and told; and what it refuses.

The subscriber pays 1,980 a month; on 15 December 15 of the 30 days until the 30th are left.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from agreement_desk import NOON, AgreementDesk, desk_of, import_one, with_offers
from cli_user import User, refusal
from support.sandbox import Sandbox
from support.shop import OpenShop, opening, subscriber

from billing import ImportStatus


@pytest.fixture
def opened(sqlite_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one


@pytest.fixture
def desk(opened: OpenShop, autopay: User) -> AgreementDesk:
    return with_offers(desk_of(opened, autopay))


def verb(line: str) -> list[str]:
    """`change --plan studio` as the words of a command on sub-001."""
    name, *rest = line.split()
    return ["subscription", name, "sub-001", *rest]


VERBS = [
    # 29,800×15/30 − 1,980×15/30 = 14,900 − 990
    pytest.param("change --plan studio", "2026-12-15", 13_910, ("2026-12-30", 29_800), id="now"),
    pytest.param(
        "change --plan studio --when renewal", "2026-12-30", 0, ("2026-12-30", 29_800), id="renewal"
    ),
    # 10 days are left then: 29,800×10/30 − 1,980×10/30 = 9,933 − 660
    pytest.param(
        "change --plan studio --on 2026-12-20", "2026-12-20", 0, ("2026-12-20", 9_273), id="date"
    ),
    # 1,480×2×15/30 − 990 = 490
    pytest.param(
        "change --plan team --quantity 2 --when now --reason growth",
        *("2026-12-15", 490, ("2026-12-30", 2_960)),
        id="plan and seats",
    ),
    # 600×2×15/30 = 600; 1,980 + 1,200
    pytest.param("change --add-on tea=2", "2026-12-15", 600, ("2026-12-30", 3_180), id="add-on"),
    pytest.param("change --coupon minus500", "2026-12-15", 0, ("2026-12-30", 1_480), id="coupon"),
    pytest.param(
        "change --next-date 2026-12-28", "2026-12-15", 0, ("2026-12-28", 1_980), id="next date"
    ),
    # The days from 30 December to 10 January are free with this engine.
    pytest.param("change --anchor 2027-01-10", "2026-12-15", 0, ("2027-01-10", 1_980), id="anchor"),
    pytest.param("pause --cycles 2", "2026-12-30", 0, ("2027-02-28", 1_980), id="pause"),
    pytest.param(
        "pause --when now --until 2027-01-10 --paid-days forfeit",
        *("2026-12-15", 0, ("2027-01-30", 1_980)),
        id="pause now",
    ),
    pytest.param("pause --on 2026-12-20", "2026-12-20", 0, None, id="pause until resumed"),
    pytest.param("skip", "2026-12-30", 0, ("2027-01-30", 1_980), id="skip"),
    # Cycle 10 began on 30 November, so 12 begins on 30 January.
    pytest.param(
        "skip --cycles 2 --from-cycle 12", "2027-01-30", 0, ("2026-12-30", 1_980), id="skip later"
    ),
    pytest.param("cancel", "2026-12-30", 0, None, id="cancel"),
    pytest.param("cancel --on 2027-02-01", "2027-02-01", 0, ("2026-12-30", 1_980), id="cancel on"),
    pytest.param("cancel --when now", "2026-12-15", 0, None, id="cancel now"),
]


def outcome(record: Any) -> tuple[str, int, tuple[str, int] | None]:
    following = record["next_charge"]
    return (
        record["effective_on"],
        record["charge_today"],
        None if following is None else (following["on"], following["amount"]),
    )


@pytest.mark.parametrize(("line", "effective_on", "charged", "following"), VERBS)
def test_a_verb_is_quoted_then_made_as_quoted(
    desk: AgreementDesk,
    line: str,
    effective_on: str,
    charged: int,
    following: tuple[str, int] | None,
) -> None:
    quoted = desk(*verb(line), "--dry-run", "--json")
    assert (quoted.exit_code, quoted.errors, quoted.json["state"]) == (0, "", "open"), quoted
    assert outcome(quoted.json) == (effective_on, charged, following)
    assert desk.nothing_changed()
    made = desk(*verb(line), "--yes", "--json")
    assert (made.exit_code, made.errors, made.json["state"]) == (0, "", "confirmed"), made
    told = ("quote_id", "lines", "charges", "cap", "deadline", "explain")
    assert [made.json[name] for name in told] == [quoted.json[name] for name in told]
    assert desk.taken() == sorted([1_980, *([charged] if charged else [])])
    after = desk.shown()
    assert (after["next_charge"] or {}).get("on") == (following or (None,))[0]
    assert desk.shop.faults() == []


def test_every_change_can_be_taken_on_and_off(desk: AgreementDesk) -> None:
    """Tea 1, then 3: 600×15/30 = 300 and 600×2×15/30 = 600; less waits for the renewal."""
    assert desk.verb("change", "--add-on", "tea").json["charge_today"] == 300
    assert desk.verb("change", "--add-on", "tea=3").json["charge_today"] == 600
    assert desk.verb("change", "--coupon", "minus500").exit_code == 0
    shown = desk.shown()
    assert shown["add_ons"] == [{"code": "tea", "quantity": 3}]
    assert shown["coupons"] == [{"code": "minus500", "cycles_used": 0}]
    assert shown["next_charge"]["amount"] == 1_980 + 3 * 600 - 500
    assert desk.verb("change", "--remove-coupon", "minus500").exit_code == 0
    for words in (("--add-on", "tea=1"), ("--remove-add-on", "tea", "--on", "2027-01-05")):
        assert desk.verb("change", *words).exit_code == 0
    waiting = desk.shown()["queue"]
    assert [(each["on"], each["words"]) for each in waiting] == [
        ("2026-12-30", "add-on tea: change × 1"),
        ("2027-01-05", "add-on tea: remove"),
    ]


def test_seats(opened: OpenShop, autopay: User) -> None:
    """1,480 × 2 more × 15 ÷ 30 = 1,480; fewer wait: 1,480 × 4 = 5,920."""
    desk = desk_of(opened, autopay, subscribers=[subscriber(1, plan_code="team", quantity=3)])
    more = desk.verb("change", "--quantity", "5").json
    assert outcome(more) == ("2026-12-15", 1_480, ("2026-12-30", 7_400))
    fewer = desk.verb("change", "--quantity", "4").json
    assert outcome(fewer) == ("2026-12-30", 0, ("2026-12-30", 5_920))
    assert (desk.shown()["quantity"], desk.shown()["state"]) == (5, "active")


def test_undo_and_reactivate(desk: AgreementDesk) -> None:
    desk.verb("skip", "--actor", "customer")
    desk.verb("change", "--plan", "studio", "--when", "renewal")
    several = refusal(desk(*verb("undo"), "--yes"))
    assert "chg-3 (2026-12-30, plan → studio); chg-2 (2026-12-30, skip → 2027-01-30)" in several
    assert desk.verb("undo", "chg-2").exit_code == 0
    assert desk.verb("undo", "--reason", "the customer thought again").exit_code == 0
    assert "nothing waits" in refusal(desk(*verb("undo"), "--yes"))
    assert desk.verb("cancel", "--actor", "customer").exit_code == 0
    assert [each["words"] for each in desk.shown()["queue"]] == ["cancel (refund: none)"]
    assert desk.verb("reactivate", "--actor", "customer").exit_code == 0
    shown = desk.shown()
    assert (shown["queue"], shown["next_charge"]["on"]) == ([], "2026-12-30")
    reasons = [each["reason"] for each in shown["events"] if each["reason"]]
    assert "the customer thought again" in reasons


def test_pause_and_resume(desk: AgreementDesk) -> None:
    """15 paid days are kept, and given back from the day of the resumption."""
    paused = desk.verb("pause", "--when", "now").json
    assert (paused["banked_days"], paused["next_charge"]) == (15, None)
    shown = desk.shown()
    assert (shown["state"], shown["pause"]["until"], shown["pause"]["banked_days"]) == (
        *("paused", None),
        15,
    )
    desk.verb("resume", "--on", "2027-01-05")
    assert desk.shown()["pause"]["until"] == "2027-01-05"
    assert desk.verb("resume", "--mode", "restart").exit_code == 0
    shown = desk.shown()
    assert (shown["state"], shown["pause"], shown["next_charge"]["on"]) == (
        *("active", None),
        "2026-12-30",
    )


def test_a_trial_ends_sooner_or_later(opened: OpenShop, autopay: User) -> None:
    desk = with_offers(desk_of(opened, autopay, charged=False, subscribers=[]))
    trying = subscriber(
        1,
        plan_code="tried",
        started_on=date(2026, 12, 1),
        anchor_day=31,
        next_charge_on=date(2026, 12, 31),
        status=ImportStatus.TRIALING,
    )
    import_one(desk, trying)
    longer = ("change", "--trial-end", "2027-01-10")
    assert "--reason TEXT" in desk.verb(*longer).errors  # more free days are the shop's to give
    later = desk.verb(*longer, "--reason", "the parcel came late")
    assert later.json["next_charge"]["on"] == "2027-01-10", later
    sooner = desk.verb("change", "--trial-end", "2026-12-20")
    assert sooner.json["next_charge"]["on"] == "2026-12-20", sooner
    assert desk.shown()["trial_ends_on"] == "2026-12-20"


BAD = [
    pytest.param("show nobody", 1, "'nobody'", id="unknown"),
    pytest.param("change sub-001", 2, "one of --plan", id="no change"),
    pytest.param("change sub-001 --plan pro --coupon x", 2, "--plan and --coupon", id="two"),
    pytest.param("change sub-001 --plan nope", 1, "'nope'", id="unknown plan"),
    pytest.param("change sub-001 --quantity 2", 1, "not sold per seat", id="seats"),
    pytest.param("change sub-001 --quantity 0", 2, "--quantity", id="no seats"),
    pytest.param("change sub-001 --add-on tea=x", 2, "CODE=N", id="odd number"),
    pytest.param("change sub-001 --add-on tea=0", 1, "from 1 up", id="zero"),
    pytest.param("change sub-001 --add-on =2", 2, "CODE=N", id="no code"),
    pytest.param("change sub-001 --add-on milk", 1, "use one of: tea", id="unknown add-on"),
    pytest.param("change sub-001 --remove-add-on tea", 1, "not held", id="not held"),
    pytest.param("change sub-001 --coupon no", 1, "minus500", id="unknown coupon"),
    pytest.param("change sub-001 --next-date 2026-02-30", 2, "not a day", id="no such day"),
    pytest.param("change sub-001 --next-date 2026-12-01", 1, "past", id="past"),
    pytest.param(
        "change sub-001 --next-date 2026-12-28 --when now", 2, "itself the date", id="date twice"
    ),
    pytest.param("change sub-001 --trial-end 2026-12-30", 1, "no trial is running", id="no trial"),
    pytest.param("change sub-001 --quote beef", 1, "no quote of that id", id="unknown quote"),
    pytest.param("change sub-001 --quote beef --reason x", 2, "--reason", id="quote and reason"),
    pytest.param("pause sub-001 --on 2026-12-20 --when now", 2, "--on", id="both"),
    pytest.param("pause sub-001 --cycles 1 --until 2027-01-30", 2, "--until", id="two ends"),
    pytest.param("pause sub-001 --until 2026-12-20", 1, "begins on 2026-12-30", id="ends before"),
    pytest.param("resume sub-001", 1, "it is not paused", id="not paused"),
    pytest.param("skip sub-001 --from-cycle 3", 1, "has begun", id="begun"),
    pytest.param("cancel sub-001 --refund half", 2, "--refund", id="odd refund"),
    pytest.param("undo sub-001 chg-9", 1, "'chg-9'", id="unknown change"),
    pytest.param("reactivate sub-001", 1, "no cancellation waits", id="nothing to lift"),
    pytest.param(
        "change sub-001 --plan studio --when renewal --on 2026-12-20", 2, "--on", id="when and on"
    ),
]


@pytest.mark.parametrize(("line", "code", "told"), BAD)
def test_refusals_say_what_to_do(desk: AgreementDesk, line: str, code: int, told: str) -> None:
    words = ("subscription", *line.split())
    yes = () if "show" in words else ("--yes",)
    assert told in refusal(desk(*words, *yes), code=code)
    assert desk.nothing_changed()


def test_staff_say_why_they_set_a_rule_aside_and_customers_may_not(
    opened: OpenShop, autopay: User
) -> None:
    desk = desk_of(opened, autopay, subscribers=[subscriber(1, plan_code="studio")])
    down = verb("change --plan basic --when now --yes")
    assert "offered period_end" in refusal(desk(*down, "--actor", "customer"))
    assert "--reason TEXT" in refusal(desk(*down))
    made = desk(*down, "--json", "--reason", "goodwill")
    assert made.json["overridden"] == ["direction"]
    last = desk.shown()["events"][-1]
    assert (last["actor"], last["reason"], last["overridden"]) == (
        *("staff", "goodwill"),
        ["direction"],
    )


def test_a_live_merchant_follows_the_real_clock(desk: AgreementDesk) -> None:
    with desk.shop.database.begin() as connection:
        connection.exec_driver_sql("UPDATE merchant SET environment = 'live'")
    words = verb("skip --yes")
    assert "leave --at out" in refusal(desk(*words, environment="live"))


@pytest.mark.parametrize(
    ("language", "told"),
    [
        pytest.param("ja", ("変更ID", "chg-2", "契約中", "次回のご請求"), id="Japanese"),
        pytest.param("en", ("Takes effect", "chg-2", "active", "Next charge"), id="English"),
    ],
)
def test_the_table_for_people(desk: AgreementDesk, language: str, told: tuple[str, ...]) -> None:
    said = desk(*verb("skip --yes"), "--lang", language)
    assert ("確定しました" if language == "ja" else "is confirmed") in said.output
    shown = desk(*verb("show"), "--lang", language)
    assert (shown.exit_code, shown.errors) == (0, "")
    assert all(words in shown.output for words in told), shown.output


def test_what_show_says_of_a_plain_subscription(desk: AgreementDesk) -> None:
    shown = desk.shown()
    following = shown["next_charge"]
    assert (shown["plan"]["code"], shown["price"]["amount"], shown["quantity"]) == (
        *("basic", 1_980),
        1,
    )
    assert (following["on"], following["amount"], following["deadline"]) == (
        *("2026-12-30", 1_980),
        "2026-12-29T23:59:00+09:00",
    )
    assert "2026-12-30" in following["why"][0]["en"]
    assert (shown["paid_through"], shown["credit"], shown["queue"]) == ("2026-12-30", 0, [])
    assert shown["charge_permission"]["state"] == "chargeable"
    (charge,) = shown["charges"]
    assert (charge["reference"], charge["state"]) == ("sub-001-0010-renewal", "paid")
    assert [each["kind"] for each in shown["events"]] == ["imported"]


def test_the_time_of_a_quote_is_the_merchants(desk: AgreementDesk) -> None:
    asked = desk("quote", "change", "sub-001", "--plan", "studio", "--json").json
    kept = desk("quote", "show", asked["quote_id"], "--json", at=None).json
    assert (kept["state"], kept["settled_at"]) == ("open", None)
    assert {name: kept[name] for name in asked if name != "state"} == {
        name: asked[name] for name in asked if name != "state"
    }
    assert NOON[:10] == asked["on"]
