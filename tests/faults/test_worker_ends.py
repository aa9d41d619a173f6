"""One worker of several ends, by whatever means: its charges wait a little, none is doubled."""

import os
import signal
import time
from pathlib import Path

import pytest
from machines import wait_for
from many_machines import Chaos, chaos, faults_of
from support.sandbox import Sandbox

SUBSCRIBERS = 80


def lost_seconds(played: Chaos) -> float:
    """Seconds until the last charge of the stricken worker was settled; checks the books."""
    played.shop.amazon.clear_faults()
    assert played.finish(seconds=150), played.story()
    assert faults_of(played) == []
    assert played.lost_seconds, "the worker had nothing in hand"
    return max(played.lost_seconds)


def test_a_worker_that_is_frozen_for_longer_than_its_lease(
    postgres_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Failure mode 43, invariants 20 and 21. Others settle what it had in hand while it sleeps;
    awake again it sends keys and writes answers that are settled already, and nothing moves."""
    with chaos(
        database_url=postgres_url,
        amazon=sandbox,
        folder=tmp_path,
        subscribers=SUBSCRIBERS,
        machines=2,
    ) as played:
        frozen = played.busy_machine()
        played.orphan(frozen)
        frozen.freeze()
        assert wait_for(lambda: played.look() or not played.orphans, seconds=60)
        frozen.thaw()
        time.sleep(1.0)  # it sends what it was about to send
        assert lost_seconds(played) < 30


@pytest.mark.nightly
def test_a_killed_machine_costs_less_than_a_minute_at_the_production_beat(
    postgres_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The lease of an attempt is 60 s and the next tick comes as late: neither is waited for."""
    with chaos(
        database_url=postgres_url,
        amazon=sandbox,
        folder=tmp_path,
        subscribers=SUBSCRIBERS,
        machines=2,
        settings={"AUTOPAY_HEARTBEAT_SECONDS": "5.0", "AUTOPAY_TICK_SECONDS": "60"},
    ) as played:
        killed = played.busy_machine()
        played.orphan(killed)
        killed.kill()
        assert lost_seconds(played) < 45


def test_a_worker_that_is_asked_to_end_drains_and_hands_over(
    postgres_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Failure mode 56: within 30 s, with answers that come after half a second. What it did not
    begin to send is sent by others at once: it has told the database of its end."""
    with chaos(
        database_url=postgres_url,
        amazon=sandbox,
        folder=tmp_path,
        subscribers=SUBSCRIBERS,
        machines=2,
    ) as played:
        ending = played.busy_machine()
        assert ending.pid is not None
        played.orphan(ending)
        began = time.monotonic()
        os.kill(ending.pid, signal.SIGTERM)
        if not wait_for(lambda: not ending.is_up, seconds=25):
            ending.tell_where()
            pytest.fail(f"{ending.name} has not ended\n{played.machines.logs()}")
        took = time.monotonic() - began
        ending.pid = None
        assert lost_seconds(played) < 30
        assert took < 15
