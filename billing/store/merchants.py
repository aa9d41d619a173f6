"""One merchant account in one environment: its rules as a value, its key sealed."""

import hashlib
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection, select, update

from amazonpay import Algorithm, Credentials, Environment, environment_of_key_id, load_private_key
from billing.cap.plan import CapRule
from billing.dunning import parse_schedule
from billing.store.rows import Row, fetch, insert_many, table_of
from billing.store.sealing import seal, unseal
from billing.tables import MerchantRow
from billing.tax import TaxRounding

merchants = table_of(MerchantRow)

# Days before a charge from which its permission is read every night.
SWEEP_DAYS = 7

CAPTURE_RULES = (
    *("pending_authorizations", "open_authorizations", "cap_of_canceled"),
    *("authorization_days", "reauthorize_days", "refunds_per_charge", "refund_approval_yen"),
)


class UnknownMerchant(Exception):
    """No merchant of that id is in the database."""


class NoKeys(Exception):
    """The merchant has no Amazon Pay keys yet."""


class WrongEnvironment(Exception):
    """A key of one environment was given for the other."""


@dataclass(frozen=True, slots=True)
class Merchant:
    """The rules by which one merchant is billed; yen and days are whole numbers.

    What Amazon leaves open is a rule with the safest default: `open_authorizations` (one at a time
    per permission, or many), `cap_of_canceled` (kept or released in its month).
    Permissions that are charged within `sweep_days` are read every night. What goes back of one
    charge above `refund_approval_yen` needs a second person of the staff; 0 is always.
    """

    id: str
    environment: Environment
    timezone: str
    charge_hour: int
    cap_yen: int
    cap_rule: CapRule
    tax_rounding: TaxRounding
    dunning_days: tuple[int, ...]
    dunning_end: str
    pending_authorizations: bool = False
    open_authorizations: str = "one"
    cap_of_canceled: str = "kept"
    authorization_days: int = 30
    reauthorize_days: int = 3
    refunds_per_charge: int = 10
    refund_approval_yen: int = 10_000
    sweep_days: int = SWEEP_DAYS


@dataclass(frozen=True, slots=True)
class MerchantKeys:
    """What a merchant gets from Seller Central; `private_key_pem` is never stored unsealed."""

    seller_id: str
    store_id: str
    public_key_id: str
    private_key_pem: bytes
    algorithm: Algorithm = Algorithm.V2


def load_merchant(connection: Connection, merchant_id: str) -> Merchant:
    """The merchant's rules; raises `UnknownMerchant`."""
    row = _row(connection, merchant_id)
    return Merchant(
        id=row["id"],
        environment=cast(Environment, row["environment"]),
        timezone=row["timezone"],
        charge_hour=row["charge_hour"],
        cap_yen=row["cap_yen"],
        cap_rule=CapRule(row["cap_rule"]),
        tax_rounding=TaxRounding(row["tax_rounding"]),
        dunning_days=parse_schedule(row["dunning_days"]),
        dunning_end=row["dunning_end"],
        sweep_days=SWEEP_DAYS if row["sweep_days"] is None else row["sweep_days"],
        **{name: row[name] for name in CAPTURE_RULES},
    )


def merchant_mark(connection: Connection, merchant_id: str) -> str:
    """A short text that differs whenever a rule, an id or the key of the merchant does.

    Raises `UnknownMerchant`.
    """
    row = _row(connection, merchant_id)
    text = "\x1f".join(f"{name}={row[name]!r}" for name in sorted(row))
    return hashlib.sha256(text.encode()).hexdigest()


def load_credentials(connection: Connection, merchant_id: str, *, master_key: bytes) -> Credentials:
    """The merchant's signing credentials.

    Raises `UnknownMerchant`, `NoKeys` when none were stored yet, or `CannotUnseal`.
    """
    row = _row(connection, merchant_id)
    if row["sealed_private_key"] is None:
        raise NoKeys(
            f"merchant {merchant_id!r} has no Amazon Pay keys yet; set AUTOPAY_PUBLIC_KEY_ID and "
            "AUTOPAY_PRIVATE_KEY_FILE (Seller Central > Integration), or try without an account: "
            "autopay demo"
        )
    pem = unseal(
        row["sealed_private_key"],
        master_key=master_key,
        merchant_id=row["id"],
        public_key_id=row["public_key_id"],
    )
    return Credentials(
        public_key_id=row["public_key_id"],
        private_key=load_private_key(pem),
        algorithm=Algorithm(row["algorithm"]),
    )


def store_merchant(
    connection: Connection, *, merchant_id: str, environment: Environment, rules: dict[str, Any]
) -> None:
    """Create the merchant, or change the given rules (columns of `merchant`) of one that exists.

    Raises `WrongEnvironment` when the merchant was made for the other environment.
    """
    found = fetch(connection, select(merchants).where(merchants.c.id == merchant_id))
    if not found:
        row = MerchantRow(id=merchant_id, environment=environment, **rules)
        insert_many(connection, merchants, [row.model_dump()])
        return
    if found[0]["environment"] != environment:
        raise WrongEnvironment(
            f"merchant {merchant_id!r} is a {found[0]['environment']} merchant but "
            f"AUTOPAY_ENVIRONMENT is {environment}; keep one merchant (AUTOPAY_MERCHANT) per "
            "environment"
        )
    if rules:
        connection.execute(update(merchants).where(merchants.c.id == merchant_id).values(**rules))


def store_keys(
    connection: Connection, *, merchant_id: str, keys: MerchantKeys, master_key: bytes
) -> None:
    """Seal and store the merchant's keys, in place of former ones.

    Raises `WrongEnvironment` for a sandbox key of a live merchant or the reverse, and what
    `amazonpay.load_private_key` raises for a PEM that cannot be used.
    """
    row = _row(connection, merchant_id)
    check_environment(public_key_id=keys.public_key_id, environment=row["environment"])
    private_key = load_private_key(keys.private_key_pem)
    connection.execute(
        update(merchants)
        .where(merchants.c.id == merchant_id)
        .values(
            seller_id=keys.seller_id,
            store_id=keys.store_id,
            public_key_id=keys.public_key_id,
            algorithm=keys.algorithm.value,
            key_fingerprint=private_key.fingerprint(),
            sealed_private_key=seal(
                keys.private_key_pem,
                master_key=master_key,
                merchant_id=merchant_id,
                public_key_id=keys.public_key_id,
            ),
        )
    )


def check_environment(*, public_key_id: str, environment: str) -> None:
    """Refuse a key whose prefix names the other environment; raises `WrongEnvironment`."""
    of_key = environment_of_key_id(public_key_id)
    if of_key is not None and of_key != environment:
        raise WrongEnvironment(
            f"public key id {public_key_id} is a {of_key} key but the environment is "
            f"{environment}; use the {environment} key from Seller Central, or set "
            f"AUTOPAY_ENVIRONMENT={of_key}"
        )


def _row(connection: Connection, merchant_id: str) -> Row:
    found = fetch(connection, select(merchants).where(merchants.c.id == merchant_id))
    if not found:
        raise UnknownMerchant(
            f"merchant {merchant_id!r} is not in this database; "
            "begin with autopay catalogue import FILE, or name another one in AUTOPAY_MERCHANT"
        )
    return found[0]
