"""Where output goes: to a reader who leaves, nowhere, or to a full disk; no traceback, no noise."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import typer
from cli_user import SECONDS, User
from sqlalchemy import Connection
from support.ready_autopay import quick_folder

from app.commands import charges as history
from app.commands.charges import Page
from billing import ChargeHistoryRow


def in_a_shell(user: User, line: str) -> tuple[int, str]:
    """Exit code and standard error of a line in which AUTOPAY stands for the program."""
    done = subprocess.run(
        ["bash", "-c", line.replace("AUTOPAY", str(quick_folder() / "autopay"))],
        cwd=user.folder,
        env=user.environment({}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        timeout=SECONDS,
    )
    return done.returncode, done.stderr.decode()


LINES = '{"op":"registration_number","value":"T4011001098993"}'


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        pytest.param("set -o pipefail; AUTOPAY settings | true", 0, "", id="a reader who leaves"),
        pytest.param(
            f"(for n in $(seq 5000); do echo '{LINES}'; done) > lines; "
            "AUTOPAY calc < lines | head -1; exit ${PIPESTATUS[0]}",
            0,
            "",
            id="a reader who leaves in the middle",
        ),
        pytest.param("AUTOPAY settings >&-", 0, "", id="nowhere"),
        pytest.param("AUTOPAY settings --json >&-", 0, "", id="nowhere, for programs"),
        pytest.param("AUTOPAY nonsense 2>&-", 2, "", id="errors to nowhere"),
        pytest.param(
            "AUTOPAY settings > /dev/full",
            1,
            "autopay: the system refused (No space left on device); make room on the disk or "
            "check the network addresses of `autopay settings`, and retry\n",
            id="a full disk",
        ),
    ],
)
def test_output_may_go_anywhere(autopay: User, line: str, code: int, told: str) -> None:
    assert in_a_shell(autopay, line) == (code, told)


def test_a_history_that_is_cut_short_is_closed_before_its_database(
    shop: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are fetched while they are written; a cursor left open is complained about later."""
    seen: list[bool] = []

    def endless(connection: Connection, **_: object) -> Iterator[None]:
        try:
            while True:
                yield None
        finally:
            seen.append(connection.closed)

    def leaves(*_: object) -> dict[str, object]:
        raise BrokenPipeError

    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(history, "charge_history", endless)
    monkeypatch.setattr(history, "_charge_record", leaves)
    with pytest.raises(BrokenPipeError):
        show("csv", Page())
    assert seen == [False]


def show(output: str, page: Page) -> None:
    history.charges(date_from=None, date_to=None, state=None, search=None, output=output, page=page)


def attempt(number: int) -> ChargeHistoryRow:
    return ChargeHistoryRow(
        attempt_id=number,
        at=datetime(2026, 11, 30, 0, 0, 0, number, tzinfo=UTC),
        subscription=f"sub-{number:03d}",
        customer_name="山田",
        plan_code="basic",
        cycle=10,
        purpose="renewal",
        amount_yen=1_980,
        state="captured",
        state_ja="受領済み",
        reason_code=None,
        charge_id=None,
        charge_permission_id="C03-0000001-0000001",
        attempt=1,
        reference="r",
    )


def test_a_long_history_is_shown_page_by_page(
    shop: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each page's last line names the place that the next one goes on behind."""
    asked: list[tuple[object, object]] = []

    def three(_: Connection, **how: object) -> Iterator[ChargeHistoryRow]:
        asked.append((how["limit"], how["after"]))
        after = how["after"] or (None, 4)
        left = [attempt(number) for number in (3, 2, 1) if number < after[1]]
        yield from left[: how["limit"]]

    monkeypatch.chdir(shop.folder)
    monkeypatch.setattr(history, "charge_history", three)
    show("table", Page(limit=2))
    said = capsys.readouterr().out
    assert ("sub-003" in said, "sub-002" in said, "sub-001" in said) == (True, True, False)
    place = said.splitlines()[-1].partition("--after ")[2].partition(";")[0]
    show("table", Page(limit=2, after=place))
    said = capsys.readouterr().out
    assert ("sub-002" in said, "sub-001" in said, "--after" in said) == (False, True, False)
    assert asked == [(3, None), (3, attempt(2).cursor)]
    show("json", Page(limit=1))
    assert f"--after {place[:-1]}3" in capsys.readouterr().err.replace("000003Z", "000002Z")
    show("table", Page())
    show("json", Page())
    assert asked[-2:] == [(101, None), (None, None)]
    with pytest.raises(typer.BadParameter, match="no place in the list"):
        show("table", Page(after="tomorrow"))
