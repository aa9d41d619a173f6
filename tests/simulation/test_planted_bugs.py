"""The simulation can fail: bugs planted into the engine are found, written, replayed and shrunk."""

import importlib
import time
from pathlib import Path

import pytest

from simulation import failing
from simulation.planted_bugs import BUGS, Bug, hunt, planted, small
from simulation.play import play
from simulation.shrink import Shrinker
from simulation.versions import OLD

BY_NAME = {bug.name: bug for bug in BUGS}
REPLAY_SECONDS = 5.0


def test_there_are_enough_bugs_and_their_names_differ() -> None:
    assert len(BY_NAME) == len(BUGS) >= 25


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_what_a_bug_replaces_is_there(bug: Bug) -> None:
    """A function that was moved or renamed is no longer made wrong, and the hunt proves nothing."""
    assert {name for name in bug.wrong if not _is_there(name)} == set()


def test_what_the_old_program_does_otherwise_is_there() -> None:
    assert {name for name in OLD if not _is_there(name)} == set()


def _is_there(dotted: str) -> bool:
    module, _, name = dotted.rpartition(".")
    return hasattr(importlib.import_module(module), name)


def test_the_right_engine_passes_where_bugs_are_hunted() -> None:
    played = play(small(1))
    assert played.violation is None, played.detail


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_every_bug_is_found(bug: Bug) -> None:
    """Each at the seed that is known to find it, so that all of them are hunted each time."""
    found = hunt(bug)
    assert found is not None
    assert bug.caught_by in ("", found.violation)


@pytest.mark.parametrize("check", ["invariant_32", "invariant_42"])
def test_a_check_that_others_stand_before_has_a_bug_of_its_own(check: str) -> None:
    assert [bug for bug in BUGS if bug.caught_by == check]


def test_a_failure_with_shipments_replays_and_shrinks(tmp_path: Path) -> None:
    bug = BY_NAME["a part was shipped, all is captured"]
    found = hunt(bug)
    assert found is not None
    with planted(bug):
        smallest = Shrinker(found, seconds=4.0).shrink()
        path = failing.written(smallest, folder=tmp_path)
        started = time.process_time()
        again, said = failing.replayed(path)
        seconds = time.process_time() - started
    assert (again.violation, again.fingerprint) == (said["violation"], said["fingerprint"])
    assert seconds < REPLAY_SECONDS
    assert smallest.setting.days < found.setting.days
    assert play(smallest.setting, tape=smallest.tape).violation is None


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
