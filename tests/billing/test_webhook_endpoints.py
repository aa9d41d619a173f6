"""Secrets of webhooks, words of a merchant's own, languages, and the outbox in figures."""

from datetime import timedelta

import pytest
from delivery_desk import AT, KEY, Desk, with_mail

from billing import reading, writing
from billing.deliveries import (
    DeliveryResult,
    check_endpoint_url,
    list_notices,
    outbox_health,
    preview_notice,
    reset_own_words,
    rotate_endpoint,
    set_customer_language,
    store_own_words,
)
from billing.deliveries.signing import secret_bytes
from billing.store.sealing import CannotUnseal
from plans import BadInput


@pytest.fixture
def desk(quick_desk: Desk) -> Desk:
    return quick_desk


@pytest.fixture
def mailing(quick_desk: Desk) -> Desk:
    return with_mail(quick_desk)


# Secrets.


def test_both_secrets_sign_while_a_rotation_lasts(desk: Desk) -> None:
    old = secret_bytes(desk.endpoint())
    rotate = {"code": "shop", "at": AT, "master_key": KEY, "overlap_hours": 2}
    new = secret_bytes(writing(desk.engine, lambda c: rotate_endpoint(c, desk.merchant, **rotate)))
    desk.tell(0)
    desk.plan()
    assert desk.webhooks()[0].secrets == (new, old)
    assert desk.webhooks(at=AT + timedelta(hours=2))[0].secrets == (new,)


def test_a_secret_is_sealed_and_bound_to_its_merchant_and_code(desk: Desk) -> None:
    secret = secret_bytes(desk.endpoint())
    (row,) = desk.rows("SELECT sealed_secret FROM webhook_endpoint")
    assert secret not in bytes(row["sealed_secret"])
    with desk.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE webhook_endpoint SET code = 'stolen'")
    desk.tell(0)
    desk.plan()
    with pytest.raises(CannotUnseal):
        desk.webhooks()


def test_neither_secrets_nor_addresses_are_in_a_repr(mailing: Desk) -> None:
    secret = mailing.endpoint()
    mailing.tell(0)
    mailing.plan()
    shown = repr(mailing.mails()) + repr(mailing.webhooks())
    assert "one@example.jp" not in shown
    assert secret not in shown
    assert repr(secret_bytes(secret)) not in shown


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://shop.example/h", "is not https"),
        ("https://", "no URL"),
        ("ftp://shop.example/", "is not https"),
        ("https://user:canary-1@shop.example/", "holds a password"),
        ("https://localhost/h", "address of this machine"),
        ("https://127.0.0.1/h", "address of this machine"),
        ("https://[::1]/h", "address of this machine"),
        ("https://shop.example/#x", "no URL"),
        ("https://shop.example/\r\nHost: x", "no URL"),
        ("https://店.example/", "no URL"),
        ("https://shop.example:99999/", "is no URL"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused(url: str, rule: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_endpoint_url(url, loopback=False)
    assert rule in str(refused.value)
    assert "canary-1" not in str(refused.value)


# Words, languages, figures.


def test_own_words_are_versioned_and_can_be_taken_back(mailing: Desk) -> None:
    common = {"kind": "charged", "language": "ja", "by": "staff", "at": AT}
    for subject in ("one", "two"):
        words = {"subject": subject, "body": "{name}", **common}
        writing(mailing.engine, lambda c, w=words: store_own_words(c, mailing.merchant, **w))
    mailing.tell(0)
    with reading(mailing.engine) as connection:
        found = preview_notice(connection, mailing.merchant, notice_id=1)
    assert (found.subject, found.version, found.frozen) == ("two", 2, False)
    writing(mailing.engine, lambda c: reset_own_words(c, mailing.merchant, **common))
    mailing.plan()
    assert mailing.mails()[0].subject == "お支払い完了のお知らせ(3,000円)"
    kept = mailing.rows("SELECT version, subject FROM notice_template ORDER BY version")
    assert [row["subject"] for row in kept] == ["one", "two", None]


@pytest.mark.parametrize("field", ["mail_from", "reply_to", "staff_email"])
def test_an_address_of_ones_own_must_be_taken_by_every_server(desk: Desk, field: str) -> None:
    """Each mail would be given up for it; a Japanese domain has a form for them, and may stay."""
    with pytest.raises(BadInput, match="before the @") as refused:
        desk.rules(**{field: "経理@shop.example"})
    assert refused.value.field == field
    desk.rules(**{field: "billing@例え.jp"})


def test_a_customer_is_written_to_in_their_language(mailing: Desk) -> None:
    english = {"customer_id": "c-one", "language": "en"}
    writing(mailing.engine, lambda c: set_customer_language(c, mailing.merchant, **english))
    mailing.tell(0)
    mailing.plan()
    assert mailing.mails()[0].subject == "Payment received: ¥3,000"
    nobody = {"customer_id": "nobody", "language": "en"}
    with pytest.raises(BadInput, match="no customer"):
        writing(mailing.engine, lambda c: set_customer_language(c, mailing.merchant, **nobody))


def test_the_outbox_in_figures(mailing: Desk) -> None:
    mailing.endpoint()
    mailing.tell(0)
    mailing.tell(1, at=AT + timedelta(minutes=1))
    mailing.plan()
    later = AT + timedelta(minutes=5)
    mailing.answer(mailing.mails(limit=1)[0], DeliveryResult.NEVER)
    with reading(mailing.engine) as connection:
        health = outbox_health(connection, mailing.merchant, at=later)
    assert (health.waiting, health.oldest_seconds) == (2, 300)
    assert (health.mails_waiting, health.webhooks_waiting) == (1, 2)
    assert (health.mails_dead, health.webhooks_dead) == (1, 0)


def test_another_merchants_notice_is_not_shown(desk: Desk) -> None:
    desk.tell(0)
    other = {**{name: getattr(desk.merchant, name) for name in desk.merchant.__slots__}}
    stranger = type(desk.merchant)(**{**other, "id": "stranger"})
    with reading(desk.engine) as connection:
        assert list_notices(connection, stranger) == []
        with pytest.raises(BadInput, match="no notice of this merchant"):
            preview_notice(connection, stranger, notice_id=1)
