"""What commands print: forecast, charge history and calculators, for people and for programs."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_user import CATALOGUE, DATA, User, refusal
from support.sandbox import Sandbox, SandboxStarter

DUE = datetime(2026, 11, 30, tzinfo=UTC)
FORMULA = '=HYPERLINK("http://x.example";"here")'
REPORT_KEYS = {"cycles_opened", "slots_handled", "permissions_read", "captured", "declined"}


@pytest.fixture(scope="module")
def amazon(start_sandbox: SandboxStarter) -> Sandbox:
    return start_sandbox(clock=DUE)


def test_the_forecast_of_the_sample(shop: User) -> None:
    seen = shop("forecast", "--at", "2026-11-22T00:00Z", "--days", "40", "--json").json
    assert set(seen) == {"from", "to", "charges", "days"}
    first = seen["charges"][0]
    assert first["why"].keys() == {"ja", "en"}
    assert (first["on"], first["amount"], first["verdict"]) == ("2026-11-30", 1_100, "ok")
    assert first["parts"] == [{"on": "2026-11-30", "amount": 1_100}]
    # Both rows of the 30th are anchored to the 31st: magazine 1,100 + coffee 3,240 = 4,340.
    days = [(day["on"], day["amount"]) for day in seen["days"]]
    assert days == [("2026-11-30", 4_340), ("2026-12-20", 3_980), ("2026-12-31", 4_340)]
    assert set(seen["days"][0]) == {"on", "charges", "amount", "expected_to_fail"}


def test_books_without_charges_have_an_empty_history(shop: User) -> None:
    assert shop("charges", "--format", "json").output == ""
    assert "0 attempts" in shop("charges").output
    assert shop("charges", "--format", "csv").output.count("\n") == 1


def test_an_unknown_state_lists_the_known_ones(shop: User) -> None:
    line = refusal(shop("charges", "--state", "paid"), code=2)
    assert "'paid'" in line
    assert "captured" in line
    assert "declined" in line


def test_a_whole_charge_on_both_databases(
    autopay: User, database_url: str, amazon: Sandbox
) -> None:
    amazon.reset()
    rows = _rows_with_a_formula(autopay.folder / "rows.csv")
    settings = {
        "database_url": database_url,
        "amazon_url": amazon.base_url,
        "public_key_id": amazon.public_key_id,
        "private_key_file": amazon.private_key_file,
        "master_key_file": autopay.folder / "master.key",
        "paced": "false",
    }
    made, again = (autopay("migrate", "--json", **settings).json for _ in range(2))
    assert made["before"] is None
    assert again["before"] == again["after"] == made["after"]
    assert autopay("catalogue", "import", CATALOGUE, **settings).exit_code == 0
    assert autopay("subscribers", "import", rows, "--json", **settings).json["added"] == 1
    amazon.create_permissions([{"id": "B03-9253377-8710329"}])
    run = ("run", "--json", "--at", DUE.isoformat())
    first, second = (autopay(*run, **settings).json for _ in range(2))
    assert set(first) >= REPORT_KEYS
    assert (first["captured"], second["captured"]) == (1, 0)
    assert [charge["amount"] for charge in amazon.charges()] == [1_100]
    _check_history(autopay, settings)
    audited = autopay("audit", "--json", **settings).json
    assert audited["ok"] is True
    assert audited["our_total"] == audited["amazon_total"] == 1_100


def _rows_with_a_formula(file: Path) -> Path:
    with (DATA / "subscribers.csv").open(encoding="utf-8-sig", newline="") as sample:
        row = next(csv.DictReader(sample))
    row["name"] = FORMULA
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, row.keys())
        writer.writeheader()
        writer.writerow(row)
    return file


def _check_history(autopay: User, settings: dict[str, object]) -> None:
    text = autopay("charges", "--format", "csv", **settings).output
    assert text.startswith("\ufeff"), "a spreadsheet would not take it for UTF-8"
    (row,) = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["customer"] == f"'{FORMULA}"
    assert (row["amount_yen"], row["state"]) == ("1100", "captured")
    (line,) = autopay("charges", "--json", "--search", "cust-00001", **settings).lines
    assert line["customer"] == FORMULA
    assert line["charge_permission_id"] == "B03-9253377-8710329"


def test_calc_answers_every_line_and_ends_well(autopay: User) -> None:
    questions = [
        {"op": "registration_number", "value": "Ｔ 4011-0010-98993"},
        {
            "op": "periods",
            "anchor": "2026-01-31",
            "unit": "month",
            "count": 1,
            "rule": "keep_day",
            "n": 2,
        },
        {"op": "nonsense"},
    ]
    lines = [json.dumps(question, ensure_ascii=False) for question in questions]
    said = autopay("calc", stdin="\n\n".join([*lines, "not json", "\ud7ff"]))
    assert (said.exit_code, said.errors) == (0, "")
    number, periods, unknown, *broken = said.lines
    assert number == {"normalised": "T4011001098993", "valid": True}
    assert periods["starts"] == ["2026-01-31", "2026-02-28"]
    assert unknown["error"]["field"] == "op"
    assert [answer["error"]["field"] for answer in broken] == [None, None]
