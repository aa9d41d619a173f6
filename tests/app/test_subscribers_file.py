"""A subscribers file: every bad row gives one clear problem, every good one its normalised row."""

import csv
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalogue_file import read_catalogue
from app.subscribers_file import COLUMNS, ParsedFile, read_subscribers
from billing import CapRule, ImportStatus, PriceList
from billing.catalogue.catalogue_store import StoredTerms
from billing.catalogue.terms import Terms
from plans import Anchor, CatalogueProblems, Interval, Unit, cycle_start, parse_catalogue

DATA = Path(__file__).parent.parent / "data"
SAMPLE = (DATA / "subscribers.csv").read_bytes()
BAD = (DATA / "subscribers-bad.csv").read_bytes()
EXTRA_PLANS = """
  - {code: weekly, name: {ja: 週, en: W}, price: 11400, tax: standard,
     every: {unit: week, count: 1}}
  - {code: month-end, name: {ja: 末, en: E}, price: 100, tax: standard, anchor: last_day,
     every: {unit: month, count: 1}}
"""


def price_list(text: str) -> PriceList:
    catalogue = parse_catalogue(text)
    return PriceList(
        {
            code: tuple(
                StoredTerms(number, Terms(catalogue.plan(code), price))
                for number, price in enumerate(dated)
            )
            for code, dated in catalogue.prices.items()
        }
    )


PRICES = price_list((DATA / "catalogue.yaml").read_text(encoding="utf-8") + EXTRA_PLANS)

BASE = {
    "external_id": "a1",
    "name": "髙木 健一",
    "kana": "タカギ ケンイチ",
    "email": "a1@example.jp",
    "plan": "light",
    "quantity": "1",
    "started_on": "2025-01-31",
    "anchor_day": "31",
    "next_charge_on": "2026-11-30",
    "status": "active",
    "resume_on": "",
    "charge_permission_id": "B03-1234567-1234567",
    "buyer_id": "amzn1.account.A",
    "postal_code": "153-0064",
    "minimum_cycles_done": "",
    "note": "",
}


def file_of(*rows: Mapping[str, str], header: tuple[str, ...] = COLUMNS) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([(BASE | row)[name] for name in header] for row in rows)
    return text.getvalue().encode()


def read(data: bytes, *, cap_yen: int = 50_000, rule: CapRule = CapRule.SPLIT) -> ParsedFile:
    return read_subscribers(data, prices=PRICES, cap_yen=cap_yen, cap_rule=rule)


def places(parsed: ParsedFile) -> list[tuple[int, str]]:
    return [(problem.line, problem.column) for problem in parsed.problems]


def test_all_rows_of_the_sample_are_good() -> None:
    told: list[int] = []
    parsed = read_subscribers(
        SAMPLE, prices=PRICES, cap_yen=50_000, cap_rule=CapRule.SPLIT, on_progress=told.append
    )
    assert (len(parsed.rows), parsed.problems, parsed.notes) == (2_000, (), ())
    assert told[-1] == 2_000
    assert told == sorted(told)


def test_the_bad_sample_gives_one_line_per_bad_row() -> None:
    assert places(read(BAD)) == [
        (3, "plan"),
        (4, "external_id"),
        (5, "started_on"),
        (6, "next_charge_on"),
        (7, "anchor_day"),
        (8, "anchor_day"),
        (9, "quantity"),
        (10, "quantity"),
        (11, "quantity"),
        (12, "status"),
        (13, "charge_permission_id"),
        (14, "charge_permission_id"),
        (15, "email"),
        (16, "next_charge_on"),
        (17, "next_charge_on"),
        (18, "resume_on"),
        (20, "external_id"),
        (21, "quantity"),
        (22, "name"),
    ]


def test_the_good_rows_of_the_bad_sample_are_normalised() -> None:
    plain, full_width = read(BAD).rows
    assert (plain.line, plain.external_id) == (2, "cust-00001")
    assert (full_width.line, full_width.quantity) == (19, 2)
    assert full_width.postal_code == "153-0064"


def test_a_problem_speaks_both_languages_and_spells_out_what_a_screen_cannot_show() -> None:
    of_nul = read(BAD).problems[-1]
    assert of_nul.text_en == (
        "line 22, name 'bad\\u0000name': holds the control character U+0000; "
        "type the value again without it"
    )
    assert of_nul.text_ja == (
        "22行目 name「bad\\u0000name」: 制御文字 U+0000 が含まれています。入力し直してください。"
    )


