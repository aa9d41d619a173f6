"""Whom a merchant listens to: its seller id, its environment and the list of its topics."""

import re
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, select

from amazonpay import Environment
from billing.store.rows import table_of
from billing.tables import MerchantRow

merchants = table_of(MerchantRow)

# As strict as the receiver, which refuses to start with anything else.
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]{1,40}:[0-9]{12}:[0-9A-Za-z_-]{1,256}(\.fifo)?")


@dataclass(frozen=True, slots=True)
class Listening:
    """Who a notification must be for, and where it may come from.

    `seller_id` is None while the merchant has no keys; without topics nothing is accepted.
    """

    merchant_id: str
    seller_id: str | None
    environment: Environment
    topic_arns: tuple[str, ...]


def parse_topics(text: str | None) -> tuple[str, ...]:
    """Read a list of topics that commas part; raises `ValueError` for what is no topic."""
    topics = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    for topic in topics:
        if not _TOPIC.fullmatch(topic):
            raise ValueError(
                f"topic {topic!r} must be arn:aws:sns:<region>:<account>:<name>, and topics are "
                "parted by commas; autopay notifications list --refused shows the topic of a "
                "genuine notification"
            )
    return topics


def load_listening(connection: Connection, merchant_id: str) -> Listening | None:
    """Read it from the books; None when there is no such merchant."""
    columns = (merchants.c.seller_id, merchants.c.environment, merchants.c.notification_topics)
    row = connection.execute(select(*columns).where(merchants.c.id == merchant_id)).first()
    if row is None:
        return None
    environment = cast(Environment, row.environment)
    topics = parse_topics(row.notification_topics)
    return Listening(merchant_id, row.seller_id or None, environment, topics)
