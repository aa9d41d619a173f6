"""Confirming a change that costs money: once, exactly as quoted, or not at all.

An upgrade on 15 December costs 29,800×15/30 − 1,980×15/30 = 14,900 − 990 = 13,910.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from agreement_desk import AgreementDesk, desk_of
from cli_user import User, refusal
from support.sandbox import Sandbox
from support.shop import OpenShop, opening, subscriber

UPGRADE = ("subscription", "change", "sub-001", "--plan", "studio")
PERMISSION = "C03-0000001-0000001"


@pytest.fixture
def opened(database_url: str, sandbox: Sandbox) -> Iterator[OpenShop]:
    sandbox.clear_faults()
    with opening(database_url, sandbox) as open_one:
        yield open_one


@pytest.fixture
def desk(opened: OpenShop, autopay: User) -> AgreementDesk:
    return desk_of(opened, autopay)


@pytest.fixture
def on_sqlite(sqlite_url: str, sandbox: Sandbox, autopay: User) -> Iterator[AgreementDesk]:
    sandbox.clear_faults()
    with opening(sqlite_url, sandbox) as open_one:
        yield desk_of(open_one, autopay)


def quoted(desk: AgreementDesk, *options: str) -> str:
    found: str = desk("quote", "change", "sub-001", "--plan", "studio", *options, "--json").json[
        "quote_id"
    ]
    return found


def confirm(desk: AgreementDesk, quote_id: str, *options: str, **how: Any) -> Any:
    return desk("subscription", "change", "sub-001", "--quote", quote_id, *options, **how)


def finish(desk: AgreementDesk, at: str = "2026-12-16T12:00:00+09:00") -> Any:
    """What an operator does afterwards: the next run."""
    desk.shop.go_to(date.fromisoformat(at[:10]), hour=int(at[11:13]))
    return desk("run", "--json", at=at).json


def test_a_quote_is_confirmed_by_its_id_and_confirming_again_does_nothing(
    desk: AgreementDesk,
) -> None:
    """From the quote to the next renewal, on SQLite and on PostgreSQL."""
    quote_id = quoted(desk)
    first = confirm(desk, quote_id, "--json").json
    assert (first["state"], first["charge_today"], first["repeated"]) == (
        "confirmed",
        13_910,
        False,
    )
    for _ in range(2):
        again = confirm(desk, quote_id, "--json")
        assert (again.exit_code, again.json["state"], again.json["repeated"]) == (
            *(0, "confirmed"),
            True,
        )
    assert desk.taken() == [1_980, 13_910]
    kept = desk("quote", "show", quote_id, "--json", at=None).json
    assert kept["state"] == "confirmed"
    assert "confirmed" in desk("quote", "show", quote_id, "--lang", "en", at=None).output
    shown = desk.shown()
    assert (shown["plan"]["code"], shown["next_charge"]["amount"]) == ("studio", 29_800)
    assert [each["reference"] for each in shown["charges"]] == [
        "sub-001-0010-change-2",
        "sub-001-0010-renewal",
    ]
    assert shown["events"][-1]["quote_id"] == quote_id
    assert finish(desk, "2026-12-30T12:00:00+09:00")["captured"] == 1
    assert desk.taken() == [1_980, 13_910, 29_800]
    assert desk.shop.faults() == []


def test_two_people_confirm_at_the_same_moment(desk: AgreementDesk) -> None:
    quote_id = quoted(desk)
    words = ("subscription", "change", "sub-001", "--quote", quote_id, "--json")
    with ThreadPoolExecutor(2) as people:
        both = [people.submit(desk.in_a_process, *words) for _ in range(2)]
    said = [each.result() for each in both]
    assert [each.exit_code for each in said] == [0, 0], said
    assert sorted(each.json["repeated"] for each in said) in ([False, True], [False, False])
    assert desk.taken() == [1_980, 13_910]


def test_a_quote_belongs_to_its_subscription(on_sqlite: AgreementDesk) -> None:
    desk = on_sqlite
    quote_id = quoted(desk)
    line = refusal(desk("subscription", "change", "sub-002", "--quote", quote_id))
    assert "it is of subscription 'sub-001'" in line
    told = confirm(desk, quote_id, "--dry-run", "--json").json
    assert (told["state"], told["quote_id"]) == ("open", quote_id)
    assert desk.nothing_changed()


def test_without_a_terminal_somebody_must_say_yes(on_sqlite: AgreementDesk) -> None:
    desk = on_sqlite
    for options in ((), ("--json",)):
        said = desk(*UPGRADE, *options)
        assert (said.exit_code, "add --yes" in said.errors) == (1, True)
        assert desk.nothing_changed()
    assert desk.quotes() == ["open"]
    quote_id = said.errors.split()[-1]
    assert confirm(desk, quote_id, "--json").json["state"] == "confirmed"


@pytest.mark.parametrize(
    ("typed", "code", "taken"),
    [
        pytest.param("y\n", 0, [1_980, 13_910], id="yes"),
        pytest.param("n\n", 1, [1_980], id="no"),
    ],
)
def test_at_a_terminal_the_facts_are_shown_and_asked_about(
    on_sqlite: AgreementDesk, typed: str, code: int, taken: list[int]
) -> None:
    found, screen = on_sqlite.at_a_terminal(*UPGRADE, "--lang", "en", typed=typed)
    assert (found, on_sqlite.taken()) == (code, taken), screen
    for words in (
        *("13,910 yen are charged today", "2026-12-30 29,800 yen", "2026-12-29 23:59"),
        "fits (50,000 yen)",
    ):
        assert words in screen
    assert ("as you said" in screen) is (code == 1)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "table"])
def test_a_stale_quote_gives_the_differences_and_a_new_quote(
    on_sqlite: AgreementDesk, *, as_json: bool
) -> None:
    """A day later 14 days are left: 29,800×14/30 − 1,980×14/30 = 13,906 − 924 = 12,982."""
    desk = on_sqlite
    old, tomorrow = quoted(desk), "2026-12-16T12:00+09:00"
    if not as_json:
        said = confirm(desk, old, "--lang", "en", at=tomorrow)
        assert said.exit_code == 1
        assert "charged today: ¥13,910 → ¥12,982" in said.output
        assert "is stale" in said.errors
        assert desk.nothing_changed()
        return
    said = confirm(desk, old, "--json", at=tomorrow)
    assert (said.exit_code, said.json["stale"]) == (1, old)
    assert {"expired", "charge_today"} <= {each["what"] for each in said.json["differences"]}
    new = said.json["new_quote"]
    assert (new["charge_today"], new["state"]) == (12_982, "open")
    assert f"--quote {new['quote_id']}" in said.errors
    assert desk.nothing_changed()
    assert confirm(desk, new["quote_id"], "--json", at=tomorrow).json["state"] == "confirmed"
    assert desk.taken() == [1_980, 12_982]


def test_a_quote_that_is_refused_by_now(on_sqlite: AgreementDesk) -> None:
    desk = on_sqlite
    quote_id = quoted(desk)
    desk.verb("cancel", "--when", "now")
    said = confirm(desk, quote_id)
    assert said.exit_code == 1
    assert "it is canceled, and that is final" in said.errors


def test_a_declined_charge_changes_nothing_and_may_be_tried_again(
    opened: OpenShop, autopay: User
) -> None:
    desk = desk_of(opened, autopay, behaviours={PERMISSION: ["ok", "SoftDeclined"]})
    before = desk.shown()
    said = desk(*UPGRADE, "--yes", "--json")
    assert (said.exit_code, said.json["state"], said.json["result"]) == (
        *(1, "declined"),
        "SoftDeclined",
    )
    assert "nothing was changed" in said.errors
    after = desk.shown()
    for name in ("plan", "price", "state", "next_charge", "paid_through", "credit", "queue"):
        assert after[name] == before[name]
    assert "is over" in refusal(confirm(desk, said.json["quote_id"]))
    again = desk(*UPGRADE, "--yes", "--json")
    assert (again.exit_code, again.json["state"]) == (0, "confirmed"), again
    assert desk.taken() == [1_980, 13_910]
    assert desk.shop.faults() == []


def test_a_permission_that_cannot_be_charged(on_sqlite: AgreementDesk) -> None:
    desk = on_sqlite
    with desk.shop.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE charge_permission SET state = 'NonChargeable', state_reason = 'BuyerAction'"
        )
    line = refusal(desk(*UPGRADE, "--yes"))
    assert f"charge_permission '{PERMISSION}'" in line
    assert desk.nothing_changed()


def test_a_cap_that_refuses(sqlite_url: str, sandbox: Sandbox, autopay: User) -> None:
    """13,910 and 29,800 fit into no month beside 1,980 under a cap of 20,000."""
    with opening(sqlite_url, sandbox) as open_one:
        desk = desk_of(open_one, autopay, cap_yen=20_000, cap_rule="refuse")
        line = refusal(desk(*UPGRADE, "--yes"))
        assert "over the monthly cap of ¥20,000" in line
        assert desk.nothing_changed()


def test_an_answer_that_stays_away_is_found_by_the_next_run(on_sqlite: AgreementDesk) -> None:
    desk = on_sqlite
    desk.shop.amazon.faults([{"operation": "CreateCharge", "kind": "reset_after", "times": 4}])
    said = desk(*UPGRADE, "--yes", "--json")
    assert (said.exit_code, said.json["state"]) == (0, "charging")
    assert "autopay run finishes it" in said.errors
    assert "wait" in desk("subscription", "skip", "sub-001", "--yes").errors
    shown = desk.shown()
    assert (shown["plan"]["code"], shown["pending_quote_id"]) == ("basic", said.json["quote_id"])
    repeated = confirm(desk, said.json["quote_id"], "--json").json
    assert (repeated["state"], repeated["repeated"]) == ("charging", True)
    finish(desk)
    assert desk("quote", "show", said.json["quote_id"], "--json", at=None).json["state"] == (
        "confirmed"
    )
    assert (desk.taken(), desk.shown()["plan"]["code"]) == ([1_980, 13_910], "studio")
    assert desk.shop.faults() == []


@pytest.mark.parametrize("point", ["charge.intended", "charge.after_send", "charge.before_record"])
def test_killed_between_the_confirmation_and_the_answer(
    on_sqlite: AgreementDesk, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    desk = on_sqlite
    died = desk.in_a_process(*UPGRADE, "--yes", kill_at=point)
    assert died.exit_code == -9
    assert desk.quotes() == ["charging"]
    finish(desk)
    assert desk.quotes() == ["confirmed"]
    assert (desk.taken(), desk.shown()["plan"]["code"]) == ([1_980, 13_910], "studio")
    assert desk.shop.faults() == []


def test_what_amazon_refuses_to_sign_for_waits_for_the_right_keys(
    on_sqlite: AgreementDesk,
) -> None:
    """The change is confirmed and owed; with the keys put right the next run charges it."""
    desk = on_sqlite
    good = {"private_key_file": desk.shop.amazon.private_key_file}
    wrong = {"public_key_id": "SANDBOX-AAAABBBBCCCCDDDDEEEEFFFF"}
    said = desk(*UPGRADE, "--yes", **good, **wrong)
    assert said.exit_code == 1
    assert "is confirmed, and its charge has no answer yet" in said.errors
    assert desk.taken() == [1_980]
    right = {"public_key_id": desk.shop.amazon.public_key_id}
    desk.environment.update({name: str(value) for name, value in (good | right).items()})
    finish(desk)
    assert (desk.taken(), desk.quotes()) == ([1_980, 13_910], ["confirmed"])


def test_a_refund_is_told(on_sqlite: AgreementDesk) -> None:
    """15 of 30 days are unused: 1,980×15/30 = 990."""
    desk = on_sqlite
    words = ("subscription", "cancel", "sub-001", "--when", "now", "--refund", "prorated")
    assert "--reason TEXT" in refusal(desk(*words, "--yes"))
    said = desk(*words, "--yes", "--reason", "moved abroad", "--lang", "en")
    assert "990 yen go back with the next autopay run" in said.output
    finish(desk)
    assert [refund["amount"] for refund in desk.shop.amazon.refunds()] == [990]


def test_a_past_due_agreement_is_ended_without_a_quote(opened: OpenShop, autopay: User) -> None:
    """Its open invoice is given up; a change of its terms must wait for the money."""
    desk = desk_of(opened, autopay, behaviours={PERMISSION: ["SoftDeclined"] * 9})
    assert desk.shown()["state"] == "past_due"
    following = desk.shown()["next_charge"]  # what is overdue is tried by the next run
    assert (following["reference"], following["on"]) == ("sub-001-0010-renewal", "2026-12-15")
    line = refusal(desk(*UPGRADE, "--yes"))
    assert "settle" in line
    told = desk("subscription", "cancel", "sub-001", "--when", "now", "--dry-run", "--json").json
    assert (told["events"], told["state"], told["open_invoice"]) == (["canceled"], None, 1_980)
    assert desk("subscription", "cancel", "sub-001", "--when", "now").exit_code == 1
    done = desk("subscription", "cancel", "sub-001", "--when", "now", "--yes", "--json").json
    assert (done["state"], done["quote_id"]) == ("confirmed", None)
    shown = desk.shown()
    assert (shown["state"], shown["next_charge"]) == ("canceled", None)
    assert desk.taken() == []
    assert desk.shop.faults() == []


def test_an_answer_without_a_reason_is_not_kept(opened: OpenShop, autopay: User) -> None:
    desk = desk_of(opened, autopay, subscribers=[subscriber(1, plan_code="studio")])
    words = ("quote", "change", "sub-001", "--plan", "basic", "--when", "now")
    asked = desk(*words, "--json").json
    assert (asked["state"], asked["overridden"]) == (None, ["direction"])
    assert "ask again with --reason" in desk(*words, "--lang", "en").output
    assert desk.quotes() == []
    assert "no quote of that id" in refusal(confirm(desk, asked["quote_id"]))
    kept = desk(*words, "--reason", "goodwill", "--json").json
    assert confirm(desk, kept["quote_id"], "--json").json["state"] == "confirmed"
