"""The audit of goods: sound books give no finding, every planted fault gives its own."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from small_books import AT, MERCHANT, SmallBooks, unguarded
from small_captures import goods
from sqlalchemy import Engine, text

from billing.audit.books import audit_books
from billing.audit.sql_captures import CAPTURE_CHECKS
from billing.store.database import open_engine, reading


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    unguarded().create_all(opened)
    with opened.begin() as connection:
        goods(SmallBooks(connection))
    yield opened
    opened.dispose()


def found(engine: Engine, *faults: str, days: int = 0) -> list[str]:
    with engine.begin() as connection:
        for fault in faults:
            connection.execute(text(fault))
    with reading(engine) as connection:
        at = AT + timedelta(days=days)
        report = audit_books(connection, merchant_id=MERCHANT, at=at)
    assert all(f.detail_en and f.detail_ja and "{" not in f.detail_ja for f in report.findings)
    return [finding.kind for finding in report.findings]


def test_sound_goods_give_no_finding(engine: Engine) -> None:
    assert found(engine) == []


NOV_20 = "2026-11-20 00:00:00.000000"
OCT_1 = "2026-10-01 00:00:00.000000"
OF_THE_PART = "(SELECT id FROM attempt WHERE charge_id = 'C1')"
PLANTED = [
    ("captured_above_authorized", "UPDATE attempt SET amount_yen = 3001 WHERE charge_id = 'C1'"),
    ("captured_above_authorized", "UPDATE act SET amount_yen = 3001 WHERE state = 'pending'"),
    ("charge_ended_twice", f"UPDATE act SET attempt_id = {OF_THE_PART} WHERE kind = 'cancel'"),
    ("slot_effective_twice", "UPDATE attempt SET state = 'authorized' WHERE charge_id = 'C3'"),
    ("capture_not_recorded", "UPDATE act SET state = 'done' WHERE state = 'pending'"),
    ("capture_not_recorded", "UPDATE act SET amount_yen = 1999 WHERE amount_yen = 2000"),
    ("cancellation_not_recorded", "UPDATE attempt SET state = 'declined' WHERE charge_id = 'C3'"),
    ("closing_not_recorded", "UPDATE charge_permission SET state = 'Chargeable'"),
    ("authorized_slot_differs", "UPDATE attempt SET state = 'refused' WHERE charge_id = 'C2'"),
    ("authorized_slot_differs", "UPDATE slot SET state = 'due' WHERE state = 'authorized'"),
    ("authorized_without_sum", "UPDATE attempt SET authorized_yen = NULL WHERE charge_id = 'C2'"),
    ("authorized_without_sum", "UPDATE attempt SET lapses_at = NULL WHERE charge_id = 'C3'"),
    ("shipped_not_asked_for", "UPDATE act SET state = 'declined' WHERE state = 'pending'"),
    ("shipped_not_asked_for", "UPDATE slot SET shipped_on = '2026-11-21'"),
    ("unshipped_rest_differs", "DELETE FROM posting WHERE account = 'customer_receivable'"),
    ("unshipped_rest_differs", "UPDATE act SET amount_yen = 2999 WHERE state = 'pending'"),
    ("authorization_lapsed", f"UPDATE attempt SET lapses_at = '{NOV_20}' WHERE charge_id = 'C2'"),
    (
        "act_in_doubt_too_long",
        f"UPDATE act SET state = 'quarantined', requested_at = '{NOV_20}' WHERE state = 'pending'",
    ),
    ("act_pending_too_long", f"UPDATE act SET requested_at = '{OCT_1}' WHERE state = 'pending'"),
    ("chargeback_not_booked", "UPDATE chargeback SET amount_yen = 501"),
    ("chargeback_not_booked", "UPDATE chargeback SET case_id = 'D-2'"),
    (
        "chargeback_of_nothing",
        "UPDATE chargeback SET attempt_id = (SELECT id FROM attempt WHERE charge_id = 'C2')",
    ),
    ("returned_above_captured", "UPDATE chargeback SET amount_yen = 2001"),
    # What the checks of plain charges must see of goods as well.
    ("cap_hold_differs", "UPDATE cap_hold SET state = 'held' WHERE state = 'used'"),
    ("cap_hold_differs", "UPDATE cap_hold SET amount_yen = 2000 WHERE state = 'used'"),
    ("cap_exceeded", "UPDATE merchant SET cap_yen = 2999"),
    ("open_slot_without_attempt", "UPDATE attempt SET state = 'canceled' WHERE charge_id = 'C5'"),
]


@pytest.mark.parametrize(
    ("kind", "fault"), PLANTED, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(PLANTED)]
)
def test_a_planted_fault_is_found(engine: Engine, kind: str, fault: str) -> None:
    assert kind in found(engine, fault)


def test_a_declined_capture_leaves_room_for_another_end(engine: Engine) -> None:
    declined = "INSERT INTO act SELECT 99, merchant_id, 'capture', permission_id, attempt_id, 2, "
    declined += "'again', 'again', body, 2000, 3000, cause, 'declined', actor, requested_at, "
    declined += "look_at, worker_id, sends, answered_at, reason_code, amazon_request_id, detail "
    declined += "FROM act WHERE state = 'pending'"
    assert "charge_ended_twice" not in found(engine, declined)


def test_every_statement_has_a_planted_fault() -> None:
    assert {check.kind for check in CAPTURE_CHECKS} <= {kind for kind, _ in PLANTED}
