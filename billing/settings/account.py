"""The Amazon Pay account of a merchant: what may be shown of it, and its change by an owner."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select, update

from amazonpay import Environment, load_private_key
from billing.store.events import write_audit_event
from billing.store.merchants import MerchantKeys, UnknownMerchant, check_environment, store_keys
from billing.store.rows import Row, fetch, table_of
from billing.tables import MerchantRow

__all__ = [
    "Account",
    "GivenAccount",
    "KeyOfTheOther",
    "KeyWithoutFile",
    "change_account",
    "load_account",
    "twin_of",
]

_merchants = table_of(MerchantRow)
# The sealed key is not among them: nothing that is shown can hold it.
_SHOWN = ("id", "environment", "seller_id", "store_id", "public_key_id", "key_fingerprint")


class KeyWithoutFile(Exception):
    """Another public key id needs the private key of its pair."""


class KeyOfTheOther(Exception):
    """The key is already that of a merchant of the other environment."""


@dataclass(frozen=True, slots=True)
class Account:
    """What may be seen of a merchant's account; empty texts for what was not given yet.

    `key_fingerprint` is the SHA-256 of the public half, in hex.
    """

    merchant_id: str
    environment: Environment
    seller_id: str
    store_id: str
    public_key_id: str
    key_fingerprint: str

    @property
    def has_key(self) -> bool:
        """True when requests can be signed."""
        return bool(self.key_fingerprint)


@dataclass(frozen=True, slots=True)
class GivenAccount:
    """What an owner typed; without `private_key_pem` the stored key stays."""

    seller_id: str
    store_id: str
    public_key_id: str
    private_key_pem: bytes | None = field(default=None, repr=False)


def load_account(connection: Connection, *, merchant_id: str) -> Account:
    """The merchant's account; raises `UnknownMerchant`."""
    statement = select(*(_merchants.c[name] for name in _SHOWN))
    found = fetch(connection, statement.where(_merchants.c.id == merchant_id))
    if not found:
        raise UnknownMerchant(f"merchant {merchant_id!r} is not in this database")
    return _account(found[0])


def twin_of(connection: Connection, account: Account) -> Account | None:
    """The merchant of the same seller in the other environment; None when there is none here.

    The two are a pair by their names too (`shop` and `shop-sandbox`): names are given by who runs
    the program, while an owner could type the seller id of another shop of the database.
    """
    if not account.seller_id:
        return None
    statement = select(*(_merchants.c[name] for name in _SHOWN)).where(
        _merchants.c.seller_id == account.seller_id,
        _merchants.c.environment != account.environment,
    )
    found = fetch(connection, statement.order_by(_merchants.c.id))
    return next(
        (_account(row) for row in found if _stem(row["id"]) == _stem(account.merchant_id)), None
    )


def _stem(merchant_id: str) -> str:
    return merchant_id.removesuffix("-sandbox").removesuffix("-live")


def change_account(
    connection: Connection,
    *,
    merchant_id: str,
    given: GivenAccount,
    master_key: bytes | None,
    by: str,
    at: datetime,
) -> Account:
    """Keep what an owner typed, the key sealed; returns the account as it is now.

    Raises `KeyWithoutFile` for a new public key id alone, `WrongEnvironment` and `KeyOfTheOther`
    for a key of the other environment, and an `UnusableKey` for a file that is no private key.
    """
    before = load_account(connection, merchant_id=merchant_id)
    if given.private_key_pem is None:
        _keep_key(connection, before, given)
    else:
        _replace_key(connection, before, given, given.private_key_pem, master_key)
    after = load_account(connection, merchant_id=merchant_id)
    if after != before:
        _note(connection, before, after, by=by, at=at)
    return after


def _keep_key(connection: Connection, before: Account, given: GivenAccount) -> None:
    if given.public_key_id != before.public_key_id:
        raise KeyWithoutFile(
            f"public key id {given.public_key_id!r} is not the one that is kept; "
            "give the private key of the same pair with it"
        )
    values = {"seller_id": given.seller_id, "store_id": given.store_id}
    mine = _merchants.c.id == before.merchant_id
    connection.execute(update(_merchants).where(mine).values(values))


def _replace_key(
    connection: Connection,
    before: Account,
    given: GivenAccount,
    pem: bytes,
    master_key: bytes | None,
) -> None:
    check_environment(public_key_id=given.public_key_id, environment=before.environment)
    _refuse_key_of_the_other(connection, before, load_private_key(pem).fingerprint())
    assert master_key is not None, "pages without a master key offer no upload"  # noqa: S101 - the caller's promise
    keys = MerchantKeys(
        seller_id=given.seller_id,
        store_id=given.store_id,
        public_key_id=given.public_key_id,
        private_key_pem=pem,
    )
    store_keys(connection, merchant_id=before.merchant_id, keys=keys, master_key=master_key)


def _refuse_key_of_the_other(connection: Connection, before: Account, fingerprint: str) -> None:
    """A key id need not name its environment; a key that the other one uses already does."""
    statement = select(_merchants.c.id).where(
        _merchants.c.environment != before.environment,
        _merchants.c.key_fingerprint == fingerprint,
    )
    if connection.execute(statement).first() is not None:
        raise KeyOfTheOther(
            f"the key is in use for the other environment, and this merchant is "
            f"{before.environment}; use the {before.environment} key from Seller Central"
        )


def _note(
    connection: Connection, before: Account, after: Account, *, by: str, at: datetime
) -> None:
    """The ids of the account and the fingerprint of the key, before and after; no secret."""
    changed = [name for name in _SHOWN[2:] if getattr(before, name) != getattr(after, name)]
    detail = {
        "before": {name: getattr(before, name) for name in changed},
        "after": {name: getattr(after, name) for name in changed},
    }
    write_audit_event(
        connection,
        kind="account_changed",
        actor=by,
        reason=", ".join(changed),
        at=at,
        merchant_id=before.merchant_id,
        detail=json.dumps(detail, sort_keys=True),
    )


def _account(row: Row) -> Account:
    return Account(
        merchant_id=row["id"],
        environment=row["environment"],
        **{name: row[name] or "" for name in _SHOWN[2:]},
    )