@pytest.mark.parametrize(
    ("changes", "column", "words"),
    [
        pytest.param({"quantity": "2"}, "quantity", "not sold per seat", id="seats-flat-plan"),
        pytest.param({"quantity": "1.0"}, "quantity", "whole number", id="decimal"),
        pytest.param({"quantity": "9" * 5000}, "quantity", "over 1,000", id="endless-number"),
        pytest.param({"anchor_day": ""}, "anchor_day", "day of the month", id="no-anchor"),
        pytest.param({"plan": "rice"}, "anchor_day", "from started_on", id="anchor-of-weeks"),
        pytest.param({"started_on": "2025/01/31"}, "started_on", "not a date", id="slashes"),
        pytest.param({"started_on": "1025-01-31"}, "started_on", "1970", id="long-ago"),
        pytest.param({"resume_on": "2026-12-01"}, "resume_on", "only a paused", id="resume-active"),
        pytest.param(
            {"status": "paused", "resume_on": "2026-10-30"}, "resume_on", "2026-10-31", id="early"
        ),
        pytest.param({"buyer_id": " "}, "buyer_id", "empty", id="no-buyer"),
        pytest.param({"name": "\u3000"}, "name", "empty", id="blank-name"),
        pytest.param({"email": "a@b"}, "email", "e-mail", id="no-domain"),
        pytest.param({"postal_code": "153-006"}, "postal_code", "7 digits", id="postal-short"),
        pytest.param({"external_id": "a:1"}, "external_id", "letters", id="colon"),
        pytest.param({"minimum_cycles_done": "-1"}, "minimum_cycles_done", "0", id="minus-done"),
        pytest.param({"note": "a\tb"}, "note", "U+0009", id="tab"),
        pytest.param({"name": "a\u202eb"}, "name", "U+202E", id="text-direction"),
        pytest.param({"note": "two\nlines"}, "note", "U+000A", id="line-break-in-quotes"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(
    changes: dict[str, str], column: str, words: str
) -> None:
    parsed = read(file_of({"external_id": "before"}, changes, {"external_id": "after"}))
    (problem,) = parsed.problems
    assert (problem.line, problem.column, problem.also) == (3, column, ())
    assert words in problem.rule
    assert [row.external_id for row in parsed.rows] == ["before", "after"]


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        pytest.param({"note": "=1+1 ではない"}, "note", "=1+1 ではない", id="formula-is-data"),
        pytest.param({"name": "か\u3099 \u200b"}, "name", "が", id="composed-and-trimmed"),
        pytest.param({"name": "福\ufa19 ㈱①"}, "name", "福\ufa19 ㈱①", id="name-as-typed"),
        pytest.param({"external_id": "ｃｕｓｔー００１"}, "external_id", "cust-001", id="code"),
        pytest.param({"external_id": "ユーザー1"}, "external_id", "ユーザー1", id="long-vowel"),
        pytest.param({"email": "ａ..b.＠docomo.ne.jp"}, "email", "a..b.@docomo.ne.jp", id="docomo"),
        pytest.param({"postal_code": "〒1530064"}, "postal_code", "153-0064", id="postal"),
        pytest.param({"postal_code": ""}, "postal_code", "", id="nothing-is-shipped"),
        pytest.param(
            {"next_charge_on": "２０２６−１１−３０"},
            "next_charge_on",
            date(2026, 11, 30),
            id="full-width-date",
        ),
        pytest.param(
            {"plan": "month-end", "anchor_day": "5"},
            "next_charge_on",
            date(2026, 11, 30),
            id="last-day-plan",
        ),
        pytest.param(
            {"started_on": "2024-11-30"}, "started_on", date(2024, 11, 30), id="short-month-start"
        ),
        pytest.param(
            {"status": "paused", "resume_on": "2026-10-31"},
            "resume_on",
            date(2026, 10, 31),
            id="resume-in-period",
        ),
        pytest.param(
            {"status": "canceled", "next_charge_on": ""}, "status", ImportStatus.CANCELED, id="over"
        ),
    ],
)
def test_a_good_row_is_normalised(changes: dict[str, str], name: str, value: object) -> None:
    parsed = read(file_of(changes))
    assert parsed.problems == ()
    assert getattr(parsed.rows[0], name) == value


@pytest.mark.parametrize(
    ("changes", "nearest"),
    [
        # 31 in November is the 30th, in December the 31st.
        ({"next_charge_on": "2026-12-01"}, "2026-11-30 and 2026-12-31"),
        # 2026-11-30 is 700 days, 25 × 28, after 2024-12-30.
        (
            {"plan": "rice", "anchor_day": "", "started_on": "2024-12-30"},
            "2026-11-30 and 2026-12-28",
        ),
        ({"plan": "annual", "started_on": "2024-02-29", "anchor_day": "29"}, "2026-02-28 and 2027"),
        ({"started_on": "2026-11-20", "next_charge_on": "2026-11-29"}, "2026-11-30 and 2026-12-31"),
    ],
    ids=["month-end", "four-weeks", "leap-year", "before-the-first"],
)
def test_a_charge_date_off_the_grid_names_the_two_nearest(
    changes: dict[str, str], nearest: str
) -> None:
    off = {"next_charge_on": "2026-12-01"} | changes
    (problem,) = read(file_of(off)).problems
    assert problem.column == "next_charge_on"
    assert nearest in problem.remedy


@given(
    started=st.dates(date(2015, 1, 1), date(2026, 12, 31)),
    anchor_day=st.integers(1, 31),
    cycle=st.integers(1, 200),
)
def test_every_date_of_the_grid_is_good(started: date, anchor_day: int, cycle: int) -> None:
    anchor = Anchor(started.year, started.month, anchor_day)
    due = cycle_start(anchor=anchor, interval=Interval(Unit.MONTH, 1), cycle=cycle)
    row = {
        "started_on": str(started),
        "anchor_day": str(anchor_day),
        "next_charge_on": str(due),
    }
    assert read(file_of(row)).problems == ()


@pytest.mark.parametrize(
    ("plan", "quantity", "rule", "column"),
    [
        # 33 × 1,480 = 48,840; 34 × 1,480 = 50,320 a month, 603,840 a year > 12 × 50,000
        pytest.param("team", 33, CapRule.REFUSE, None, id="33-seats"),
        pytest.param("team", 34, CapRule.SPLIT, "quantity", id="34-seats"),
        pytest.param("team", 34, CapRule.DEFER, "quantity", id="34-seats-defer"),
        # 98,000 once a year is under 600,000, but no one month holds it
        pytest.param("annual-pro", 1, CapRule.SPLIT, None, id="yearly-split"),
        pytest.param("annual-pro", 1, CapRule.DEFER, "plan", id="yearly-defer"),
        pytest.param("annual-pro", 1, CapRule.REFUSE, "plan", id="yearly-refuse"),
        # 366 days hold 53 starts of a week: 53 × 11,400 = 604,200 > 600,000
        pytest.param("weekly", 1, CapRule.SPLIT, "plan", id="weekly"),
    ],
)
def test_what_never_fits_the_cap_is_refused(
    plan: str, quantity: int, rule: CapRule, column: str | None
) -> None:
    row = {"plan": plan, "quantity": str(quantity), "started_on": "2024-11-30"}
    if plan == "weekly":
        row |= {"anchor_day": "", "started_on": "2026-11-23"}
    refused = [problem.column for problem in read(file_of(row), rule=rule).problems]
    assert refused == ([column] if column else [])
    ended = row | {"status": "canceled", "next_charge_on": ""}
    assert read(file_of(ended), rule=rule).problems == ()


@pytest.mark.parametrize(
    ("second", "third", "refused"),
    [
        # studio 29,800 + team × 13 = 19,240 → 49,040; another light 980 → 50,020
        pytest.param({}, {"plan": "light"}, [(4, "charge_permission_id")], id="third-is-too-much"),
        pytest.param(
            {"status": "cancel_scheduled"}, {"plan": "light"}, [], id="one-is-not-charged-again"
        ),
        pytest.param(
            {"quantity": "14"}, {"plan": "light"}, [(3, "charge_permission_id")], id="skip-the-2nd"
        ),
        pytest.param({"buyer_id": "x"}, {}, [(3, "buyer_id")], id="two-buyers"),
    ],
)
def test_subscriptions_that_share_a_permission_share_buyer_and_cap(
    second: dict[str, str], third: dict[str, str], refused: list[tuple[int, str]]
) -> None:
    team = {"external_id": "a2", "plan": "team", "quantity": "13"} | second
    data = file_of({"plan": "studio"}, team, {"external_id": "a3"} | third)
    assert places(read(data)) == refused


def test_bad_rows_take_no_room_under_the_cap_and_all_faults_of_a_row_are_told() -> None:
    bad = {"external_id": "b", "plan": "studio", "email": "?", "status": "?"}
    parsed = read(file_of({"plan": "studio"}, bad, {"external_id": "c", "plan": "pro"}))
    (problem,) = parsed.problems
    assert (problem.line, problem.column) == (3, "email")
    assert [other.column for other in problem.also] == ["status"]


@pytest.mark.parametrize(
    ("data", "noted"),
    [
        pytest.param(file_of({}), False, id="utf-8"),
        pytest.param(b"\xef\xbb\xbf" + file_of({}), False, id="bom"),
        pytest.param(file_of({}).replace(b"\n", b"\r\n"), False, id="crlf"),
        pytest.param(file_of({}).replace(b"\n", b"\r"), False, id="cr"),
        pytest.param(file_of({}).rstrip(b"\n"), False, id="no-end-of-line"),
        pytest.param(file_of({}) + b"\n \n\n", False, id="blank-lines"),
        pytest.param(file_of({}).decode().encode("cp932"), True, id="cp932"),
        pytest.param(file_of({}, header=COLUMNS[::-1]), False, id="other-order"),
    ],
)
def test_however_the_file_was_saved_it_says_the_same(data: bytes, noted: bool) -> None:
    parsed = read(data)
    assert parsed.rows == read(file_of({})).rows
    assert parsed.problems == ()
    assert bool(parsed.notes) is noted


def test_one_row_that_is_not_utf_8_is_at_fault_alone() -> None:
    # The UTF-8 bytes of these letters are CP932 too, and would be read as others without a fault.
    plain = {"name": "ああ", "kana": ""}
    ids = ("a1", "a2", "a3")
    assert "ああ".encode().decode("cp932") != "ああ"
    rows = [plain | {"external_id": each} for each in ids]
    data = file_of(rows[0], rows[1] | {"name": "@@"}, rows[2])
    parsed = read(data.replace(b"@@", "高木".encode("cp932")))
    assert places(parsed) == [(3, "name")]
    assert [row.name for row in parsed.rows] == ["ああ", "ああ"]
    assert parsed.notes == ()


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        pytest.param(b"", ["file"], id="empty"),
        pytest.param("external_id".encode("utf-16"), ["file"], id="utf-16"),
        pytest.param(b"PK\x03\x04" + bytes(100), ["file"], id="workbook"),
        pytest.param(b'"open\n' + SAMPLE, ["file"], id="no-header"),
        pytest.param(file_of({}, header=COLUMNS[:-1]), ["note"], id="missing"),
        pytest.param(file_of({}, header=(*COLUMNS, "plan")), ["plan"], id="twice"),
        pytest.param(file_of({}).replace(b"note", b"memo", 1), ["memo", "note"], id="unknown"),
    ],
)
def test_a_file_without_its_header_is_refused_as_a_whole(data: bytes, columns: list[str]) -> None:
    parsed = read(data)
    assert places(parsed) == [(1, column) for column in columns]
    assert parsed.rows == ()


