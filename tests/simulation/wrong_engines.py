"""Ways in which a function of the engine can be wrong; `planted_bugs` says which is put where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, timedelta
from typing import Any

import scheduler.run
from billing import OutcomeKind
from billing.charging.intend import slots
from billing.deliveries import DeliveryResult
from billing.store.rows import is_word
from scheduler.run import SLICE
from simulation import versions

Wrong = Callable[[Any], Any]
"""Takes the right function and gives the wrong one."""

YEARS_AHEAD = timedelta(days=3_650)


def sends(change: Callable[[Any, int], Any]) -> Wrong:
    """Change each attempt (or refund) before it is sent, told how often it was sent."""

    def wrong(real: Any) -> Any:
        sent: dict[int, int] = {}

        def send(client: Any, attempt: Any, **more: Any) -> Any:
            sent[attempt.id] = sent.get(attempt.id, 0) + 1
            return real(client, change(attempt, sent[attempt.id]), **more)

        return send

    return wrong


def answers(taken: OutcomeKind, **instead: Any) -> Wrong:
    """Take one kind of answer for another."""

    def wrong(real: Any) -> Any:
        def send(client: Any, attempt: Any, **more: Any) -> Any:
            outcome = real(client, attempt, **more)
            return replace(outcome, **instead) if outcome.kind is taken else outcome

        return send

    return wrong


def gives(value: Any) -> Wrong:
    """Do nothing and give back the same thing always."""
    return lambda real: lambda *a, **k: value


def constant(value: Any) -> Wrong:
    """Another constant."""
    return lambda real: value


def made_longer(attempt: Any, times: int) -> Any:
    return replace(attempt, idempotency_key=f"{attempt.idempotency_key[:-2]}{times:02d}")


def respelled(attempt: Any, times: int) -> Any:
    return replace(attempt, body=attempt.body if times == 1 else attempt.body + b" ")


def spelled_anew(attempt: Any, times: int) -> Any:
    """The bytes of a replay are made anew, by whichever program sends it."""
    is_old = scheduler.run.SLICE != SLICE
    body = versions.respelled(attempt.body) if is_old else json.dumps(json.loads(attempt.body))
    if times == 1:
        return attempt
    return replace(attempt, body=body if isinstance(body, bytes) else body.encode())


def spelled_by_the_other(real: Any) -> Any:
    """Who takes a key over from another program makes the bytes anew; its own keys stay right."""
    first: dict[int, bool] = {}

    def send(client: Any, attempt: Any, **more: Any) -> Any:
        is_old = scheduler.run.SLICE != SLICE
        if first.setdefault(attempt.id, is_old) is not is_old:
            attempt = replace(attempt, body=json.dumps(json.loads(attempt.body)).encode())
        return real(client, attempt, **more)

    return send


def of_the_clock(real: Any) -> Any:
    def key(**said: Any) -> str:
        salted = f"{real(**said)} {scheduler.run.time.monotonic()}"
        return hashlib.sha256(salted.encode()).hexdigest()[:32]

    return key


def on_the_30th_day(real: Any) -> Any:
    def start(*, cycle: int, **said: Any) -> date:
        return real(cycle=max(0, cycle - 1), **said) + timedelta(days=30)

    return start


def never_after_the_28th(real: Any) -> Any:
    def start(**said: Any) -> date:
        on = real(**said)
        return on.replace(day=min(28, on.day))

    return start


def a_cycle_too_far(real: Any) -> Any:
    def row(*said: Any, **more: Any) -> dict[str, Any]:
        found = real(*said, **more)
        return found | {"next_cycle": found["next_cycle"] + 1}

    return row


def month_by(offset: int) -> Wrong:
    def wrong(_real: Any) -> Any:
        return lambda *, at, timezone: (f"{at.astimezone(UTC) + timedelta(hours=offset):%Y-%m}",)

    return wrong


def released_while_open(real: Any) -> Any:
    def still_open(case: Any, work: Any, **said: Any) -> None:
        real(case, work, **said)
        work.released.append(case.attempt["id"])

    return still_open


def moved_twice(real: Any) -> Any:
    def move(connection: Any, rows: Any, *, held: int, used: int) -> None:
        real(connection, rows, held=held, used=used)
        if held < 0 and not used:
            real(connection, rows, held=held, used=used)

    return move


def captures_not_counted(real: Any) -> Any:
    def settle(connection: Any, attempt_ids: Any, *, captured: bool) -> None:
        if not captured:
            real(connection, attempt_ids, captured=False)

    return settle


def booked_twice(kind: str) -> Wrong:
    def wrong(real: Any) -> Any:
        def book(connection: Any, journals: Any) -> None:
            again = [replace(j, reference=f"{j.reference}/2") for j in journals if j.kind == kind]
            real(connection, [*journals, *again])

        return book

    return wrong


def sent_without_commit(real: Any) -> Any:
    def writing(engine: Any, work: Any) -> Any:
        kept: list[Any] = []

        def noted(connection: Any) -> Any:
            kept.append(work(connection))
            return kept[-1]

        try:
            return real(engine, noted)
        except Exception:
            return kept[-1] if kept else (0, [])

    return writing


def whatever_the_agreement_does(real: Any) -> Any:
    def due(*said: Any, **more: Any) -> Any:
        return tuple(c for c in real(*said, **more) if "subscription.state" not in str(c))

    return due


def while_another_is_open(_real: Any) -> Any:
    def due(_merchant: Any, *, at: Any, only: Any) -> Any:
        return (is_word(slots.c.state, "due", "open"), slots.c.due_at <= at)

    return due


def paid_at_once(real: Any) -> Any:
    def read(attempt: Any, charge: Any) -> Any:
        outcome = real(attempt, charge)
        is_late = outcome.kind is OutcomeKind.PENDING
        return replace(outcome, kind=OutcomeKind.CAPTURED) if is_late else outcome

    return read


def a_yen_more(real: Any) -> Any:
    return lambda *, amount_yen, **said: real(amount_yen=amount_yen + 1, **said)


def without(*kinds: str) -> Wrong:
    def wrong(real: Any) -> Any:
        def write(connection: Any, rows: Any) -> None:
            real(connection, [row for row in rows if row["kind"] not in kinds])

        return write

    return wrong


def all_of_it_again(real: Any) -> Any:
    def charges(*said: Any, **more: Any) -> Any:
        return [replace(c, refunded_yen=0, busy_yen=0) for c in real(*said, **more)]

    return charges


def no_waits(real: Any) -> Any:
    def take(*said: Any, calls: int, **more: Any) -> list[float]:
        real(*said, calls=calls, **more)
        return [0.0] * calls

    return take


def far_window(attempt: Any, _times: int) -> Any:
    return replace(attempt, send_by=attempt.send_by + YEARS_AHEAD)


def counts_as_sent(real: Any) -> Any:
    def record(engine: Any, outcomes: Any, **more: Any) -> None:
        sent = DeliveryResult.SENT
        real(engine, [replace(outcome, result=sent) for outcome in outcomes], **more)

    return record


def read_as_closed(real: Any) -> Any:
    """As if what a message tells were how the permission stands."""

    def record(engine: Any, merchant: Any, seen: Any, **more: Any) -> Any:
        closed = [(watched, found and replace(found, state="Closed")) for watched, found in seen]
        return real(engine, merchant, closed, **more)

    return record


def always_the_first(real: Any) -> Any:
    return lambda *, attempt, **said: real(attempt=1, **said)


def never_released(real: Any) -> Any:
    """What was cancelled or declined holds its room for ever."""

    def settle(connection: Any, attempt_ids: Any, *, captured: bool) -> None:
        if captured:
            real(connection, attempt_ids, captured=True)

    return settle


def captured_instead(real: Any) -> Any:
    """What grows old is captured before it lapses, shipped or not."""

    def row(charge: Any, merchant: Any, **said: Any) -> dict[str, Any]:
        taken = {"kind": "capture", "amount_yen": charge["amount_yen"]}
        return dict(real(charge, merchant, **(said | taken)))

    return row


def all_of_it_captured(real: Any) -> Any:
    """A part was shipped, and all that was authorised is asked for."""

    def row(charge: Any, merchant: Any, **said: Any) -> dict[str, Any]:
        if said["amount_yen"] is not None:
            said["amount_yen"] = charge["authorized_yen"]
        return dict(real(charge, merchant, **said))

    return row
