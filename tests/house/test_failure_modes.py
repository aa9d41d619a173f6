"""docs/failure-modes.md: every number is there, and every test that it names exists.

Tests are looked up in the syntax tree and never imported, so that the page can name what needs
servers, months or a night.
"""

import ast
import re
from functools import cache

import pytest
from support.house import ROOT

PAGE = ROOT / "docs" / "failure-modes.md"
FAILURES, RULES = range(1, 107), range(1, 41)
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.*) \|$")
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

Rows = dict[int, str]


def rows_of(text: str, heading: str) -> Rows:
    """The rows of the table under a heading: number → what stands in its last column."""
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [ROW.match(line) for line in part.splitlines()]
    rows = [(int(match[1]), match[3]) for match in found if match]
    assert len(rows) == len({number for number, _ in rows}), "a number stands there twice"
    return dict(rows)


@cache
def functions_of(path: str) -> frozenset[str]:
    """Names of all functions of a file; none when there is no such file."""
    file = ROOT / path
    if not file.exists():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def faults_of(rows: Rows, numbers: range) -> list[str]:
    """What is wrong with a table: numbers missing or too many, tests that are not there."""
    faults = [f"{number} is missing" for number in numbers if number not in rows]
    faults += [f"{number} is no number of this list" for number in rows if number not in numbers]
    for number, shown in rows.items():
        named = NAMED.findall(shown)
        if not named and not re.match(r"not yet: \S.{10,}", shown):
            faults.append(f"{number} names neither a test nor why there is none")
        faults += [
            f"{number} names {path}::{name}, which is not there"
            for path, name in named
            if name not in functions_of(path)
        ]
    return faults


@pytest.mark.parametrize(
    ("heading", "numbers"),
    [("Failures", FAILURES), ("Rules that always hold", RULES)],
    ids=["failures", "rules"],
)
def test_every_number_names_what_shows_it(heading: str, numbers: range) -> None:
    assert faults_of(rows_of(PAGE.read_text(encoding="utf-8"), heading), numbers) == []


HERE = "`tests/house/test_failure_modes.py::test_a_fault_of_the_page_is_named`"
BAD = {
    "2 is missing": {1: HERE},
    "3 is no number of this list": {1: HERE, 2: HERE, 3: HERE},
    "2 names neither a test nor why there is none": {1: HERE, 2: "soon"},
    "2 names tests/house/no.py::test_x, which is not there": {
        1: HERE,
        2: "`tests/house/no.py::test_x`",
    },
    "2 names tests/house/test_failure_modes.py::test_gone, which is not there": {
        1: HERE,
        2: "`tests/house/test_failure_modes.py::test_gone`",
    },
}


@pytest.mark.parametrize(("fault", "rows"), BAD.items(), ids=BAD.keys())
def test_a_fault_of_the_page_is_named(fault: str, rows: Rows) -> None:
    assert faults_of(rows, range(1, 3)) == [fault]


def test_a_true_page_passes() -> None:
    text = f"## Failures\n\n| 1 | a | {HERE} |\n| 2 | b | not yet: it needs a moon |\n\n## Rules\n"
    assert faults_of(rows_of(text, "Failures"), range(1, 3)) == []
