"""The rules of the house hold in every room; offenders are listed with their remedies."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.house import DOORS, ROOMS, ROOT, Module, modules, tracked_files
from support.house_rules import (
    back_door_imports,
    clock_reads,
    inexact_arithmetic,
    long_functions,
    long_module,
    public_door_faults,
)

MAY_READ_A_CLOCK = ("scheduler", "app", "amazonpay.sandbox")
MONEY_ROOMS = ("billing", "plans")

# Where an inexact-looking operation is exact or is not about money: "path::function" → why.
EXACT_OR_NOT_MONEY: dict[str, str] = {
    "billing/store/database.py::writing": "seconds to wait before a transaction is tried again",
    "billing/tax.py::_rate_total": "the rate is a Fraction, so the division is exact",
}

# A migration is written once, read rarely and never edited: its length is the schema's.
MIGRATIONS = Path("alembic/versions")

# Written so that this file does not hold what it forbids.
PATHS_OF_A_MACHINE = re.compile(
    r"(?<![\w.])(?:/home/[a-z]|/Users/[A-Za-z]|/roo[t]/|/wor[k]/)|[A-Z]:\\Users\\[A-Za-z]"
)


def module_of(source: str, path: str = "billing/planted.py") -> Module:
    return Module(path=Path(path), text=source, tree=ast.parse(source))


def all_modules() -> tuple[Module, ...]:
    return modules(*ROOMS, "scripts", "tests", "alembic")


def listed(offences: Iterable[str]) -> str:
    return "\n".join(["", *sorted(offences)])


def test_only_the_scheduler_and_the_faces_read_a_clock() -> None:
    offences = [
        offence
        for module in modules(*ROOMS)
        if not module.is_under(*MAY_READ_A_CLOCK)
        for offence in clock_reads(module)
    ]
    assert not offences, listed(offences)


def test_no_float_comes_near_money() -> None:
    offences = [
        offence
        for module in modules(*MONEY_ROOMS)
        for place, offence in inexact_arithmetic(module)
        if place not in EXACT_OR_NOT_MONEY
    ]
    assert not offences, listed(offences)


def test_every_exception_to_the_money_rule_is_still_needed() -> None:
    used = {place for module in modules(*MONEY_ROOMS) for place, _ in inexact_arithmetic(module)}
    assert set(EXACT_OR_NOT_MONEY) <= used, "remove the entries that excuse nothing any more"
    assert all(EXACT_OR_NOT_MONEY.values()), "each entry says why"


def test_functions_can_be_seen_whole() -> None:
    offences = [
        offence
        for module in all_modules()
        if not module.path.is_relative_to(MIGRATIONS)
        for offence in long_functions(module)
    ]
    assert not offences, listed(offences)


def test_modules_hold_one_idea() -> None:
    offences = [
        offence
        for module in all_modules()
        if not module.path.is_relative_to(MIGRATIONS)
        for offence in long_module(module)
    ]
    assert not offences, listed(offences)


def test_no_two_modules_of_tests_have_one_name() -> None:
    """They are modules of one space: pytest could not collect both."""
    names = Counter(module.path.name for module in modules("tests"))
    twice = [name for name, times in names.items() if times > 1 and name.startswith("test_")]
    assert not twice, listed(twice)


@pytest.mark.parametrize("package", DOORS)
def test_each_room_has_one_public_door(package: str) -> None:
    faults = list(public_door_faults(package))
    assert not faults, listed(faults)


def test_rooms_use_each_others_public_doors() -> None:
    offences = [offence for module in modules(*ROOMS) for offence in back_door_imports(module)]
    assert not offences, listed(offences)


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    own = f"{ROOT}/" if len(ROOT.parts) > 3 else None
    offences = []
    for file in tracked_files():
        for number, line in enumerate(text_of(file).splitlines(), start=1):
            if PATHS_OF_A_MACHINE.search(line) or (own and own in line):
                offences.append(f"{file.relative_to(ROOT)}:{number}: write it relative to the root")
    assert not offences, listed(offences)


def text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # pictures and fonts


# The rules themselves, shown on planted offenders.


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("import datetime\ndatetime.datetime.now()", id="module import"),
        pytest.param("from datetime import datetime as dt, UTC\ndt.now(UTC)", id="renamed"),
        pytest.param("from datetime import date\ndate.today()", id="today"),
        pytest.param("import time\ntime.time()", id="time.time"),
        pytest.param("from time import time\ntime()", id="bare function"),
        pytest.param("from datetime import datetime\nf(default=datetime.now)", id="not called"),
        pytest.param("from sqlalchemy import func\nfunc.now()", id="database clock"),
        pytest.param("run('SELECT CURRENT_TIMESTAMP')", id="clock in SQL"),
    ],
)
def test_a_clock_is_seen(source: str) -> None:
    assert len(list(clock_reads(module_of(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("from datetime import date\ndate(2026, 1, 31)", id="a date as such"),
        pytest.param("import time\ntime.monotonic()", id="a stop-watch tells no time of day"),
        pytest.param('"""Never calls now()."""', id="words in a docstring"),
        pytest.param("def f(now):\n    return now()", id="a clock that was handed in"),
    ],
)
def test_what_is_no_clock_passes(source: str) -> None:
    assert list(clock_reads(module_of(source))) == []


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("rate = 0.1", id="literal"),
        pytest.param("float(amount)", id="float()"),
        pytest.param("amount / 2", id="true division"),
        pytest.param("amount /= 2", id="true division in place"),
        pytest.param("round(amount)", id="round"),
        pytest.param("def f(amount: float): ...", id="annotation"),
    ],
)
def test_inexact_arithmetic_is_seen(source: str) -> None:
    assert len(list(inexact_arithmetic(module_of(source)))) == 1


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("amount * 10 // 110", id="floor division of yen"),
        pytest.param("folder / 'catalogue.yaml'", id="path"),
        pytest.param("folder / f'{name}.yaml'", id="path, formatted"),
    ],
)
def test_exact_arithmetic_passes(source: str) -> None:
    assert list(inexact_arithmetic(module_of(source))) == []


def test_an_exception_is_named_by_its_function() -> None:
    source = "class A:\n    def f(self):\n        return 1 / 2\n"
    places = [place for place, _ in inexact_arithmetic(module_of(source))]
    assert places == ["billing/planted.py::A.f"]


def test_lengths_are_counted_to_the_last_line() -> None:
    body = "def f():\n" + "    g()\n" * 69
    assert list(long_functions(module_of(body))) == []  # 1 + 69 = 70 lines
    assert len(list(long_functions(module_of(body + "    g()\n")))) == 1
    assert list(long_module(module_of("x\n" * 450))) == []
    assert len(list(long_module(module_of("x\n" * 451)))) == 1


@pytest.mark.parametrize(
    ("source", "offences"),
    [
        pytest.param("from billing import Invoice", 0, id="the door"),
        pytest.param("from billing.tables.money import Invoice", 1, id="the back door"),
        pytest.param("import plans.calendar", 1, id="import of an inner module"),
        pytest.param("from app.settings import Settings", 0, id="the own room"),
        pytest.param("from amazonpay.sandbox import serve", 0, id="the local Amazon Pay's door"),
        pytest.param("from datetime import date", 0, id="another library"),
    ],
)
def test_back_doors_are_seen(source: str, offences: int) -> None:
    assert len(list(back_door_imports(module_of(source, "app/planted.py")))) == offences


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("see /ho" + "me/hanako/autopay", id="Linux"),
        pytest.param("see /Use" + "rs/hanako/autopay", id="macOS"),
        pytest.param("see C:\\Use" + "rs\\hanako", id="Windows"),
        pytest.param("see /roo" + "t/.cache", id="root"),
    ],
)
def test_a_path_of_a_machine_is_seen(line: str) -> None:
    assert PATHS_OF_A_MACHINE.search(line)


@pytest.mark.parametrize("line", ["https://pay.example/home/top", "docs/work/plan.md", "~/.env"])
def test_other_paths_pass(line: str) -> None:
    assert not PATHS_OF_A_MACHINE.search(line)
