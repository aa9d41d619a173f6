"""From the outbox to a receiver: planned once, claimed by one, tried again, given up, replayed."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from delivery_desk import AT, Desk, desk_at, with_mail

from billing import reading, writing
from billing.deliveries import (
    LEASE,
    RETRY_SECONDS,
    DeliveryOutcome,
    DeliveryResult,
    disable_endpoint,
    enable_endpoint,
    endpoint_of,
    list_notices,
    record_deliveries,
    replay_events,
    retry_dead_mails,
    store_own_words,
)
from plans import BadInput


@pytest.fixture
def desk(quick_desk: Desk) -> Desk:
    return quick_desk


@pytest.fixture
def mailing(quick_desk: Desk) -> Desk:
    return with_mail(quick_desk)


@pytest.fixture
def either(database_url: str) -> Iterator[Desk]:
    """For what locks and constraints decide: on SQLite and on PostgreSQL."""
    with desk_at(database_url) as desk:
        yield with_mail(desk)


def test_without_a_sender_and_webhooks_a_notice_is_only_an_event(desk: Desk) -> None:
    desk.tell(0, 1)
    assert desk.plan() == 2
    assert desk.states() == []
    assert desk.open_notices() == 0
    assert desk.cursors() == [(1, "charged"), (2, "charged")]


def test_a_customer_and_each_endpoint_are_told_once(either: Desk) -> None:
    either.endpoint("shop")
    either.endpoint("warehouse")
    either.tell(0)
    assert either.plan() == 1
    assert either.plan() == 0
    (mail,) = either.mails()
    assert (mail.recipient, mail.sender) == ("one@example.jp", "billing@shop.example")
    webhooks = either.webhooks()
    assert [each.endpoint for each in webhooks] == ["shop", "warehouse"]
    assert len({each.message_id for each in webhooks}) == 1
    for message in (mail, *webhooks):
        assert either.open_notices() == 1
        either.answer(message)
    assert either.states() == ["sent"] * 3
    assert either.open_notices() == 0
    assert either.mails() == either.webhooks() == []


def test_what_needs_a_person_goes_to_the_staff(mailing: Desk) -> None:
    mailing.tell(0, kind="quarantined", reason="contradiction")
    mailing.tell(0, kind="of_the_future")
    mailing.plan()
    assert {mail.recipient for mail in mailing.mails()} == {"staff@shop.example"}


def test_a_mail_that_comes_days_late_is_not_sent(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan(at=AT + timedelta(days=3))
    assert mailing.states() == []
    assert mailing.open_notices() == 0


def test_a_mail_that_found_no_server_for_days_is_given_up(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan()
    assert mailing.mails(at=AT + timedelta(days=4)) == []
    assert mailing.states() == ["dead"]
    assert mailing.open_notices() == 0


def test_an_endpoint_is_told_what_happens_after_it_was_added(desk: Desk) -> None:
    desk.tell(0)
    desk.endpoint(at=AT + timedelta(minutes=1))
    desk.tell(1, at=AT + timedelta(minutes=2))
    desk.plan()
    assert [row["notice_id"] for row in desk.rows("SELECT notice_id FROM delivery")] == [2]


# Claims, leases, repetition.


def test_a_claimed_message_is_nobody_elses_until_its_lease_is_over(either: Desk) -> None:
    either.endpoint()
    either.tell(0)
    either.plan()
    first, hook = either.mails()[0], either.webhooks()[0]
    almost = AT + LEASE - timedelta(seconds=1)
    assert either.mails(at=almost) == either.webhooks(at=almost) == []
    again, hook_again = either.mails(at=AT + LEASE)[0], either.webhooks(at=AT + LEASE)[0]
    assert (again.message_id, again.subject, again.body) == (
        first.message_id,
        first.subject,
        first.body,
    )
    assert (hook_again.message_id, hook_again.body) == (hook.message_id, hook.body)
    assert again.tries == hook_again.tries == 2


def test_a_repetition_says_what_the_first_one_said_whatever_has_changed(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan()
    first = mailing.mails()[0]
    writing(
        mailing.engine,
        lambda c: store_own_words(
            c,
            mailing.merchant,
            kind="charged",
            language="ja",
            subject="new",
            body="new",
            by="staff",
            at=AT,
        ),
    )
    again = mailing.mails(at=AT + LEASE)[0]
    assert (again.subject, again.body) == (first.subject, first.body)


def test_what_was_taken_stays_taken_whatever_a_late_worker_reports(desk: Desk) -> None:
    desk.endpoint()
    desk.tell(0)
    desk.plan()
    frozen = desk.webhooks()[0]
    quick = desk.webhooks(at=AT + LEASE)[0]
    desk.answer(quick, at=AT + LEASE)
    desk.answer(frozen, DeliveryResult.LATER, at=AT + LEASE)
    assert desk.states() == ["sent"]


def test_a_late_failure_does_not_disturb_the_try_that_is_under_way(desk: Desk) -> None:
    desk.endpoint()
    desk.tell(0)
    desk.plan()
    frozen = desk.webhooks()[0]
    desk.webhooks(at=AT + LEASE)
    desk.answer(frozen, DeliveryResult.NEVER, at=AT + LEASE)
    assert desk.states() == ["waiting"]


def test_eight_workers_at_once_claim_each_message_once(either: Desk) -> None:
    either.endpoint()
    either.tell(*range(40))
    either.plan()
    claimed: list[int] = []

    def work(name: str) -> None:
        while found := either.webhooks(worker=name, limit=3):
            claimed.extend(each.delivery_id for each in found)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 40


# Failures.


def test_a_failed_message_is_tried_by_the_schedule_and_then_given_up(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan()
    at = AT
    for wait in RETRY_SECONDS:
        (mail,) = mailing.mails(at=at)
        mailing.answer(mail, DeliveryResult.LATER, at=at, detail="451")
        assert mailing.mails(at=at + timedelta(seconds=wait - 1)) == []
        at += timedelta(seconds=wait)
    (mail,) = mailing.mails(at=at)
    assert mail.tries == len(RETRY_SECONDS) + 1
    mailing.answer(mail, DeliveryResult.LATER, at=at)
    assert mailing.states() == ["dead"]
    assert mailing.open_notices() == 0
    assert at - AT == timedelta(days=3)


def test_a_receiver_that_asks_to_wait_is_not_asked_before(desk: Desk) -> None:
    """The schedule would ask again after 30 seconds; the receiver said ten minutes."""
    desk.endpoint()
    desk.tell(0)
    desk.plan()
    (webhook,) = desk.webhooks()
    outcome = DeliveryOutcome(
        webhook.delivery_id, webhook.tries, DeliveryResult.LATER, "429", wait_seconds=600
    )
    record_deliveries(desk.engine, [outcome], at=AT)
    assert desk.webhooks(at=AT + timedelta(seconds=599)) == []
    assert len(desk.webhooks(at=AT + timedelta(seconds=600))) == 1


def test_what_was_held_back_counts_as_no_try(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan()
    for minute in range(20):
        (mail,) = mailing.mails(at=AT + timedelta(minutes=minute))
        assert mail.tries == 1
        mailing.answer(mail, DeliveryResult.HELD, at=AT + timedelta(minutes=minute))


def test_a_refusal_for_good_ends_it_and_staff_can_have_it_tried_again(mailing: Desk) -> None:
    mailing.tell(0)
    mailing.plan()
    mailing.answer(mailing.mails()[0], DeliveryResult.NEVER, detail="recipient: 550 5.1.1")
    with reading(mailing.engine) as connection:
        (notice,) = list_notices(connection, mailing.merchant, state="dead")
    assert notice.deliveries[0].detail == "recipient: 550 5.1.1"
    assert writing(mailing.engine, lambda c: retry_dead_mails(c, mailing.merchant, at=AT)) == 1
    assert mailing.open_notices() == 1
    mailing.answer(mailing.mails()[0])
    assert mailing.states() == ["sent"]


def test_a_notice_that_no_mail_can_be_made_of_harms_no_other(mailing: Desk, caplog) -> None:
    mailing.tell(0)
    mailing.tell(1, facts={"on": "no day"})
    mailing.plan()
    (mail,) = mailing.mails()
    assert "cannot be written" in caplog.text
    mailing.answer(mail)
    assert sorted(mailing.states()) == ["dead", "sent"]
    assert mailing.open_notices() == 0


def failing(desk: Desk, *, days: int) -> None:
    """Let an endpoint fail once now and once after so many days."""
    for day in (0, days):
        at = AT + timedelta(days=day)
        desk.tell(day, at=at)
        desk.plan(at=at)
        for each in desk.webhooks(at=at):
            desk.answer(each, DeliveryResult.LATER, at=at, detail="500")


def test_an_endpoint_that_fails_for_three_days_is_disabled_and_the_staff_are_told(
    either: Desk,
) -> None:
    either.endpoint()
    failing(either, days=3)
    with reading(either.engine) as connection:
        endpoint = endpoint_of(connection, either.merchant, code="shop")
    assert (endpoint.state, endpoint.disabled_reason) == ("disabled", "it failed for three days")
    later = AT + timedelta(days=3, minutes=1)
    assert either.webhooks(at=later + timedelta(days=9)) == []
    either.plan(at=later)
    subjects = [mail.subject for mail in either.mails(at=later)]
    assert "Webhookの送信先を停止しました: shop" in subjects


def test_one_success_in_between_keeps_an_endpoint(desk: Desk) -> None:
    desk.endpoint()
    failing(desk, days=2)
    at = AT + timedelta(days=2, hours=1)
    desk.answer(desk.webhooks(at=at)[0], at=at)
    desk.tell(9, at=AT + timedelta(days=4))
    desk.plan(at=AT + timedelta(days=4))
    for each in desk.webhooks(at=AT + timedelta(days=4)):
        desk.answer(each, DeliveryResult.LATER, at=AT + timedelta(days=4))
    assert desk.rows("SELECT state FROM webhook_endpoint") == [{"state": "active"}]


def test_an_endpoint_that_is_gone_is_disabled_at_once(desk: Desk) -> None:
    desk.endpoint()
    desk.tell(0, 1)
    desk.plan()
    desk.answer(desk.webhooks(limit=1)[0], DeliveryResult.GONE, detail="410")
    assert desk.states() == ["dead", "dead"]
    desk.plan()
    assert desk.open_notices() == 0
    assert [kind for _, kind in desk.cursors()] == ["charged", "charged", "webhook_disabled"]


# Replay.


def test_a_replay_has_the_ids_of_the_first_time(either: Desk) -> None:
    either.endpoint()
    either.tell(0, 1, 2)
    either.plan()
    first = {each.message_id: each.body for each in either.webhooks()}
    for each in either.webhooks(at=AT + LEASE):
        either.answer(each)
    replay = {"code": "shop", "at": AT, "after": 1}
    assert writing(either.engine, lambda c: replay_events(c, either.merchant, **replay)) == (2, 3)
    again = {each.message_id: each.body for each in either.webhooks()}
    assert len(again) == 2
    assert again.items() <= first.items()


def test_a_disabled_endpoint_comes_back_and_gets_what_it_missed(desk: Desk) -> None:
    desk.endpoint()
    disable = {"code": "shop", "at": AT, "reason": "moving"}
    writing(desk.engine, lambda c: disable_endpoint(c, desk.merchant, **disable))
    desk.tell(0, 1)
    desk.plan()
    assert desk.webhooks() == []
    with pytest.raises(BadInput, match="is disabled"):
        writing(desk.engine, lambda c: replay_events(c, desk.merchant, code="shop", at=AT))
    writing(desk.engine, lambda c: enable_endpoint(c, desk.merchant, code="shop"))
    since = {"since": AT, "until": AT + timedelta(seconds=1)}
    replay = {"code": "shop", "at": AT, **since}
    assert writing(desk.engine, lambda c: replay_events(c, desk.merchant, **replay)) == (2, 2)
    assert len(desk.webhooks()) == 2
    none = {"code": "shop", "at": AT, "since": AT + timedelta(days=1)}
    assert writing(desk.engine, lambda c: replay_events(c, desk.merchant, **none)) == (0, 0)
