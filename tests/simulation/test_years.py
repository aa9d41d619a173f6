"""Years of large shops on each commit, in a file of their own: a second worker plays them."""

import pytest

from simulation.play import Played, play
from simulation.setting import large

# Large shops carry the years, small ones the noise: docs/simulation.md has the figures.
ON_EACH_COMMIT = (3, 12, 22, 32, 34, 61, 64)
YEARS = 5_000


@pytest.fixture(scope="module")
def played() -> dict[int, Played]:
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", ON_EACH_COMMIT, ids="seed{}".format)
def test_years_of_a_large_shop(seed: int, played: dict[int, Played]) -> None:
    world = played[seed] = play(large(seed))
    last = "\n".join(world.lines[-25:])
    assert world.violation is None, f"seed {seed}: {world.detail}\n{last}"


@pytest.mark.slow
def test_they_are_enough_years(played: dict[int, Played]) -> None:
    """Counted is who runs: neither who paused nor who has left."""
    if len(played) < len(ON_EACH_COMMIT):
        pytest.skip("only some of the worlds were played")
    assert sum(world.subscription_days for world in played.values()) >= YEARS * 365
