"""A merchant's rules come back as they were stored; its key only with the master key."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from prepared import migrated
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from amazonpay import Algorithm, UnusableKey, load_private_key
from billing.cap.plan import CapRule
from billing.store.database import reading, writing
from billing.store.merchants import (
    Merchant,
    MerchantKeys,
    NoKeys,
    UnknownMerchant,
    WrongEnvironment,
    check_environment,
    load_credentials,
    load_merchant,
    store_keys,
    store_merchant,
)
from billing.store.sealing import CannotUnseal
from billing.tax import TaxRounding

MASTER = bytes(range(32))
DEFAULTS = Merchant(
    id="shop",
    environment="sandbox",
    timezone="Asia/Tokyo",
    charge_hour=9,
    cap_yen=50_000,
    cap_rule=CapRule.SPLIT,
    tax_rounding=TaxRounding.FLOOR,
    dunning_days=(1, 3, 7, 14),
    dunning_end="pause",
)


@cache
def pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def keys(**changes: object) -> MerchantKeys:
    of = {"seller_id": "A1", "store_id": "amzn1.x", "public_key_id": "SANDBOX-A"}
    return MerchantKeys(**{**of, "private_key_pem": pem(), **changes})


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with migrated(database_url) as engine:
        yield engine


def store(engine: Engine, environment: str = "sandbox", **rules: object) -> None:
    writing(
        engine,
        lambda c: store_merchant(c, merchant_id="shop", environment=environment, rules=rules),
    )


def store_key(engine: Engine, given: MerchantKeys, master_key: bytes = MASTER) -> None:
    writing(engine, lambda c: store_keys(c, merchant_id="shop", keys=given, master_key=master_key))


def loaded(engine: Engine) -> Merchant:
    with reading(engine) as connection:
        return load_merchant(connection, "shop")


def credentials(engine: Engine, master_key: bytes = MASTER):
    with reading(engine) as connection:
        return load_credentials(connection, "shop", master_key=master_key)


def test_a_new_merchant_has_the_defaults_that_are_written_down(engine: Engine) -> None:
    store(engine)
    assert loaded(engine) == DEFAULTS


def test_given_rules_are_kept_and_changed_one_by_one(engine: Engine) -> None:
    store(engine, cap_yen=100_000, dunning_days="2,5")
    store(engine, cap_rule="defer")
    store(engine)
    assert loaded(engine) == replace(
        DEFAULTS, cap_yen=100_000, dunning_days=(2, 5), cap_rule=CapRule.DEFER
    )


@pytest.mark.parametrize(
    "rule",
    [{"cap_rule": "hope"}, {"cap_yen": -1}, {"charge_hour": 24}, {"dunning_end": "forget"}],
    ids=lambda rule: next(iter(rule)),
)
def test_the_database_refuses_a_rule_that_does_not_exist(
    engine: Engine, rule: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError):
        store(engine, **rule)
    with pytest.raises(UnknownMerchant), reading(engine) as connection:
        load_merchant(connection, "shop")


def test_a_merchant_stays_in_its_environment(engine: Engine) -> None:
    store(engine)
    with pytest.raises(
        WrongEnvironment, match="a sandbox merchant but AUTOPAY_ENVIRONMENT is live"
    ):
        store(engine, environment="live", cap_yen=1)
    assert loaded(engine) == DEFAULTS


def test_an_unknown_merchant_is_named(engine: Engine) -> None:
    with pytest.raises(UnknownMerchant, match="'shop' is not in this database"):
        loaded(engine)
    with pytest.raises(UnknownMerchant):
        store_key(engine, keys())


def test_a_merchant_without_keys_is_told_where_to_get_them(engine: Engine) -> None:
    store(engine)
    with pytest.raises(NoKeys, match="Seller Central"):
        credentials(engine)


def test_stored_keys_come_back_and_are_never_stored_in_the_clear(engine: Engine) -> None:
    store(engine)
    store_key(engine, keys(algorithm=Algorithm.V2))
    found = credentials(engine)
    assert found.public_key_id == "SANDBOX-A"
    assert found.private_key.fingerprint() == load_private_key(pem()).fingerprint()
    assert found.algorithm is Algorithm.V2
    with reading(engine) as connection:
        row = connection.execute(text("SELECT * FROM merchant")).mappings().one()
    assert row["key_fingerprint"] == found.private_key.fingerprint()
    assert b"PRIVATE KEY" not in bytes(row["sealed_private_key"])


def test_new_keys_take_the_place_of_former_ones(engine: Engine) -> None:
    store(engine)
    store_key(engine, keys())
    store_key(engine, keys(public_key_id="SANDBOX-B"))
    assert credentials(engine).public_key_id == "SANDBOX-B"


def test_keys_do_not_open_with_another_master_key_nor_under_another_key_id(engine: Engine) -> None:
    store(engine)
    store_key(engine, keys())
    with pytest.raises(CannotUnseal):
        credentials(engine, master_key=bytes(32))
    with engine.begin() as connection:
        connection.execute(text("UPDATE merchant SET public_key_id = 'SANDBOX-Z'"))
    with pytest.raises(CannotUnseal):
        credentials(engine)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param({"public_key_id": "LIVE-A"}, WrongEnvironment, id="a live key"),
        pytest.param({"private_key_pem": b"no key"}, UnusableKey, id="no key at all"),
    ],
)
def test_unfit_keys_leave_the_former_ones(
    engine: Engine, given: dict[str, object], error: type[Exception]
) -> None:
    store(engine)
    store_key(engine, keys())
    with pytest.raises(error):
        store_key(engine, keys(**given))
    assert credentials(engine).public_key_id == "SANDBOX-A"


@pytest.mark.parametrize(
    ("key_id", "environment", "fits"),
    [
        ("SANDBOX-A", "sandbox", True),
        ("LIVE-A", "live", True),
        ("SANDBOX-A", "live", False),
        ("LIVE-A", "sandbox", False),
        ("AOLDKEYWITHOUTPREFIX", "live", True),
        ("AOLDKEYWITHOUTPREFIX", "sandbox", True),
    ],
)
def test_a_key_id_names_its_environment(key_id: str, environment: str, fits: bool) -> None:
    if fits:
        check_environment(public_key_id=key_id, environment=environment)
    else:
        with pytest.raises(WrongEnvironment, match="AUTOPAY_ENVIRONMENT="):
            check_environment(public_key_id=key_id, environment=environment)
