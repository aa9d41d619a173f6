"""We die between keeping a message and answering it: Amazon sends it again, and it is kept once."""

from datetime import UTC, datetime

import pytest
from support.sandbox import Sandbox
from support.shop import MERCHANT, opening, subscriber
from turn_senders import KILLER, Killed

from billing.notifications import Arrival, Kept, keep_arrival

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
ARRIVAL = Arrival(
    message_id="message-1",
    kind="change",
    topic_arn="arn:aws:sns:ap-northeast-1:291180941288:topic",
    sent_at=AT,
    object_type="CHARGE",
    object_id="S03-0000001-0000001-C000001",
)


@pytest.mark.parametrize("point", ["notification.kept"])
def test_a_message_that_was_kept_but_not_answered_is_kept_once(
    sqlite_url: str, sandbox: Sandbox, point: str
) -> None:
    with opening(sqlite_url, sandbox) as open_one:
        shop = open_one(subscribers=[subscriber(1)])
        KILLER.points = [point]
        with pytest.raises(Killed):
            keep_arrival(shop.database, MERCHANT, ARRIVAL, at=AT)
        assert keep_arrival(shop.database, MERCHANT, ARRIVAL, at=AT) is Kept.KNOWN
        assert shop.rows("SELECT state FROM notification") == [{"state": "waiting"}]
