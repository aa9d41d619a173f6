"""A sample of the crash matrix with real processes: SIGKILL, PostgreSQL, senders in threads.

36 charges; some of their answers are lost, and the process dies at a point. The other cells are
played in one process by `test_crash_matrix.py`.
"""

import signal
from pathlib import Path
from typing import Any

import pytest
from crash_matrix import FAULTS
from support.sandbox import Sandbox
from test_kill import DAY, Case, prepare

POINTS = ("charge.before_send:5", "charge.after_send:7", "charge.before_record:1")
LOST_EACH_TIME = {("charge.after_send:7", "500_after")}
CELLS = [
    pytest.param(
        point,
        kind,
        id=f"{point}-{kind}",
        marks=() if (point, kind) in LOST_EACH_TIME else pytest.mark.nightly,
    )
    for point in POINTS
    for kind in FAULTS
    if not kind.startswith("timeout")
]


@pytest.fixture(scope="module")
def undisturbed(
    shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    case = prepare(f"sqlite:///{folder / 'books.db'}", shared_sandbox, folder)
    case.finish()
    return case.books()


@pytest.mark.parametrize(("point", "kind"), CELLS)
def test_a_killed_process_and_lost_answers_end_as_an_undisturbed_run(
    postgres_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
    undisturbed: dict[str, list[Any]],
    point: str,
    kind: str,
) -> None:
    case: Case = prepare(postgres_url, sandbox, tmp_path)
    sandbox.faults([{"operation": "createCharge", "kind": kind, "times": 6, "after": 2}])
    assert case.run(DAY, kill_at=point) == -signal.SIGKILL
    case.finish()
    assert case.books() == undisturbed
