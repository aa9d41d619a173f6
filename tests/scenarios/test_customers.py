"""Whose Amazon account it is, and links by mail: nobody is moved, nothing is told, nothing kept."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from support.sandbox import Sandbox
from support.shop import OpenShop, Shop, opening, subscriber

from billing import reading, writing
from billing.customers import (
    LINK_LASTS,
    BuyerTaken,
    CustomerHasAnother,
    MailAsked,
    ask_mail_link,
    buyer_of_customer,
    customer_of_buyer,
    link_buyer,
    mail_link_address,
    permissions_of_buyer,
    unlink_buyer,
    use_mail_link,
)
from billing.deliveries import claim_mails, events_after, plan_notices, store_notice_rules
from plans import BadInput

A, B = "amzn1.account.A", "amzn1.account.B"
ADDRESS = "https://my.example.jp"
BROWSER = "b" * 32


@pytest.fixture
def shop(sqlite_url: str, sandbox: Sandbox) -> Iterator[Shop]:
    """What depends on the database takes `opened`."""
    with opening(sqlite_url, sandbox) as open_one:
        yield open_one(subscribers=[subscriber(1), subscriber(2)])


def owners(shop: Shop) -> list[int]:
    return [row["id"] for row in shop.rows("SELECT id FROM customer ORDER BY id")]


def link(shop: Shop, customer: int, buyer: str, **more: Any) -> bool:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: link_buyer(
            c, merchant, customer_id=customer, buyer_id=buyer, source="sign_in", at=at, **more
        ),
    )


def linked(shop: Shop, buyer: str) -> int | None:
    with reading(shop.database) as connection:
        return customer_of_buyer(connection, shop.engine.merchant, buyer_id=buyer)


def test_one_account_is_one_customer_and_nobody_is_moved_silently(opened: OpenShop) -> None:
    shop = opened(subscribers=[subscriber(1), subscriber(2)])
    first, second = owners(shop)
    assert link(shop, first, A)
    assert not link(shop, first, A)  # again: nothing to do
    with pytest.raises(BuyerTaken) as taken:
        link(shop, second, A, replacing=True)
    assert taken.value.customer_id == first
    with pytest.raises(CustomerHasAnother):
        link(shop, first, B)
    assert (linked(shop, A), linked(shop, B)) == (first, None)
    assert link(shop, first, B, replacing=True)
    assert (linked(shop, A), linked(shop, B)) == (None, first)
    writing(
        shop.database,
        lambda c: unlink_buyer(c, shop.engine.merchant, customer_id=first, at=shop.clock.now()),
    )
    with reading(shop.database) as connection:
        assert buyer_of_customer(connection, shop.engine.merchant, customer_id=first) is None
    assert link(shop, second, B)


def test_another_merchants_customer_is_no_customer(shop: Shop) -> None:
    with pytest.raises(BadInput, match="no customer of this merchant"):
        link(shop, 999_999, A)


def test_the_books_name_candidates_by_permission(shop: Shop) -> None:
    with reading(shop.database) as connection:
        (found,) = permissions_of_buyer(
            connection, shop.engine.merchant, buyer_id="amzn1.account.BUYER1"
        )
    assert (found.customer_id, found.permission_id) == (owners(shop)[0], "C03-0000001-0000001")


def ask(shop: Shop, email: str, *, source: str = "192.0.2.1", seed: str = "seed-1") -> MailAsked:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(
        shop.database,
        lambda c: ask_mail_link(
            c,
            merchant,
            email=email,
            source=source,
            address=ADDRESS,
            seed=seed,
            browser=BROWSER,
            master_key=shop.master_key,
            at=at,
        ),
    )


def sent(shop: Shop) -> list[str]:
    """The bodies of the mails that go out now."""
    merchant, at = shop.engine.merchant, shop.clock.now()
    writing(
        shop.database, lambda c: store_notice_rules(c, merchant.id, {"mail_from": "s@shop.example"})
    )
    plan_notices(shop.database, merchant, at=at)
    mails = claim_mails(shop.database, merchant, worker_id="w", at=at, master_key=shop.master_key)
    return [mail.body for mail in mails if mail.recipient.startswith("user1@")]


def token_in(body: str) -> str:
    (line,) = [each for each in body.splitlines() if each.startswith(ADDRESS)]
    return line.partition("token=")[2]


def use(shop: Shop, token: str) -> int | None:
    merchant, at = shop.engine.merchant, shop.clock.now()
    return writing(shop.database, lambda c: use_mail_link(c, merchant, token=token, at=at))


def test_a_link_works_once_and_the_database_cannot_make_it(shop: Shop) -> None:
    assert ask(shop, "USER1@example.jp ").mails == 1
    (body,) = sent(shop)
    token = token_in(body)
    stored = "".join(
        str(row)
        for table in ("mail_link", "notice", "delivery")
        for row in shop.rows(f"SELECT * FROM {table}")
    )
    assert token not in stored
    with reading(shop.database) as connection:
        merchant, at = shop.engine.merchant, shop.clock.now()
        assert mail_link_address(connection, merchant, token=token, at=at) is not None
    assert (use(shop, token), use(shop, token)) == (owners(shop)[0], None)


def test_a_link_ends_and_a_guess_is_nothing(shop: Shop) -> None:
    ask(shop, "user1@example.jp")
    token = token_in(sent(shop)[0])
    assert use(shop, "x" * len(token)) is None
    shop.clock.set(shop.clock.now() + LINK_LASTS)
    assert use(shop, token) is None


def test_asking_is_slowed_per_address_and_per_source(shop: Shop) -> None:
    """Three mails to one address in 15 minutes; 20 requests from one source, known or not."""
    mails = [ask(shop, "user1@example.jp", seed=f"s{n}").mails for n in range(5)]
    assert mails == [1, 1, 1, 0, 0]
    others = [ask(shop, f"nobody{n}@example.jp", seed=f"t{n}") for n in range(16)]
    assert [each.slowed for each in others] == [False] * 15 + [True]
    assert not ask(shop, "user2@example.jp", source="198.51.100.7", seed="u").slowed
    shop.clock.set(shop.clock.now() + timedelta(minutes=16))
    assert ask(shop, "user1@example.jp", seed="v").mails == 1


def test_a_webhook_tells_nothing_of_the_link(shop: Shop) -> None:
    ask(shop, "user1@example.jp")
    plan_notices(shop.database, shop.engine.merchant, at=shop.clock.now())
    with reading(shop.database) as connection:
        events = events_after(connection, shop.engine.merchant, after=0)
    told = [str(each) for each in events]
    assert any("sign_in_link" in each for each in told)
    assert not any("seed" in each or "user1@" in each for each in told)
