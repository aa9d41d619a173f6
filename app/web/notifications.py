"""Where Amazon Pay notifies us: verified, kept in the inbox, and only then answered with 200.

It stands outside the log-in and the forms: what proves a delivery is its signature and its topic.
Nothing that a message names is ever called; its certificate comes from Amazon SNS alone.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from amazonpay import InvalidArgument
from amazonpay.notifications import (
    AsyncCertificateFetcher,
    AsyncLocalCertificateFetcher,
    AsyncNotificationReceiver,
    Envelope,
    EnvelopeType,
    MalformedNotification,
    Notification,
    NotificationRefused,
    NotificationRules,
    TryLater,
    WrongTopic,
    parse_envelope,
)
from app.web.refusals import RefusalCounter
from billing import reading
from billing.notifications import Arrival, Kept, Listening, keep_arrival, load_listening
from scheduler import Clock

log = logging.getLogger(__name__)

PREFIX = "/amazon-pay/notifications/"
# SNS delivers no message above 256 KiB, and gives an endpoint 15 seconds in all.
MOST_BYTES = 262_144
BODY_SECONDS = 10.0
# Amazon may deliver again for 14 days; a message that is known already changes nothing.
MAX_AGE = timedelta(days=15)
# Another process may have stored a new topic or key meanwhile.
RELOAD_SECONDS = 10.0
FULL_RETRY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class _Ears:
    """What listens for one seller: `subscribed` for its topics, `asked` for wishes to subscribe.

    Two receivers, so that a wish is verified but never followed, and so that strangers cannot use
    up the ration of certificates that genuine notifications need.
    """

    listening: Listening
    subscribed: AsyncNotificationReceiver
    asked: AsyncNotificationReceiver

    async def arrival(self, body: bytes) -> Arrival:
        """What a delivery is. Raises a NotificationRefused unless it is genuine and for us."""
        envelope = parse_envelope(body)
        if envelope.type is EnvelopeType.SUBSCRIPTION_CONFIRMATION:
            await self.asked.receive(body)
            listed = envelope.topic_arn in self.listening.topic_arns
            return _other(envelope, "subscription", listed=listed, message=envelope.subscribe_url)
        try:
            received = await self.subscribed.receive(body)
        except MalformedNotification:
            # The envelope can be read, so it is the message in it; that is read after the
            # signature only. Amazon said something: a person looks, and no redelivery would help.
            return _other(envelope, "unreadable", message=envelope.message)
        if isinstance(received, Notification):
            return _change(received, envelope)
        return _other(envelope, "unsubscribed")


def _change(notification: Notification, envelope: Envelope) -> Arrival:
    return Arrival(
        message_id=notification.message_id,
        kind="change",
        topic_arn=notification.topic_arn,
        sent_at=notification.sent_at,
        object_type=str(notification.object_type),
        object_id=notification.object_id,
        permission_id=notification.charge_permission_id,
        notification_type=str(notification.notification_type),
        notification_id=notification.notification_id,
        message=envelope.message,
    )


def _other(
    envelope: Envelope, kind: str, *, listed: bool = True, message: str | None = None
) -> Arrival:
    return Arrival(
        message_id=envelope.message_id,
        kind=kind,
        topic_arn=envelope.topic_arn,
        sent_at=envelope.timestamp,
        listed=listed,
        message=message,
    )


class NotificationDoor:
    """Takes what is POSTed to `/amazon-pay/notifications/<merchant>`; the rest goes on to `app`.

    `certificates` replaces the network; a local Amazon Pay needs it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        database: Engine,
        merchant_id: str,
        clock: Clock,
        certificates: AsyncCertificateFetcher | None = None,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._database = database
        self._merchant_id = merchant_id
        self._clock = clock
        self._certificates = certificates
        self._stopwatch = stopwatch
        self._ears: _Ears | None = None
        self._loaded_at: float | None = None
        self._refused = RefusalCounter(database, merchant_id, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.url.path.removeprefix(PREFIX) != self._merchant_id:
            return PlainTextResponse("no such merchant", status_code=404)
        if request.method != "POST":
            return PlainTextResponse("POST only", status_code=405, headers={"allow": "POST"})
        try:
            body = await _body_of(request)
            return body if isinstance(body, Response) else await self._take(body)
        except ClientDisconnect:
            return PlainTextResponse("", status_code=400)
        except Exception:
            # The database is away, or a fault of ours: whatever it was, Amazon delivers it again.
            log.exception("a notification could not be kept")
            return _later(60)

    async def _take(self, body: bytes) -> Response:
        ears = await self._listen()
        if ears is None:
            self._refused.count("NotReady", "the merchant has no seller id yet")
            return _later(FULL_RETRY_SECONDS)
        try:
            arrival = await ears.arrival(body)
        except NotificationRefused as refused:
            return self._refuse(refused)
        kept = await run_in_threadpool(
            keep_arrival, self._database, self._merchant_id, arrival, at=self._clock.now()
        )
        if kept is Kept.FULL:
            self._refused.count("InboxFull", "too many messages wait; see autopay notifications")
            # A stranger's wish to subscribe us is not worth asking for again.
            return _later(FULL_RETRY_SECONDS) if arrival.listed else PlainTextResponse("ok")
        return PlainTextResponse("ok")

    def _refuse(self, refused: NotificationRefused) -> Response:
        kind = type(refused).__name__
        if isinstance(refused, WrongTopic) and refused.verified:
            kind = "WrongTopicVerified"
        self._refused.count(kind, refused.reason)
        if isinstance(refused, TryLater):
            return _later(refused.retry_after_seconds)
        return PlainTextResponse("refused", status_code=refused.http_status)

    async def _listen(self) -> _Ears | None:
        """The receivers for what the books say now; read again every ten seconds."""
        now = self._stopwatch()
        if self._loaded_at is None or now - self._loaded_at >= RELOAD_SECONDS:
            self._loaded_at = now
            found = await run_in_threadpool(self._load)
            if found is None or self._ears is None or self._ears.listening != found:
                self._ears = None if found is None else self._ears_for(found)
        return self._ears

    def _load(self) -> Listening | None:
        with reading(self._database) as connection:
            return load_listening(connection, self._merchant_id)

    def _ears_for(self, listening: Listening) -> _Ears | None:
        try:
            return _Ears(
                listening,
                subscribed=self._receiver(listening, listening.topic_arns),
                asked=self._receiver(listening, ()),
            )
        except InvalidArgument as wrong:
            log.error("no notification can be received: %s", wrong)
            return None

    def _receiver(self, listening: Listening, topics: tuple[str, ...]) -> AsyncNotificationReceiver:
        return AsyncNotificationReceiver(
            merchant_id=listening.seller_id or "",
            environment=listening.environment,
            topic_arns=topics,
            clock=self._clock.now,
            fetcher=self._certificates,
            rules=NotificationRules(
                max_age=MAX_AGE,
                # A local Amazon Pay plays the sample's permissions, which have ids of live.
                check_environment_letter=not isinstance(
                    self._certificates, AsyncLocalCertificateFetcher
                ),
            ),
        )


def _later(seconds: int) -> Response:
    return PlainTextResponse(
        "try again later", status_code=503, headers={"retry-after": str(seconds)}
    )


async def _body_of(request: Request) -> bytes | Response:
    """The body, or the answer to who sends too much or drips it a byte at a time."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read_body(request)
    except TimeoutError:
        return PlainTextResponse("too slow", status_code=408, headers={"connection": "close"})
    return PlainTextResponse("too long", status_code=413) if body is None else body


async def _read_body(request: Request) -> bytes | None:
    """The body; None when it is longer than any message of SNS."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)
