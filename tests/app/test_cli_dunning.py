"""`autopay dunning`: dates with their reasons in two languages, and what is no question."""

from pathlib import Path

import pytest
from cli_user import User

PRICE_LIST = """
plans:
  - {code: basic, name: {ja: 基本, en: Basic}, price: 1980, tax: standard, dunning: pay-day,
     every: {unit: month, count: 1}}
  - {code: plain, name: {ja: 普通, en: Plain}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
dunning:
  - {code: pay-day, soft: {days: [1, 7], hour: 10}, pay_days: {days: [25]}}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, bytecode: Path) -> User:
    """The price list in books of its own; rules given with a command stay with the merchant."""
    user = User(tmp_path_factory.mktemp("dunning"), bytecode)
    assert user("migrate").exit_code == 0
    (user.folder / "list.yaml").write_text(PRICE_LIST, encoding="utf-8")
    assert user("catalogue", "import", "list.yaml").exit_code == 0
    return user


def test_a_preview_says_each_day_and_why(shop: User) -> None:
    """20 + 1 = 21 → the 25th → February is full → 1 March; 20 + 7 is over → 2 March."""
    asked = ("dunning", "preview", "--plan", "basic", "--declined-on", "2027-02-20")
    said = shop(*asked, "--taken", "2027-02=50000", "--json").json
    assert (said["schedule"], said["ends_on"], said["end"]) == ("pay-day", "2027-03-02", "pause")
    assert [(t["on"], t["hour"], t["planned"]) for t in said["tries"]] == [
        ("2027-03-01", 10, "2027-02-21"),
        ("2027-03-02", 10, "2027-02-27"),
    ]
    assert [why["en"] for why in said["tries"][0]["why"]] == [
        "moved to 25 February: a pay-day",
        "moved to 1 March: the cap has no room in February",
    ]
    assert "2月は月間上限に空きがない" in shop(*asked, "--taken", "2027-02=50000").output
    english = shop(*asked, "--lang", "en").output
    assert "moved to 25 February: a pay-day" in english
    assert "the invoice is written off and the agreement pauses" in english


def test_a_plan_without_a_schedule_follows_the_merchant(shop: User) -> None:
    asked = ("dunning", "preview", "--plan", "plain", "--declined-on", "2027-02-20", "--json")
    said = shop(*asked, dunning_days="2,5", dunning_end="cancel").json
    assert [t["on"] for t in said["tries"]] == ["2027-02-22", "2027-02-25"]
    assert (said["schedule"], said["end"]) == ("(merchant)", "cancel")


def test_a_hard_decline_waits_for_the_buyer(shop: User) -> None:
    asked = ("dunning", "preview", "--plan", "plain", "--declined-on", "2027-02-01")
    said = shop(*asked, "--reason", "HardDeclined", "--json", dunning_days="3,9").json
    assert (said["tries"], said["waits_for_buyer"]) == ([], True)
    assert said["ends_on"] == "2027-02-10"  # 1 + 9


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        pytest.param([], 2, "give one of the two", id="no plan"),
        pytest.param(["--plan", "gone"], 1, "gone", id="unknown plan"),
        pytest.param(["--subscription", "gone"], 1, "not in the books", id="unknown subscription"),
        pytest.param(["--plan", "basic", "--reason", "X"], 1, "set aside", id="unknown reason"),
        pytest.param(["--plan", "basic", "--taken", "2"], 1, "2027-02=50000", id="no month"),
        pytest.param(
            ["--plan", "basic", "--declined-on", "yesterday"], 2, "is not a day", id="no day"
        ),
    ],
)
def test_what_is_no_question(shop: User, arguments: list[str], exit_code: int, told: str) -> None:
    said = shop("dunning", "preview", *arguments)
    assert said.exit_code == exit_code
    assert told in said.errors


def test_show_and_recovery_of_books_without_declines(shop: User) -> None:
    said = shop("dunning", "show", "--json").json
    assert [each["schedule"] for each in said["schedules"]] == ["(merchant)", "pay-day"]
    assert said["standing"] == []
    asked = ("dunning", "recovery", "--from", "2026-12-01", "--to", "2026-12-31", "--json")
    assert shop(*asked).json == {"from": "2026-12-01", "to": "2026-12-31", "recovery": []}
