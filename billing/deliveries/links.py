"""Sign-in links in mails: the secret is made when the mail is sent, and stored nowhere."""

import json
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from billing.customers import LINK_KIND, mail_link_token
from billing.deliveries.composing import LINK_MARK
from billing.deliveries.mails import LinkFacts, OutgoingMail
from billing.store.merchants import Merchant
from billing.store.rows import Row, table_of
from billing.tables import NoticeRow

__all__ = ["link_facts", "with_link"]

_notices = table_of(NoticeRow)

PAGE = "/my/sign-in/link?token="


def link_facts(connection: Connection, deliveries: Sequence[Row]) -> dict[int, LinkFacts]:
    """What the links of these deliveries are made of, by the notice; one query."""
    ids = [row["notice_id"] for row in deliveries]
    statement = select(_notices.c.id, _notices.c.facts).where(
        _notices.c.id.in_(ids), _notices.c.kind == LINK_KIND
    )
    found = {row[0]: json.loads(row[1] or "{}") for row in connection.execute(statement)}
    return {key: LinkFacts(told["seed"], told["address"]) for key, told in found.items()}


def with_link(mail: OutgoingMail, merchant: Merchant, *, master_key: bytes) -> OutgoingMail:
    """The mail with its link written out; any other mail as it is."""
    if mail.link is None:
        return mail
    token = mail_link_token(master_key=master_key, merchant_id=merchant.id, seed=mail.link.seed)
    address = f"{mail.link.address}{PAGE}{token}"
    return replace(mail, body=mail.body.replace(LINK_MARK, address), link=None)
