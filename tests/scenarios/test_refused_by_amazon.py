"""Throttles and credentials: nothing happened at Amazon, so nothing is counted or told."""

from datetime import date

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from support.sandbox import SandboxStarter
from support.shop import MERCHANT, OpenShop, open_shop, subscriber

from billing import MerchantKeys, store_keys, writing
from scheduler import AmazonEndpoint, BillingEngine, RunStopped, start_engine

DAY = date(2026, 11, 30)


@pytest.mark.parametrize("paced", [True, False], ids=["paced", "unpaced"])
def test_the_throttle_costs_time_but_neither_attempts_nor_declines(
    sqlite_url: str, start_sandbox: SandboxStarter, paced: bool
) -> None:
    amazon = start_sandbox(throttle="sandbox")  # burst 2, then 1 a second
    shop = open_shop(
        database_url=sqlite_url,
        amazon=amazon,
        subscribers=[subscriber(number) for number in range(1, 9)],
        endpoint={"paced": paced},
    )
    shop.charge_on(DAY)
    assert len(shop.taken()) == 8
    throttled = [request for request in amazon.requests() if request["status"] == 429]
    assert (len(throttled) == 0) is paced
    assert shop.rows("SELECT DISTINCT number FROM attempt") == [{"number": 1}]
    assert [row["kind"] for row in shop.rows("SELECT DISTINCT kind FROM notice")] == ["charged"]
    shop.database.dispose()


def test_a_wrong_key_stops_the_run_and_the_right_one_finishes_it(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(number) for number in range(1, 4)])
    shop.go_to(DAY)
    right = shop.amazon.private_key_file.read_bytes()
    wrong = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )

    def engine_with(pem: bytes) -> BillingEngine:
        keys = MerchantKeys(
            seller_id=shop.amazon.merchant_id,
            store_id=shop.amazon.store_id,
            public_key_id=shop.amazon.public_key_id,
            private_key_pem=pem,
        )
        writing(
            shop.database,
            lambda c: store_keys(c, merchant_id=MERCHANT, keys=keys, master_key=shop.master_key),
        )
        return start_engine(
            database=shop.database,
            merchant_id=MERCHANT,
            master_key=shop.master_key,
            endpoint=AmazonEndpoint(base_url=shop.amazon.base_url, paced=False),
            clock=shop.clock,
        )

    with pytest.raises(RunStopped, match="public key"):
        engine_with(wrong).run_due()
    assert shop.taken() == []
    assert shop.rows("SELECT kind FROM notice") == []

    shop.go_to(DAY, hour=10)
    engine_with(right).run_due()
    assert len(shop.taken()) == 3
    assert shop.rows("SELECT DISTINCT number FROM attempt") == [{"number": 1}]
    assert shop.faults() == []
