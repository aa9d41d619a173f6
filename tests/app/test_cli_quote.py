"""`autopay quote change` on books with three subscribers of the sample."""

import json

import pytest
from cli_user import User, refusal

ASKED = ("--at", "2026-12-05T12:00+09:00")
PREMIUM = "cust-00003"  # 3,980 a month, from the 20th to the 19th


def test_an_upgrade_now(shop: User) -> None:
    """15 of 30 days are left: 9,800×15/30 − 3,980×15/30 = 4,900 − 1,990; tax 264.5."""
    said = shop("quote", "change", PREMIUM, "--plan", "pro", *ASKED, "--json")
    found = said.json
    assert (said.exit_code, said.errors) == (0, "")
    assert [line["amount"] for line in found["lines"]] == [-1_990, 4_900]
    assert (found["charge_today"], found["credit"], found["refund"]) == (2_910, 0, 0)
    (rate,) = found["by_rate"]
    assert (rate["category"], rate["rate"], rate["gross"], rate["tax"]) == (
        *("standard", "10"),
        *(2_910, 264),
    )
    assert (found["next_charge"]["on"], found["next_charge"]["amount"]) == ("2026-12-20", 9_800)
    assert [charge["amount"] for charge in found["charges"]] == [9_800] * 12
    assert found["cap"]["verdict"] == "ok"
    assert found["deadline"] == "2026-12-19T23:59:00+09:00"
    assert found["expires_at"] == "2026-12-06T00:00:00+09:00"
    assert "3,980円×15日÷30日(1円未満切捨て)=1,990円" in found["explain"]["ja"]
    assert "¥2,910 is charged today" in found["explain"]["en"]


def test_the_same_question_gives_the_same_document(shop: User) -> None:
    once, again = (
        shop(
            "quote",
            "change",
            PREMIUM,
            "--plan",
            "pro",
            "--at",
            f"2026-12-05T{hour}+09:00",
            "--json",
        )
        for hour in ("09:00", "21:00")
    )
    assert once.output == again.output
    other = shop("quote", "change", PREMIUM, "--plan", "light", *ASKED, "--json")
    assert other.json["quote_id"] != once.json["quote_id"]


@pytest.mark.parametrize(
    ("options", "effective_on", "charge_today"),
    [
        pytest.param(("--plan", "light"), "2026-12-20", 0, id="a downgrade waits"),
        pytest.param(("--plan", "light", "--when", "now"), "2026-12-05", 0, id="unless told"),
        pytest.param(("--plan", "pro", "--when", "renewal"), "2026-12-20", 0, id="renewal"),
        pytest.param(("--plan", "pro", "--on", "2026-12-10"), "2026-12-10", 0, id="on a date"),
        # 1,480×3×15/30 − 3,980×15/30 = 2,220 − 1,990
        pytest.param(
            ("--plan", "team", "--quantity", "3", "--when", "now"), "2026-12-05", 230, id="seats"
        ),
    ],
)
def test_timings(
    shop: User, options: tuple[str, ...], effective_on: str, charge_today: int
) -> None:
    found = shop("quote", "change", PREMIUM, *options, *ASKED, "--json").json
    assert (found["effective_on"], found["charge_today"]) == (effective_on, charge_today)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        pytest.param("ja", ("本日のお支払い 2,910円", "見積番号", "月間上限"), id="Japanese"),
        pytest.param("en", ("¥2,910 is charged today", "Quote ", "Monthly cap"), id="English"),
    ],
)
def test_the_table_for_people(shop: User, language: str, told: tuple[str, ...]) -> None:
    said = shop("quote", "change", PREMIUM, "--plan", "pro", *ASKED, "--lang", language)
    assert (said.exit_code, said.errors) == (0, "")
    assert all(words in said.output for words in told)


def test_staff_may_do_what_customers_may_not(shop: User) -> None:
    question = ("quote", "change", PREMIUM, "--plan", "light", "--when", "now", *ASKED)
    assert shop(*question, "--json").json["overridden"] == ["direction"]
    assert "downgrade" in refusal(shop(*question, "--as", "customer"))
    assert "direction" in shop(*question, "--lang", "en").output


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(("nobody", "--plan", "pro"), 1, "'nobody'", id="unknown subscription"),
        pytest.param((PREMIUM, "--plan", "nope"), 1, "annual-pro", id="unknown plan"),
        pytest.param((PREMIUM, "--plan", "premium"), 1, "is on this plan", id="the same plan"),
        pytest.param(
            (PREMIUM, "--plan", "pro", "--on", "2026-01-01"), 1, "lies in the past", id="past"
        ),
        pytest.param(
            (PREMIUM, "--plan", "pro", "--quantity", "2"), 1, "not sold per seat", id="seats"
        ),
        pytest.param((PREMIUM,), 2, "--plan", id="no plan"),
        pytest.param((PREMIUM, "--plan", "pro", "--on", "2026-02-30"), 2, "not a day", id="no day"),
        pytest.param(
            (PREMIUM, "--plan", "pro", "--on", "2026-12-10", "--when", "now"), 2, "--on", id="both"
        ),
        pytest.param((PREMIUM, "--plan", "pro", "--quantity", "0"), 2, "--quantity", id="none"),
        pytest.param((PREMIUM, "--plan", "pro", "--when", "soon"), 2, "--when", id="odd word"),
    ],
)
def test_refusals_say_what_to_do(
    shop: User, arguments: tuple[str, ...], code: int, told: str
) -> None:
    assert told in refusal(shop("quote", "change", *arguments, *ASKED), code=code)


def test_nothing_is_written(shop: User) -> None:
    before = shop("forecast", "--at", "2026-12-05T12:00+09:00", "--json").output
    shop("quote", "change", PREMIUM, "--plan", "pro", *ASKED)
    assert shop("forecast", "--at", "2026-12-05T12:00+09:00", "--json").output == before
    assert json.loads(before)["charges"]


def test_help_has_an_example(shop: User) -> None:
    assert "Example: autopay quote change" in shop("quote", "change", "--help").output
