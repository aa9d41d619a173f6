"""The simulation can fail: bugs planted into the engine are found, written, replayed and shrunk."""

import time
from pathlib import Path

import pytest

from simulation import failing
from simulation.planted_bugs import BUGS, Bug, hunt, planted, small
from simulation.play import play
from simulation.shrink import Shrinker

BY_NAME = {bug.name: bug for bug in BUGS}
ON_EACH_COMMIT = (
    "new key on each send",
    "replay with other bytes",
    "cap not looked at",
    "month by UTC alone",
    "5xx is a decline",
    "given up without sealing the key",
    "two tries at once",
    "payment booked twice",
)
REPLAY_SECONDS = 5.0


def test_there_are_enough_bugs_and_their_names_differ() -> None:
    assert len(BY_NAME) == len(BUGS) >= 25


def test_the_right_engine_passes_where_bugs_are_hunted() -> None:
    played = play(small(1))
    assert played.violation is None, played.detail


@pytest.mark.parametrize("name", ON_EACH_COMMIT)
def test_bug_is_found(name: str) -> None:
    assert hunt(BY_NAME[name]) is not None


@pytest.mark.nightly
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_is_found(bug: Bug) -> None:
    assert hunt(bug) is not None


def test_a_failure_replays_from_its_file_and_shrinks(tmp_path: Path) -> None:
    bug = BY_NAME["5xx is a decline"]
    found = hunt(bug)
    assert found is not None
    with planted(bug):
        smallest = Shrinker(found, seconds=8.0).shrink()
        path = failing.written(smallest, folder=tmp_path)
        started = time.process_time()
        again, said = failing.replayed(path)
        seconds = time.process_time() - started
    assert (again.violation, again.fingerprint) == (said["violation"], said["fingerprint"])
    assert seconds < REPLAY_SECONDS
    assert len(smallest.tape) <= len(found.tape)
    assert len(smallest.setting.only or ()) <= 2
    assert path.stat().st_size < 60_000
    # Without the bug the same tape does no harm: the file accuses the bug, not the world.
    assert play(smallest.setting, tape=smallest.tape).violation is None
