"""CSV for spreadsheets: formulas sleep, CP932 says what it cannot hold."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.csv_files import BOM, GETA, cannot_hold, encoded_rows, harmless

CELLS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@pytest.mark.parametrize(
    "cell",
    [
        *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"),
        *("＝1", "＋1", "－1", "＠x", "−1", "  =1", "\u3000=1", "\u200b=1"),
    ],
)
def test_what_would_run_gets_an_apostrophe(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "山田", "a=b", "1-2", "'=1", 5, -5, 0])
def test_everything_else_stays_as_it_is(cell: str | int) -> None:
    assert harmless(cell) == cell


def test_utf8_begins_with_a_bom_and_ends_lines_for_spreadsheets() -> None:
    made = b"".join(encoded_rows(["名", "円"], [["=1", 1_980], ['a"b', -5]], encoding="utf-8"))
    assert made.decode("utf-8") == BOM + '名,円\r\n\'=1,1980\r\n"a""b",-5\r\n'


def test_cp932_names_row_column_and_character() -> None:
    faults = cannot_hold(["名", "メモ"], [["山田", ""], ["𠮷田", "😀😀が"]], most=10)
    told = [(each.row, each.column, each.character, each.number) for each in faults]
    assert told == [
        (3, "名", "𠮷", "U+20BB7"),
        (3, "メモ", "😀", "U+1F600"),
    ]
    assert len(cannot_hold(["a"], [["𠮷"]] * 50, most=7)) == 7


@pytest.mark.parametrize("text", ["〜", "−", "‖", "髙﨑", "①", "¥", "～"], ids=ascii)
def test_signs_that_two_tables_number_differently_fit(text: str) -> None:
    assert cannot_hold(["a"], [[text]], most=1) == []
    assert GETA.encode("cp932") not in b"".join(encoded_rows(["a"], [[text]], encoding="cp932"))


def test_a_geta_mark_stands_for_what_is_missing() -> None:
    made = b"".join(encoded_rows(["a"], [["𠮷野😀家"]], encoding="cp932"))
    assert made.decode("cp932") == f"a\r\n{GETA}野{GETA}家\r\n"


@given(rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_a_file_reads_back_as_what_was_written(rows: list[list[str]]) -> None:
    made = b"".join(encoded_rows(["a", "b"], rows, encoding="utf-8")).decode("utf-8")
    back = list(csv.reader(io.StringIO(made.removeprefix(BOM), newline="")))
    assert back[0] == ["a", "b"]
    assert back[1:] == [[harmless(cell) for cell in row] for row in rows]


@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=1), max_size=5))
def test_without_faults_nothing_is_replaced(rows: list[list[str]]) -> None:
    made = b"".join(encoded_rows(["a"], rows, encoding="cp932")).decode("cp932")
    typed = sum(cell.count(GETA) for row in rows for cell in row)
    faults = cannot_hold(["a"], rows, most=1_000)
    assert (made.count(GETA) == typed) is (faults == [])
