"""Addresses that are told every event: added, rotated, disabled; secrets are kept sealed.

A rotation leaves both secrets in force for a while, so that the receiver can change over without
losing a message. An address that fails for days is disabled, and the staff are told.
"""

import ipaddress
import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import Connection, select, update

from billing.deliveries.settling import settle_notices
from billing.deliveries.signing import SECRET_BYTES, secret_bytes, secret_text
from billing.store.merchants import Merchant
from billing.store.notices import merchant_notice, write_notices
from billing.store.rows import Row, fetch, fresh_row, is_word, table_of
from billing.store.sealing import seal, unseal
from billing.tables import DeliveryRow, WebhookEndpointRow
from plans import BadInput

__all__ = [
    "Endpoint",
    "add_endpoint",
    "check_endpoint_url",
    "disable_endpoint",
    "enable_endpoint",
    "endpoint_of",
    "endpoint_secrets",
    "endpoints_of",
    "is_loopback_host",
    "rotate_endpoint",
]

_endpoints = table_of(WebhookEndpointRow)
_deliveries = table_of(DeliveryRow)

LONGEST_OVERLAP_HOURS = 24 * 30
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LONGEST_URL = 2_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address as it stands; its secrets are not part of it."""

    code: str
    url: str
    state: str
    made_at: datetime
    old_secret_until: datetime | None
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


def add_endpoint(
    connection: Connection,
    merchant: Merchant,
    *,
    code: str,
    url: str,
    at: datetime,
    master_key: bytes,
    loopback: bool = False,
    secret: str | None = None,
) -> str:
    """Add an address and return its secret, which is never shown again.

    It is told what is written from `at` on. Raises BadInput for a code in use, an address that is
    not https (plain http only to this machine, with `loopback`), or an unusable secret.
    """
    if not _CODE.fullmatch(code):
        raise _bad("code", code, "is a-z, 0-9, - and _, at most 64", "use a name such as shop")
    check_endpoint_url(url, loopback=loopback)
    key = os.urandom(SECRET_BYTES) if secret is None else secret_bytes(secret)
    row = WebhookEndpointRow(
        merchant_id=merchant.id,
        code=code,
        url=url,
        sealed_secret=_sealed(key, master_key, merchant, code),
        made_at=at,
    )
    fresh = fresh_row(connection, _endpoints, row.model_dump(exclude={"id"}))
    unless_known = fresh.on_conflict_do_nothing().returning(_endpoints.c.id)
    # Asked of the row itself: somebody may add the same name at this moment.
    if connection.execute(unless_known).first() is None:
        raise _bad("code", code, "is in use", "use another name, or rotate or disable that one")
    return secret_text(key)


def rotate_endpoint(
    connection: Connection,
    merchant: Merchant,
    *,
    code: str,
    at: datetime,
    master_key: bytes,
    overlap_hours: int = 24,
    secret: str | None = None,
) -> str:
    """Give an address a new secret and return it; the old one signs too for `overlap_hours`.

    Raises BadInput for an unknown code or an overlap outside 0 to 720 hours.
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise _bad(
            "overlap_hours",
            overlap_hours,
            f"is a number of hours from 0 to {LONGEST_OVERLAP_HOURS}",
            "use 24",
        )
    row = endpoint_row(connection, merchant, code)
    key = os.urandom(SECRET_BYTES) if secret is None else secret_bytes(secret)
    _change(
        connection,
        row["id"],
        sealed_secret=_sealed(key, master_key, merchant, code),
        sealed_old_secret=row["sealed_secret"],
        old_secret_until=at + timedelta(hours=overlap_hours),
    )
    return secret_text(key)


def disable_endpoint(
    connection: Connection, merchant: Merchant, *, code: str, at: datetime, reason: str
) -> None:
    """Send nothing more to an address; what waits for it is given up, and can be replayed."""
    row = endpoint_row(connection, merchant, code)
    give_up_endpoint(connection, row, at=at, reason=reason)


def give_up_endpoint(connection: Connection, row: Row, *, at: datetime, reason: str) -> None:
    """Disable an address by its row and end what waits for it; once disabled it stays so."""
    if row["state"] == "disabled":
        return
    _change(connection, row["id"], state="disabled", disabled_at=at, disabled_reason=reason)
    waiting = is_word(_deliveries.c.state, "waiting")
    ended = connection.execute(
        update(_deliveries)
        .where(_deliveries.c.endpoint_id == row["id"], waiting)
        .values(state="dead", settled_at=at, detail="the endpoint is disabled")
        .returning(_deliveries.c.notice_id)
    )
    settle_notices(connection, ended.scalars().all(), at=at)


