"""Killed, frozen or cut off, a worker costs no double charge, no lost one, and little time."""

import os
import random
import sys
from pathlib import Path

import pytest
from many_machines import chaos, faults_of
from support.sandbox import Sandbox

# What a worker may cost at the production beat of 5 s; here it is ten times as quick.
MOST_SECONDS_LOST = 60.0


@pytest.mark.slow
def test_twenty_blows_on_eight_machines(
    postgres_url: str, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(postgres_url, sandbox, tmp_path, capsys, subscribers=560, blows=20)


@pytest.mark.nightly
@pytest.mark.parametrize("round_number", range(4))
def test_two_hundred_blows_on_eight_machines(
    postgres_url: str,
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    round_number: int,
) -> None:
    """4 rounds of 55 = 220 blows."""
    play(postgres_url, sandbox, tmp_path, capsys, subscribers=1_500, blows=55)


def play(
    url: str,
    amazon: Sandbox,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    subscribers: int,
    blows: int,
) -> None:
    seed = int(os.environ.get("AUTOPAY_TEST_SEED") or random.SystemRandom().randrange(1 << 32))
    told = f"AUTOPAY_TEST_SEED={seed}"
    with chaos(
        database_url=url, amazon=amazon, folder=folder, subscribers=subscribers, seed=seed
    ) as played:
        played.play(blows, pause=(0.4, 1.0))
        amazon.clear_faults()
        assert played.finish(seconds=150), f"{told}\n{played.story()}"
        assert faults_of(played) == [], told
        lost = max(played.lost_seconds, default=0.0)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{told}: {dict(played.done)}; {len(played.lost_seconds)} charges of stricken "
            f"workers, the last one settled after {lost:.1f} s\n"
        )
    assert lost < MOST_SECONDS_LOST, told
