"""Where output goes: to a reader who leaves, nowhere, or to a full disk; no traceback, no noise."""

import subprocess
from collections.abc import Iterator

import pytest
from cli_user import SECONDS, User
from sqlalchemy import Connection
from support.ready_autopay import quick_folder

from app.commands import reports


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
    monkeypatch.setattr(reports, "charge_history", endless)
    monkeypatch.setattr(reports, "_charge_record", leaves)
    with pytest.raises(BrokenPipeError):
        reports.charges(date_from=None, date_to=None, state=None, search=None, output="csv")
    assert seen == [False]
