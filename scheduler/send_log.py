"""One line per send: enough to tell what went to Amazon and what came of it, and nothing personal.

The line is one JSON object, so that foreign text can never begin a line of its own. It has the
first characters of the key and a hash of the body, never the body, a name, an address or a secret.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable

from billing import OpenAttempt, Outcome
from scheduler.meters import count_send

log = logging.getLogger(__name__)

KEY_SHOWN = 8


def logged(
    attempt: OpenAttempt, call: Callable[[], Outcome], *, bucket_wait_seconds: float
) -> Outcome:
    """Make the call and log one line about it; the outcome is what the call returned."""
    started = time.monotonic()
    outcome = call()
    took = time.monotonic() - started
    count_send(result=outcome.kind.value, answer_seconds=took, wait_seconds=bucket_wait_seconds)
    if log.isEnabledFor(logging.INFO):
        log.info("%s", send_line(outcome, took, bucket_wait_seconds))
    return outcome


def _code(text: str | None) -> str | None:
    """A reason code as Amazon writes them; anything else is foreign text and stays out."""
    return text if text is None or (text.isidentifier() and len(text) <= 60) else "unusual"


def send_line(outcome: Outcome, latency_seconds: float, bucket_wait_seconds: float) -> str:
    """The line: slot, attempt, key prefix, body hash, result, latency and wait for the throttle.

    `reason` is one of Amazon's codes; a text of Amazon's (`detail`) may hold anything and is left
    to the books.
    """
    attempt = outcome.attempt
    return json.dumps(
        {
            "event": "send",
            "asked": attempt.charge_id is not None,
            "slot": attempt.slot_id,
            "attempt": attempt.id,
            "key": attempt.idempotency_key[:KEY_SHOWN],
            "body": hashlib.sha256(attempt.body).hexdigest()[:16],
            "result": str(outcome.kind),
            "reason": _code(outcome.reason_code),
            "charge": outcome.charge_id,
            "latency_ms": int(latency_seconds * 1000),
            "wait_ms": int(bucket_wait_seconds * 1000),
        }
    )
