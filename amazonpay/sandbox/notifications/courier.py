"""Delivers what waits: in order of due time to each endpoint, all endpoints side by side.

A look at two counters every few milliseconds tells whether anything was written or the clock was
moved; only then, or when something falls due, is the database asked. Each endpoint has one task at
most, so a slow one holds up nobody but itself.

Retries stand on the virtual clock, each an hour after the one before *was due*, whether the clock
ran or jumped: a jump over all of them tries all of them.
"""

import asyncio
import json
import logging
from dataclasses import replace
from functools import partial
from typing import Final

from amazonpay.sandbox.desk import Desk
from amazonpay.sandbox.faults import ANY_NOTIFICATION
from amazonpay.sandbox.instants import iso
from amazonpay.sandbox.notifications import outbox
from amazonpay.sandbox.notifications.envelope import Sender, compose
from amazonpay.sandbox.notifications.outbox import Delivery, Endpoint
from amazonpay.sandbox.notifications.seal import load_seal
from amazonpay.sandbox.notifications.style import FORGERIES, style_of
from amazonpay.sandbox.notifications.transport import Line, Outcome
from amazonpay.sandbox.store import NEVER_MS

MOST_RETRIES: Final = 3
RETRY_MS: Final = 3_600_000

_GLANCE_SECONDS: Final = 0.02
_LOG = logging.getLogger(__name__)


class Courier:
    """The sending side of one local Amazon Pay; runs in its event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._store = desk.world.store
        self._line = Line()
        self._sender: Sender | None = None
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._seen: tuple[int, int] | None = None
        self._next_ms = 0

    async def run(self) -> None:
        """Delivers until it is cancelled; what is under way then is tried again at next start."""
        try:
            while True:
                try:
                    await self._round()
                except Exception:
                    _LOG.exception("the local Amazon Pay failed while sending notifications")
                await asyncio.sleep(_GLANCE_SECONDS)
        finally:
            lanes = list(self._lanes.values())
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            await self._line.close()

    async def _round(self) -> None:
        counters = (self._store.connection.total_changes, self._desk.clock.offset_ms)
        if counters == self._seen and self._desk.clock.now() < self._next_ms:
            return
        self._seen = counters
        endpoints = outbox.endpoints(self._store)
        if not endpoints:
            self._next_ms = NEVER_MS
            return
        if self._sender is None:
            self._sender = await _sender(self._desk)
        # Timers fire without a call as well, so that what happens by itself is notified in time.
        now = self._desk.now()
        outbox.date_messages(self._store, now=now)
        self._start_lanes(endpoints, self._sender, now)
        # An endpoint that is being served needs no look until its task has ended.
        due = outbox.soonest(self._store, besides=self._lanes)
        self._next_ms = min(self._store.horizon_ms, NEVER_MS if due is None else due)

    def _start_lanes(self, endpoints: list[Endpoint], sender: Sender, now: int) -> None:
        for seq in (endpoint.seq for endpoint in endpoints):
            if seq not in self._lanes and outbox.next_due(self._store, seq, now=now):
                self._lanes[seq] = asyncio.create_task(self._lane(seq, sender))
                self._lanes[seq].add_done_callback(partial(self._lane_ended, seq))

    def _lane_ended(self, seq: int, lane: asyncio.Task[None]) -> None:
        del self._lanes[seq]
        self._seen = None
        if not lane.cancelled() and (error := lane.exception()):
            _LOG.error("the local Amazon Pay failed while sending notifications", exc_info=error)

    async def _lane(self, endpoint_seq: int, sender: Sender) -> None:
        """Sends to one endpoint, one after the other, until nothing is due."""
        while True:
            endpoint = outbox.endpoint_by(self._store, "seq", endpoint_seq)
            row = outbox.next_due(self._store, endpoint_seq, now=self._desk.clock.now())
            if endpoint is None or row is None:
                return
            row = self._struck(row)
            if row.is_due(self._desk.clock.now()):
                await self._deliver(endpoint, row, sender)

    def _struck(self, row: Delivery) -> Delivery:
        """The delivery after the faults had their say, once, before its first try."""
        if row.tries > 0 or row.fault is not None:
            return row
        holding = outbox.is_holding(self._store, row.endpoint)
        message = outbox.message(self._store, row.message)
        fault = self._desk.faults.take_notification(
            message.object_type or ANY_NOTIFICATION, besides=("reorder",) if holding else ()
        )
        if fault is None:
            return row
        row = replace(row, fault=fault.kind)
        if fault.kind == "drop":
            row = replace(row, state="dropped", due_at=None)
        elif fault.kind in ("delay", "reorder"):
            row = replace(row, due_at=self._desk.clock.now() + int(fault.seconds * 1000))
        outbox.save(self._store, row)
        return row

    async def _deliver(self, endpoint: Endpoint, row: Delivery, sender: Sender) -> None:
        attempts = json.loads(row.attempts)
        outcome = Outcome(None, "NotSent")
        for copy in _copies(row):
            outcome = await self._send(endpoint, row, sender, copy)
            attempts.append(
                {
                    "at": iso(self._desk.clock.now()),
                    "copy": copy,
                    "status": outcome.status,
                    "error": outcome.error,
                }
            )
        row = _after(replace(row, attempts=json.dumps(attempts)), outcome.verdict)
        with self._store.transaction():
            outbox.save(self._store, row)
            if row.tries <= 1:
                outbox.release_held(self._store, row.endpoint, before=row.seq)

    async def _send(self, endpoint: Endpoint, row: Delivery, sender: Sender, copy: str) -> Outcome:
        try:
            message = outbox.message(self._store, row.message)
            layers = [endpoint.style, message.style]
            if copy.startswith("forged:"):
                layers.append({"forgery": copy.removeprefix("forged:")})
            post = compose(message, style_of(*layers), sender=sender, endpoint=endpoint)
        except Exception as error:
            # Counted as a failed try, or the same row would come up again without end.
            _LOG.exception("a notification could not be written")
            return Outcome(None, type(error).__name__)
        return await self._line.send(row.url, post)


def _copies(row: Delivery) -> list[str]:
    """What goes over the wire for one try; the last one decides how the delivery ends."""
    if row.tries > 0:
        return ["genuine"]
    if row.fault == "duplicate":
        return ["genuine", "genuine"]
    if row.fault == "forge":
        # In turn, so that three forgeries in a row are one of each kind.
        return [f"forged:{FORGERIES[row.seq % len(FORGERIES)]}", "genuine"]
    return ["genuine"]


def _after(row: Delivery, verdict: str) -> Delivery:
    """The delivery after one more try."""
    tries = row.tries + 1
    if verdict != "again":
        return replace(row, state=verdict, due_at=None, tries=tries)
    if tries > MOST_RETRIES or row.due_at is None:
        return replace(row, state="lost", due_at=None, tries=tries)
    return replace(row, due_at=row.due_at + RETRY_MS, tries=tries)


async def _sender(desk: Desk) -> Sender:
    world = desk.world
    return Sender(
        topic_arn=world.ipn_topic_arn,
        merchant_id=world.merchant_id,
        environment=world.environment,
        seal=await asyncio.to_thread(load_seal, desk.directory),
    )
