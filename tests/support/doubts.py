"""Keys that rest for the second time, without playing the day of replays in between."""

from datetime import timedelta

from sqlalchemy import update

from billing import table_of
from billing.tables import DoubtRow
from support.shop import Shop


def rest_for_the_second_time(shop: Shop) -> None:
    """As if all replays had been tried twice: what stays unknown is for a person now."""
    doubts = table_of(DoubtRow)
    with shop.database.begin() as connection:
        rows = connection.execute(doubts.select().where(doubts.c.rested_at.is_not(None))).all()
        for row in rows:
            woken = row.rested_at - timedelta(days=1)
            mine = update(doubts).where(doubts.c.attempt_id == row.attempt_id)
            connection.execute(mine.values(opened_at=woken))