@pytest.mark.parametrize(
    "line",
    ["too,few", "a,b," + "," * 20, '"open,' + "," * 15, '"a"b,' + "," * 14, "x" * 200_000, "a\rb"],
    ids=["few", "many", "open-quote", "stray-quote", "endless", "lone-cr"],
)
def test_a_broken_line_does_not_touch_its_neighbours(line: str) -> None:
    head, *rows = file_of({}, {"external_id": "a2"}).decode().splitlines()
    parsed = read("\n".join([head, rows[0], line, rows[1]]).encode())
    assert places(parsed) == [(3, "row")]
    assert [row.external_id for row in parsed.rows] == ["a1", "a2"]


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_make_it_raise(data: bytes, with_header: bool) -> None:
    parsed = read((file_of() if with_header else b"") + data)
    assert not parsed.rows


@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=12), max_size=4))
def test_a_row_is_good_or_has_exactly_one_problem(changes: dict[str, str]) -> None:
    printable = {
        name: "".join(c for c in text if c not in "\r\n" and not "\ud800" <= c <= "\udfff")
        for name, text in changes.items()
    }
    parsed = read(file_of(printable))
    assert len(parsed.rows) + len(parsed.problems) == 1


def test_a_price_list_that_is_no_text_is_refused_with_its_remedy() -> None:
    with pytest.raises(CatalogueProblems, match="save it as UTF-8"):
        read_catalogue("plans:".encode("utf-16"))
    assert read_catalogue((DATA / "catalogue.yaml").read_bytes()).plan("team").name_en
