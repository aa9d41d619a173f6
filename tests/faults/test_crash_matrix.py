"""Every named point at which a process may die × everything that Amazon may answer.

Each cell ends as if nobody had died: nothing charged twice, nothing lost, the audit clean.
"""

import ast
from collections.abc import Iterator

import pytest
from crash_matrix import (
    CHARGE_ANSWERS,
    CHARGE_POINTS,
    REFUND_ANSWERS,
    REFUND_ANSWERS_EACH_TIME,
    REFUND_POINTS,
    Bench,
    charges_of_slots,
    make_bench,
)
from support.house import ROOT, modules
from support.sandbox import Sandbox
from turn_senders import KILLER, install

from billing.protocol import checkpoints

# Points whose own tests kill there, because a charge run does not pass them.
ELSEWHERE = {
    "bulk.": "tests/faults/test_kill_bulk.py",
    "janitor.": "tests/faults/test_crash_janitor.py",
    "act.": "tests/faults/test_kill_captures.py",
    "notification.kept": "tests/faults/test_crash_inbox.py",
    "notification.": "tests/faults/test_kill_inbox.py",
    "notice.": "tests/faults/test_kill_notices.py",
}
# What a person must look at stays set aside; everything else ends without findings.
FOR_A_PERSON = {"DuplicateIdempotencyKey"}


@pytest.fixture(scope="module")
def bench(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        yield make_bench(shared_sandbox, tmp_path_factory.mktemp("matrix"))


def check(bench: Bench, kind: str, answer: str, points: list[str]) -> dict[str, list[str]]:
    """Play one cell; it must end in the books of the same answer without a death."""
    play = bench.charge_cell if kind == "charge" else bench.refund_cell
    clean = bench.undisturbed.get((kind, answer))
    if clean is None:
        clean = play(answer, []), frozenset(KILLER.passed)
        bench.undisturbed[kind, answer] = clean
    books, on_its_way = clean
    if points[0] in on_its_way:
        assert play(answer, points) == books
    return books


@pytest.mark.parametrize("point", CHARGE_POINTS)
@pytest.mark.parametrize("answer", CHARGE_ANSWERS)
def test_a_charge_ends_as_if_nobody_had_died(bench: Bench, answer: str, point: str) -> None:
    books = check(bench, "charge", answer, [point])
    assert all(charges_of_slots(bench.amazon)[name] == 1 for name in charges_of_slots(bench.amazon))
    if answer not in FOR_A_PERSON:
        assert books["audit"] == []


@pytest.mark.parametrize("point", REFUND_POINTS)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(a, marks=() if a in REFUND_ANSWERS_EACH_TIME else pytest.mark.nightly)
        for a in REFUND_ANSWERS
    ],
)
def test_a_refund_ends_as_if_nobody_had_died(bench: Bench, answer: str, point: str) -> None:
    books = check(bench, "refund", answer, [point])
    assert len(books["given back"]) == 1
    assert books["audit"] == []


def test_every_point_is_on_the_way_of_some_answer(bench: Bench) -> None:
    """A point that no cell passes would be tried by nobody."""
    for answer in ("captured", "500_before"):
        check(bench, "charge", answer, ["cycle.opened"])
    check(bench, "refund", "refunded", ["refund.claimed"])
    passed = {name for _, names in bench.undisturbed.values() for name in names}
    assert passed >= {*CHARGE_POINTS, *REFUND_POINTS}


def named_points() -> set[str]:
    """Every literal name that the code announces with `reached(...)`."""
    return {
        node.args[0].value
        for module in modules("billing", "scheduler", "app", "plans", "amazonpay")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and "reached" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_every_point_of_the_code_is_in_a_matrix() -> None:
    points = named_points()
    assert points == set(checkpoints.NAMES)
    tried = {*CHARGE_POINTS, *REFUND_POINTS}
    assert [point for point in sorted(points - tried) if not has_a_test(point)] == []


def has_a_test(point: str) -> bool:
    """A test that kills there names the point, beginning with a quotation mark."""
    paths = [path for prefix, path in ELSEWHERE.items() if point.startswith(prefix)]
    return any(f'"{point}' in (ROOT / path).read_text(encoding="utf-8") for path in paths)


def test_a_point_that_nobody_tries_is_seen() -> None:
    assert not has_a_test("charge.forgotten")
    assert not has_a_test("janitor.forgotten")


PAIRS = [(first, second) for first in CHARGE_POINTS for second in CHARGE_POINTS]


@pytest.mark.nightly
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_charge_survives_two_deaths(bench: Bench, first: str, second: str) -> None:
    for answer in CHARGE_ANSWERS:
        check(bench, "charge", answer, [first, second])
