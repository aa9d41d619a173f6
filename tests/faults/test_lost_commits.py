"""The connection breaks in the middle of a COMMIT: done or not done, both end in the same books."""

from datetime import date

import pytest
from cut_wire import Moment, Wire
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from support.sandbox import Sandbox
from support.shop import Shop, open_shop, subscriber

from scheduler.slices import SenderPool, work_charges

# Brake and clock, opening, opening again, intending, intending again, recording, and so on: the
# commits of one run. A day for each, so that every run has all of its steps to do.
MOST_COMMITS = 20
DAILY = """
plans:
  - {code: basic, name: {ja: 日額, en: Daily}, price: 300, tax: standard,
     every: {unit: day, count: 1}}
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_every_commit_of_a_run_is_lost_once(
    postgres_url: str, sandbox: Sandbox, moment: Moment
) -> None:
    """Failure mode 59: before the server heard of it, and after it was done but not heard of."""
    first = date(2026, 11, 1)
    with Wire(make_url(postgres_url)) as wire:
        shop = open_shop(
            database_url=wire.url,
            amazon=sandbox,
            subscribers=[
                subscriber(n, started_on=first, anchor_day=1, next_charge_on=first) for n in (1, 2)
            ],
            catalogue=DAILY,
        )
        lost = 0
        for day in range(1, MOST_COMMITS + 1):
            shop.go_to(first.replace(day=day))
            wire.cut_next_commit(moment, skip=lost)
            work_until_done(shop)
            if wire.waits_for is not None:
                break
            lost += 1
        assert 5 <= lost < MOST_COMMITS, "so many commits a run has, or it is not what was cut"
        assert wire.commits_cut == lost
        # Each day each of the two, once: nothing doubled, nothing left out.
        assert [reference for reference, _ in shop.taken()] == sorted(
            f"sub-{n:03d}-{cycle:04d}-renewal" for n in (1, 2) for cycle in range(day)
        )
        assert shop.faults() == []
        shop.database.dispose()


def work_until_done(shop: Shop) -> None:
    """What a worker does: the slice again, at once, when the database did not answer."""
    pool = SenderPool()
    for _ in range(3):
        try:
            while work_charges(shop.engine, pool=pool, stopping=lambda: False):
                pass
            break
        except DBAPIError:
            continue
    else:
        pytest.fail("the slice failed again and again")
    pool.close()
