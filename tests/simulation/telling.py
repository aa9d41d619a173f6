"""Those who are told: a mail server and an endpoint for webhooks, which fail, hang and repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Final, Self

from sqlalchemy.exc import DBAPIError

from billing import writing
from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingMail,
    OutgoingWebhook,
    add_endpoint,
    store_notice_rules,
)
from scheduler.deliveries import Delivering
from simulation.shop import MASTER_KEY, MERCHANT, Shop, opens_at
from simulation.store import Store
from simulation.view import View
from simulation.world import SECOND, World

EVERY: Final = 8 * 3_600 * SECOND
_HANGS: Final = 9 * SECOND
WAYS: Final = ("fails", "hangs", "taken, and the answer is lost")
_NOTICE = """SELECT n.id, n.kind, n.dedup_key FROM delivery d JOIN notice n ON n.id = d.notice_id
WHERE d.id = ?"""


class Receivers:
    """Takes mails and webhooks; `trouble` in a thousand go wrong. None: nobody is told."""

    def __init__(self, *, world: World, store: Store, view: View, trouble: int | None) -> None:
        self._world = world
        self._store = store
        self._view = view
        self._trouble = trouble
        self.quiet = False
        self.counts: dict[str, int] = {}

    def open_for(self, shop: Shop) -> None:
        """Tell the merchant's rules where everybody is."""
        if self._trouble is None:
            return
        at = opens_at(shop.setting)

        def rules(connection: Any) -> None:
            sender = {"mail_from": "billing@shop.example", "staff_email": "staff@shop.example"}
            store_notice_rules(connection, MERCHANT, sender)
            place = {"code": "shop", "url": "https://shop.example/hook", "master_key": MASTER_KEY}
            add_endpoint(connection, shop.merchant, at=at, **place)

        writing(self._store.engine, rules)

    def deliver_for_ever(self, shop: Shop) -> None:
        """What a scheduler does beside charging; its failures end here."""
        if self._trouble is None:
            return
        ways = Delivering(MASTER_KEY, mailer=self, caller=self)
        while True:
            self._world.sleep(EVERY)
            try:
                ways.of(self._store.engine, shop.merchant, now=self._world.clock).tick()
            except DBAPIError as problem:
                self._world.trace(f"deliveries end: {type(problem).__name__}")

    def send(self, mails: Iterable[OutgoingMail]) -> Iterator[DeliveryOutcome]:
        """The mail server."""
        for mail in mails:
            yield self._told("mail", mail)

    def call(self, webhook: OutgoingWebhook, *, at: Any) -> DeliveryOutcome:
        """The endpoint."""
        return self._told("webhook", webhook)

    def _told(self, channel: str, told: OutgoingMail | OutgoingWebhook) -> DeliveryOutcome:
        trouble = 0 if self.quiet else self._trouble or 0
        label = f"{channel} {told.delivery_id}"
        chosen = self._world.tape.choose(label, len(WAYS) + 1, permille=trouble)
        way = WAYS[chosen - 1] if chosen else "taken"
        self.counts[f"{channel} {way}"] = self.counts.get(f"{channel} {way}", 0) + 1
        if way == "hangs":
            self._world.sleep(_HANGS)
        if way in ("taken", "taken, and the answer is lost"):
            self._takes(channel, told.delivery_id)
        result = DeliveryResult.SENT if way == "taken" else DeliveryResult.LATER
        return DeliveryOutcome(told.delivery_id, told.tries, result)

    def _takes(self, channel: str, delivery_id: int) -> None:
        found = self._view.rows(_NOTICE, delivery_id)
        if not found:
            self._view.broken("invariant_26", f"{channel} {delivery_id} has no committed cause")
            return
        (notice,) = found
        self._view.received.add(delivery_id)
        if notice["kind"] == "charged":
            reference = notice["dedup_key"].removesuffix("/charged/0")
            charges = self._view.amazon.by_reference.get(reference, ())
            if not any(charge.captured for charge in charges):
                self._view.broken("invariant_26", f"{reference}: told charged, and was not")


class AtOnce:
    """Stands in for a pool of threads: each call is made where it is submitted."""

    def __init__(self, *_threads: object, **_more: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        pass

    def submit(self, call: Callable[..., Any], *said: Any) -> Future[Any]:
        """Make the call."""
        done: Future[Any] = Future()
        try:
            done.set_result(call(*said))
        except Exception as error:
            done.set_exception(error)
        return done
