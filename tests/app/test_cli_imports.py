"""Imports: the whole file first, one line per bad row, all or nothing, and twice is once."""

import re
from pathlib import Path

import pytest
from cli_user import BAD_SUBSCRIBERS, CATALOGUE, DATA, Said, User, refusal

# subscribers-bad.csv has 21 rows; the first and the one with full-width digits (line 19) are good.
BAD_LINES = [*range(3, 19), 20, 21, 22]


def told_lines(said: Said) -> list[int]:
    return [int(line) for line in re.findall(r"^line (\d+), ", said.errors, re.MULTILINE)]


def subscriptions(user: User) -> set[str]:
    return {
        charge["subscription"]
        for charge in user("forecast", "--days=400", "--json").json["charges"]
    }


@pytest.fixture
def priced(autopay: User) -> User:
    for arguments in (("migrate",), ("catalogue", "import", CATALOGUE)):
        assert autopay(*arguments).exit_code == 0
    return autopay


@pytest.mark.parametrize("flags", [(), ("--dry-run",)], ids=["import", "dry run"])
def test_every_bad_row_is_one_line_and_nothing_is_imported(
    priced: User, flags: tuple[str, ...]
) -> None:
    said = priced("subscribers", "import", BAD_SUBSCRIBERS, *flags)
    assert (said.exit_code, said.output) == (1, "")
    assert told_lines(said) == BAD_LINES
    *rows, verdict = said.errors.splitlines()
    assert len(rows) == 19
    assert all(re.fullmatch(r"line \d+, \w+ '.*': .+; .+", row) for row in rows)
    assert "19 bad rows, 2 good ones; nothing was imported" in verdict
    assert subscriptions(priced) == set()


def test_the_json_of_a_refused_file(priced: User) -> None:
    said = priced("subscribers", "import", BAD_SUBSCRIBERS, "--json")
    assert said.exit_code == 1
    figures = said.json
    problems = figures.pop("problems")
    assert figures == {
        "file": str(BAD_SUBSCRIBERS),
        "imported": False,
        "dry_run": False,
        "good_rows": 2,
        "bad_rows": 19,
        "added": 0,
        "unchanged": 0,
    }
    assert [problem["line"] for problem in problems] == BAD_LINES
    assert set(problems[0]) == {"line", "column", "value", "rule", "remedy", "ja"}


def test_the_good_rows_are_imported_when_asked_for(priced: User) -> None:
    said = priced("subscribers", "import", BAD_SUBSCRIBERS, "--skip-bad")
    assert said.exit_code == 0
    assert told_lines(said) == BAD_LINES
    assert "2 subscribers added, 0 unchanged, 19 bad rows skipped" in said.output
    assert subscriptions(priced) == {"cust-00001", "cust-90001"}


def test_importing_again_changes_nothing(shop: User, few_subscribers: Path) -> None:
    prices = shop("catalogue", "import", CATALOGUE, "--json").json
    assert prices["imported"] is True
    assert (prices["plans_added"], prices["prices_added"], prices["unchanged"]) == (0, 0, 12)
    rows = shop("subscribers", "import", few_subscribers, "--json").json
    assert (rows["added"], rows["unchanged"], rows["bad_rows"]) == (0, 3, 0)


def test_a_dry_run_of_good_rows_writes_nothing(priced: User) -> None:
    said = priced("subscribers", "import", DATA / "subscribers.csv", "--dry-run")
    assert said.exit_code == 0
    assert "2000 rows are good" in said.output
    assert subscriptions(priced) == set()


def test_subscribers_need_prices_first(autopay: User) -> None:
    autopay("migrate")
    line = refusal(autopay("subscribers", "import", DATA / "subscribers.csv"))
    assert "autopay catalogue import FILE" in line


@pytest.mark.parametrize("what", ["catalogue", "subscribers"])
@pytest.mark.parametrize("name", ["missing.txt", "."], ids=["missing", "a folder"])
def test_a_file_that_cannot_be_read_is_one_line(shop: User, what: str, name: str) -> None:
    assert f"{name} cannot be read" in refusal(shop(what, "import", name))


def test_a_bad_price_list_is_told_line_by_line(shop: User) -> None:
    text = CATALOGUE.read_text(encoding="utf-8")
    (shop.folder / "bad.yaml").write_text(text.replace("price: 980\n", "price: 9.8\n", 1))
    said = shop("catalogue", "import", "bad.yaml")
    assert (said.exit_code, said.output) == (1, "")
    assert re.match(r"bad\.yaml, line \d+, column \d+: .* '9\.8': ", said.errors)
    assert "nothing was imported" in said.errors.splitlines()[-1]
    assert "Traceback" not in said.errors
