"""One name is given to one member, also when two people give it at the same moment."""

import threading
from datetime import UTC, datetime

from sqlalchemy import Connection
from support.schema import at_head
from web_books import add_merchant

from app.problems import Refused
from app.web.shell import Role
from app.web.staff import add_staff
from billing import open_engine, writing

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
TOGETHER = 4


def test_a_name_is_given_once(database_url: str) -> None:
    engine = open_engine(database_url)
    at_head(engine)
    add_merchant(engine, "shop")
    start = threading.Barrier(TOGETHER)
    made: list[int] = []
    refused: list[str] = []

    def add(connection: Connection) -> int:
        return add_staff(
            connection,
            merchant_id="shop",
            name="hanako",
            role=Role.VIEWER,
            password="a sentence of her own",
            by="owner",
            at=AT,
        )

    def one() -> None:
        start.wait(10)
        try:
            made.append(writing(engine, add))
        except Refused as error:
            refused.append(str(error))

    people = [threading.Thread(target=one) for _ in range(TOGETHER)]
    for each in people:
        each.start()
    for each in people:
        each.join(60)
    engine.dispose()
    assert len(made) == 1
    assert len(refused) == TOGETHER - 1
    assert {"hanako" in each and "there already" in each for each in refused} == {True}
