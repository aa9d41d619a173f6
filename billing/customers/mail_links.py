"""Links by mail that sign a customer in: single-use, short-lived, kept as hashes, slowed down.

The token is made of the master key and a seed: the outbox holds only the seed, so that nobody who
reads the database can sign in. Seed and token say which browser asked, by a mark that only that
browser can make: a link is good there and nowhere else. Whether an address is known shows nowhere.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from billing.customers.recipients import customer_notice, recipients
from billing.store.merchants import Merchant
from billing.store.notices import write_notices
from billing.store.rows import insert_many, table_of
from billing.tables import CustomerRow, MailLinkRow

__all__ = [
    "LINK_KIND",
    "LINK_LASTS",
    "MailAsked",
    "ask_mail_link",
    "browser_of_link",
    "mail_link_address",
    "mail_link_token",
    "use_mail_link",
]

asked = table_of(MailLinkRow)
customers = table_of(CustomerRow)

LINK_KIND = "sign_in_link"
LINK_LASTS = timedelta(minutes=15)
# One address: a mailbox must not be flooded. One source: a list of addresses must not be tried.
WINDOW = timedelta(minutes=15)
MOST_PER_ADDRESS = 3
MOST_PER_SOURCE = 20

_SCHEME = b"autopay mail link v1"


@dataclass(frozen=True, slots=True)
class MailAsked:
    """What asking did: `mails` were written; `slowed` when the source asks too often."""

    mails: int = 0
    slowed: bool = False


def mail_link_token(*, master_key: bytes, merchant_id: str, seed: str) -> str:
    """The secret of a link: only who has the master key can make it from its seed.

    The mark of the browser stands behind it; what is stored is the hash of both.
    """
    said = b"\0".join((_SCHEME, merchant_id.encode(), seed.encode()))
    secret = urlsafe_b64encode(hmac.digest(master_key, said, "sha256")).rstrip(b"=").decode()
    browser = browser_of_link(seed)
    return f"{secret}.{browser}" if browser else secret


def browser_of_link(token: str) -> str:
    """The mark of the browser that a token, or a seed, was made for.

    Believe it only of a token that `mail_link_address` knows. Empty for a link that was asked for
    before there were marks: no browser's own.
    """
    return token.partition(".")[2]


def ask_mail_link(
    connection: Connection,
    merchant: Merchant,
    *,
    email: str,
    source: str,
    address: str,
    seed: str,
    browser: str,
    master_key: bytes,
    at: datetime,
) -> MailAsked:
    """Write a mail with a link to every customer of this address, if there are any.

    `source` is where it was asked from, `address` the public address of My Page without a slash at
    its end, `seed` 128 random bits as text without a dot, `browser` the mark of the browser that
    asked. Nothing that a caller shows may depend on `mails`.
    """
    email_hash = _hashed(merchant, email.strip().casefold())
    source_hash = _hashed(merchant, source)
    if _count(connection, merchant, asked.c.source_hash == source_hash, at) >= MOST_PER_SOURCE:
        return MailAsked(slowed=True)
    often = _count(connection, merchant, asked.c.email_hash == email_hash, at)
    same = func.lower(customers.c.email) == email.strip().lower()
    owners = [] if often >= MOST_PER_ADDRESS else recipients(connection, merchant, same)
    row = {
        "merchant_id": merchant.id,
        "customer_id": None,
        "email_hash": email_hash,
        "source_hash": source_hash,
        "token_hash": None,
        "asked_at": at,
        "expires_at": at + LINK_LASTS,
    }
    insert_many(connection, asked, [row])
    notices = []
    for number, owner in enumerate(owners):
        own_seed = f"{seed}-{number}.{browser}"
        token = mail_link_token(master_key=master_key, merchant_id=merchant.id, seed=own_seed)
        found = {"customer_id": owner["id"], "token_hash": _hashed(merchant, token)}
        # Who asked is counted once, by the row above.
        nobody = {"email_hash": "", "source_hash": ""}
        insert_many(connection, asked, [row | found | nobody])
        facts = {"seed": own_seed, "address": address}
        notices.append(
            customer_notice(merchant, owner, kind=LINK_KIND, step=own_seed, facts=facts, at=at)
        )
    write_notices(connection, notices)
    return MailAsked(mails=len(notices))


def mail_link_address(
    connection: Connection, merchant: Merchant, *, token: str, at: datetime
) -> str | None:
    """Whom a link that can still be used signs in, by the address of mails; None for others.

    Looking does not use it up. Its page says it, for a link that a stranger has passed on must not
    lead anybody into the stranger's pages.
    """
    statement = select(customers.c.email).join(asked, asked.c.customer_id == customers.c.id)
    found: str | None = connection.execute(statement.where(*_good(merchant, token, at))).scalar()
    return found


def use_mail_link(
    connection: Connection, merchant: Merchant, *, token: str, at: datetime
) -> int | None:
    """Use a link up; the customer it signs in, or None for one that is used, old or unknown.

    Whether it is the browser that asked is the caller's to know: see `browser_of_link`.
    """
    good = _good(merchant, token, at)
    customer_id: int | None = connection.execute(select(asked.c.customer_id).where(*good)).scalar()
    # Of two clicks at once only one finds it unused.
    used = connection.execute(update(asked).where(*good).values(used_at=at))
    return customer_id if used.rowcount == 1 else None


def _good(merchant: Merchant, token: str, at: datetime) -> tuple[Any, ...]:
    return (
        asked.c.merchant_id == merchant.id,
        asked.c.token_hash == _hashed(merchant, token),
        asked.c.used_at.is_(None),
        asked.c.expires_at > at,
    )


def _count(connection: Connection, merchant: Merchant, who: Any, at: datetime) -> int:
    statement = (
        select(func.count())
        .select_from(asked)
        .where(asked.c.merchant_id == merchant.id, who, asked.c.asked_at > at - WINDOW)
    )
    return int(connection.execute(statement).scalar_one())


def _hashed(merchant: Merchant, text: str) -> str:
    said = f"{merchant.id}\0{text}"
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()