def tell_disabled(connection: Connection, row: Row, *, at: datetime) -> None:
    """Tell the staff that an address was disabled for its failures."""
    step = f"{row['code']}/{at.isoformat()}"
    told = merchant_notice(
        row["merchant_id"], kind="webhook_disabled", at=at, step=step, reason=row["code"]
    )
    write_notices(connection, [told])


def enable_endpoint(connection: Connection, merchant: Merchant, *, code: str) -> None:
    """Send to an address again from now; what it missed comes by a replay."""
    row = endpoint_row(connection, merchant, code)
    _change(
        connection,
        row["id"],
        state="active",
        failing_since=None,
        disabled_at=None,
        disabled_reason=None,
    )


def endpoints_of(connection: Connection, merchant: Merchant) -> list[Endpoint]:
    """Every address of a merchant, by code."""
    statement = (
        select(_endpoints)
        .where(_endpoints.c.merchant_id == merchant.id)
        .order_by(_endpoints.c.code)
    )
    return [_endpoint(row) for row in fetch(connection, statement)]


def endpoint_of(connection: Connection, merchant: Merchant, *, code: str) -> Endpoint:
    """One address; raises BadInput for a code the merchant does not have."""
    return _endpoint(endpoint_row(connection, merchant, code))


def endpoint_row(connection: Connection, merchant: Merchant, code: str) -> Row:
    """The locked row of an address; raises BadInput for a code the merchant does not have."""
    found = _found(connection, merchant, code)
    if not found:
        raise _bad("code", code, "no webhook of this merchant has it", "see: autopay webhooks list")
    return found[0]


def endpoint_secrets(row: Row, *, at: datetime, master_key: bytes) -> tuple[bytes, ...]:
    """The secrets that sign at `at`, the newest first; raises CannotUnseal."""
    bound = {"merchant_id": row["merchant_id"], "public_key_id": _bound_to(row["code"])}
    sealed = [row["sealed_secret"]]
    if row["sealed_old_secret"] is not None and at < row["old_secret_until"]:
        sealed.append(row["sealed_old_secret"])
    return tuple(unseal(each, master_key=master_key, **bound) for each in sealed)


def check_endpoint_url(url: str, *, loopback: bool) -> None:
    """Refuse an address that must not be called; raises BadInput.

    What its name stands for is looked at anew at every call.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad("url", "***", "is no URL", "write https://shop.example/hooks") from None
    if parts.username is not None or parts.password is not None:
        raise _bad("url", "***", "holds a password", "the signature says who sends: leave it out")
    plain = url.isascii() and not re.search(r"[\x00-\x20\x7f]", url) and len(url) <= _LONGEST_URL
    if not plain or not host or port == 0 or parts.fragment:
        raise _bad("url", url, "is no URL to post to", "write https://shop.example/hooks")
    local = is_loopback_host(host)
    if local and not loopback:
        remedy = "set AUTOPAY_WEBHOOK_LOOPBACK=true where that is meant"
        raise _bad("url", url, "is an address of this machine", remedy)
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise _bad("url", url, "is not https", "write https://shop.example/hooks")


def is_loopback_host(host: str) -> bool:
    """True for `localhost` and the loopback addresses."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _found(connection: Connection, merchant: Merchant, code: str) -> list[Row]:
    statement = select(_endpoints).where(
        _endpoints.c.merchant_id == merchant.id, _endpoints.c.code == code
    )
    return fetch(connection, statement.with_for_update())


def _change(connection: Connection, endpoint_id: int, **values: object) -> None:
    connection.execute(update(_endpoints).where(_endpoints.c.id == endpoint_id).values(**values))


def _sealed(key: bytes, master_key: bytes, merchant: Merchant, code: str) -> bytes:
    return seal(key, master_key=master_key, merchant_id=merchant.id, public_key_id=_bound_to(code))


def _bound_to(code: str) -> str:
    return f"webhook/{code}"


def _endpoint(row: Row) -> Endpoint:
    names = ("code", "url", "state", "made_at", "old_secret_until", "failing_since")
    return Endpoint(**{name: row[name] for name in (*names, "disabled_at", "disabled_reason")})


def _bad(field: str, value: object, rule: str, remedy: str) -> BadInput:
    return BadInput(field=field, value=value, rule=rule, remedy=remedy)
