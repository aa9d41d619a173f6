"""A worker that runs follows rules and keys that an owner changes, without a restart."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from many_merchants import Town, open_town
from sqlalchemy.exc import OperationalError
from support.sandbox import Sandbox

from billing import store_keys, store_merchant, writing
from billing.store.merchants import MerchantKeys
from scheduler.fleet import AllMerchants, Fleet, OneMerchant


def change(town: Town, **rules: object) -> None:
    writing(
        town.database,
        lambda c: store_merchant(c, merchant_id="a", environment="sandbox", rules=rules),
    )


def test_changed_rules_and_keys_hold_at_the_next_look(sqlite_url: str, sandbox: Sandbox) -> None:
    town = open_town(sqlite_url, sandbox, {"a": 1})
    fleets: list[Fleet] = [OneMerchant(town.engine("a")), town.fleet()]
    for fleet in fleets:
        before = fleet.engine("a")
        assert before is not None
        assert fleet.engine("a") is before, "the senders of a slice are those of the next one"
        wanted = before.merchant.charge_hour + 1
        change(town, charge_hour=wanted, dunning_days="2,5")
        after = fleet.engine("a")
        assert after is not None
        assert (after.merchant.charge_hour, after.merchant.dunning_days) == (wanted, (2, 5))
        assert fleet.engine("a") is after
        assert fleet.engine("nobody") is None
    town.database.dispose()


def test_another_key_makes_other_clients(sqlite_url: str, sandbox: Sandbox) -> None:
    town = open_town(sqlite_url, sandbox, {"a": 1})
    fleet = OneMerchant(town.engine("a"))
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    given = MerchantKeys("seller-a", "store", "SANDBOX-NEWKEYNEWKEYNEWKEYNEW", pem)
    before = fleet.engine("a")
    good = town.master_key
    for master, changed in ((b"x" * 32, False), (good, True)):
        with town.database.begin() as connection:
            store_keys(connection, merchant_id="a", keys=given, master_key=master)
        now = fleet.engine("a")
        assert (now is not before) is changed, "a key that nobody can open leaves the old one"
    town.database.dispose()


def test_rules_that_cannot_be_read_now_are_those_of_before(
    sqlite_url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(sqlite_url, sandbox, {"a": 1})
    engine = town.engine("a")

    def away(*_: object) -> str:
        raise OperationalError("SELECT", {}, Exception("the connection was cut"))

    monkeypatch.setattr("scheduler.fleet.merchant_mark", away)
    for fleet in (OneMerchant(engine), AllMerchants(town.database, town.clock, lambda _: engine)):
        assert fleet.engine("a") is engine
    bare = replace(engine, again=None)
    assert OneMerchant(bare).engine("a") is bare
    town.database.dispose()
