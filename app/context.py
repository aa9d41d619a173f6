"""What most commands need: the books opened and checked, the merchant, its engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import OperationalError

from amazonpay import FastTransportMissing, InvalidArgument, transport_named
from app.migrations import check_schema, still_ours
from app.problems import Refused
from app.settings import Settings
from billing import (
    Merchant,
    MerchantKeys,
    check_environment,
    load_merchant,
    open_engine,
    reading,
    store_keys,
    store_merchant,
    writing,
)
from billing.deliveries import store_notice_rules
from billing.evidence import DoubtRules
from billing.store.environment import Here, here
from scheduler import (
    AmazonEndpoint,
    BillingEngine,
    Clock,
    EnvironmentGuard,
    SystemClock,
    start_engine,
)


@dataclass(frozen=True, slots=True)
class Books:
    """The database of the settings, at the schema of this program, with its merchant."""

    settings: Settings
    database: Engine
    merchant: Merchant


def open_database(settings: Settings) -> Engine:
    """Open the database of the settings without looking into it; raises `Refused`."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    return open_engine(settings.database_url)


@contextmanager
def opened_database(settings: Settings) -> Iterator[Engine]:
    """The database of the settings, at the schema of this program; for all merchants in it.

    Raises `DatabaseBehind`, or `Refused` when it does not answer.
    """
    database = open_database(settings)
    try:
        try:
            check_schema(database)
        except OperationalError as error:
            raise Refused(_unreachable(settings, error)) from error
        yield database
    finally:
        database.dispose()


@contextmanager
def opened_books(settings: Settings, *, new_merchant: bool = False) -> Iterator[Books]:
    """The books, ready for work; rules and keys given in the settings are stored first.

    Only with `new_merchant` is a merchant made that is not there yet: a mistyped AUTOPAY_MERCHANT
    must not make one. Raises `UnknownMerchant`, `DatabaseBehind`, `WrongEnvironment`, an
    `UnusableKey`, or `Refused` when the database does not answer.
    """
    with opened_database(settings) as database:
        _store_merchant(settings, database, new_merchant=new_merchant)
        with reading(database) as connection:
            merchant = load_merchant(connection, settings.merchant)
        yield Books(settings, database, merchant)


def charging_engine(books: Books, clock: Clock | None = None) -> BillingEngine:
    """The engine that charges for the merchant; raises what `start_engine` raises."""
    settings = books.settings
    return start_engine(
        database=books.database,
        merchant_id=books.merchant.id,
        master_key=settings.master_key_bytes(),
        endpoint=amazon_endpoint(settings),
        clock=clock or SystemClock(),
        doubts=doubt_rules(settings),
        guard=environment_guard(books),
    )


def environment_guard(books: Books) -> EnvironmentGuard:
    """What keeps a copy of these books from sending anything."""
    settings = books.settings
    return EnvironmentGuard(
        books.database,
        still_ours(books.database, lambda: where_we_are(settings, books.database)),
        settings.sent_file_path(),
    )


def where_we_are(settings: Settings, database: Engine) -> Here:
    """What settings and database say of the environment; see `billing.store.environment`."""
    host = urlsplit(settings.amazon_url).hostname
    return here(database, name=settings.environment_name, amazon_host=host)


def doubt_rules(settings: Settings) -> DoubtRules:
    """How patient the janitor is, and from which sum on two people decide."""
    return DoubtRules(
        signature_window=timedelta(hours=settings.doubt_signature_hours),
        patience=timedelta(hours=settings.doubt_patience_hours),
        two_persons_yen=settings.doubt_two_persons_yen,
        report_listing=timedelta(hours=settings.doubt_report_hours),
    )


def amazon_endpoint(settings: Settings) -> AmazonEndpoint:
    """Where and how Amazon is called; a live merchant is never sent over plain HTTP."""
    if settings.environment == "live" and not settings.amazon_url.startswith("https://"):
        raise Refused(
            f"AUTOPAY_AMAZON_URL is {settings.amazon_url!r} but the environment is live; live "
            "charges go over https only: unset it, or set AUTOPAY_ENVIRONMENT=sandbox"
        )
    _check_transport(settings)
    return AmazonEndpoint(
        base_url=settings.amazon_url,
        ca_file=settings.amazon_ca_file,
        paced=settings.paced,
        in_flight=settings.in_flight,
        deadline_seconds=settings.deadline_seconds,
        transport=settings.transport,
    )


def _check_transport(settings: Settings) -> None:
    try:
        transport = transport_named(settings.transport, ca_file=settings.amazon_ca_file)
    except (FastTransportMissing, InvalidArgument) as unusable:
        raise Refused(f"AUTOPAY_TRANSPORT is {settings.transport!r}: {unusable}") from unusable
    if transport is not None:
        transport.close()


def _store_merchant(settings: Settings, database: Engine, *, new_merchant: bool) -> None:
    if not new_merchant:
        with reading(database) as connection:
            load_merchant(connection, settings.merchant)
    if settings.public_key_id:
        check_environment(public_key_id=settings.public_key_id, environment=settings.environment)
    writing(
        database,
        lambda connection: store_merchant(
            connection,
            merchant_id=settings.merchant,
            environment=settings.environment,
            rules=settings.given_rules,
        ),
    )
    if settings.given_notice_rules:
        writing(
            database,
            lambda connection: store_notice_rules(
                connection, settings.merchant, settings.given_notice_rules
            ),
        )
    keys = _keys(settings)
    if keys is not None:
        writing(
            database,
            lambda connection: store_keys(
                connection,
                merchant_id=settings.merchant,
                keys=keys,
                master_key=settings.master_key_bytes(),
            ),
        )


def _keys(settings: Settings) -> MerchantKeys | None:
    if settings.private_key_file is None:
        return None
    if not settings.public_key_id:
        raise Refused(
            "AUTOPAY_PRIVATE_KEY_FILE is set but AUTOPAY_PUBLIC_KEY_ID is not; "
            "copy the public key id from Seller Central > Integration"
        )
    try:
        pem = settings.private_key_file.read_bytes()
    except OSError as error:
        raise Refused(
            f"AUTOPAY_PRIVATE_KEY_FILE {settings.private_key_file} cannot be read "
            f"({error.strerror}); give the .pem file that Seller Central offered for download"
        ) from error
    return MerchantKeys(
        seller_id=settings.seller_id,
        store_id=settings.store_id,
        public_key_id=settings.public_key_id,
        private_key_pem=pem,
    )


def _unreachable(settings: Settings, error: OperationalError) -> str:
    url = make_url(settings.database_url).render_as_string(hide_password=True)
    first_line = str(error.orig).splitlines()[0]
    return f"the database {url} cannot be opened ({first_line}); check AUTOPAY_DATABASE_URL"
