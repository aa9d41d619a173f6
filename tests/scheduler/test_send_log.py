"""One line per send, and nothing in it that is personal, secret or able to forge another line."""

import json
import logging
from datetime import UTC, datetime

import pytest

from billing import OpenAttempt, Outcome, OutcomeKind
from scheduler.send_log import logged

CANARY = "canary-7f3a"
ATTEMPT = OpenAttempt(
    id=12,
    slot_id=34,
    permission_amazon_id=f"B03-{CANARY}",
    idempotency_key=f"aaaaBBBB{CANARY}",
    body=f'{{"name": "{CANARY} 山田"}}'.encode(),
    amount_yen=1980,
    send_by=datetime(2026, 11, 30, tzinfo=UTC),
)


def line_of(caplog: pytest.LogCaptureFixture, outcome: Outcome) -> str:
    with caplog.at_level(logging.INFO, logger="scheduler.send_log"):
        assert logged(ATTEMPT, lambda: outcome, bucket_wait_seconds=0.25) is outcome
    (record,) = caplog.records
    return record.getMessage()


def test_a_line_tells_what_was_sent_and_what_came_of_it(caplog: pytest.LogCaptureFixture) -> None:
    declined = Outcome(ATTEMPT, OutcomeKind.DECLINED, reason_code="SoftDeclined")
    line = json.loads(line_of(caplog, declined))
    assert line.pop("latency_ms") >= 0
    assert line == {
        "event": "send",
        "asked": False,
        "slot": 34,
        "attempt": 12,
        "key": "aaaaBBBB",
        "body": "c229a930b78e01e4",
        "result": "declined",
        "reason": "SoftDeclined",
        "charge": None,
        "wait_ms": 250,
    }


@pytest.mark.parametrize("foreign", ["x\n" + CANARY, CANARY, "A" * 61, "\u2028" + CANARY], ids=repr)
def test_no_planted_word_reaches_the_log(caplog: pytest.LogCaptureFixture, foreign: str) -> None:
    """Names, whole keys, bodies, details of Amazon's, and reasons that are no codes stay out."""
    outcome = Outcome(
        ATTEMPT,
        OutcomeKind.CONTRADICTION,
        reason_code=foreign,
        detail=f"{CANARY}\nforged line",
        request_id=CANARY,
    )
    line = line_of(caplog, outcome)
    assert CANARY not in line
    assert len(line.splitlines()) == 1
    assert json.loads(line)["reason"] == "unusual"
