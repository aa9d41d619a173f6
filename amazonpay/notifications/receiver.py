"""The door for a web hook: the body of a POST in, what it means out, or a typed refusal.

Two thin shells around one judge; they only fetch. Neither keeps what it received: store the
notification, answer 200, and ask Amazon Pay for the object afterwards.
"""

import time
from collections.abc import Callable, Collection
from datetime import datetime

from amazonpay.keys import Environment
from amazonpay.notifications.caches import AsyncCertificateCache, CertificateCache
from amazonpay.notifications.fetching import (
    AsyncCertificateFetcher,
    AsyncHttpsCertificateFetcher,
    CertificateFetcher,
    HttpsCertificateFetcher,
)
from amazonpay.notifications.judge import Judge, Received, ToConfirm
from amazonpay.notifications.rules import NotificationRules, Recipient, checked_topics
from amazonpay.notifications.shelf import CacheLimits


class NotificationReceiver:
    """Receives notifications for one merchant in one environment; may be shared by threads.

    `topic_arns` are the topics that may notify us; with none every notification is refused, and
    the refusal of a genuine one names its topic for the operator. `clock` must be aware and
    judges timestamps and certificates; `stopwatch` gives seconds and times the cache.
    Raises InvalidArgument for a value without its shape.
    """

    def __init__(
        self,
        *,
        merchant_id: str,
        environment: Environment,
        topic_arns: Collection[str],
        clock: Callable[[], datetime],
        fetcher: CertificateFetcher | None = None,
        rules: NotificationRules | None = None,
        limits: CacheLimits | None = None,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        recipient = Recipient(
            merchant_id=merchant_id,
            environment=environment,
            topic_arns=checked_topics(topic_arns),
        )
        self._judge = Judge(recipient=recipient, rules=rules or NotificationRules(), clock=clock)
        self._cache = CertificateCache(
            fetcher=fetcher or HttpsCertificateFetcher(),
            limits=limits or CacheLimits(),
            stopwatch=stopwatch,
        )

    def receive(self, body: bytes) -> Received:
        """What the body of a delivery means. Raises a NotificationRefused, and nothing else."""
        now = self._judge.now()
        envelope, url = self._judge.open(body, now=now)
        certificate = self._cache.certificate(url)
        verdict = self._judge.conclude(envelope, certificate=certificate, now=now)
        return self._confirm(verdict) if isinstance(verdict, ToConfirm) else verdict

    def _confirm(self, step: ToConfirm) -> Received:
        if self._judge.begin(step):
            try:
                self._cache.request(step.url)
            except BaseException:
                self._judge.give_up(step)
                raise
        return step.done


class AsyncNotificationReceiver:
    """The twin of `NotificationReceiver` for one asyncio event loop: same arguments and answers."""

    def __init__(
        self,
        *,
        merchant_id: str,
        environment: Environment,
        topic_arns: Collection[str],
        clock: Callable[[], datetime],
        fetcher: AsyncCertificateFetcher | None = None,
        rules: NotificationRules | None = None,
        limits: CacheLimits | None = None,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        recipient = Recipient(
            merchant_id=merchant_id,
            environment=environment,
            topic_arns=checked_topics(topic_arns),
        )
        self._judge = Judge(recipient=recipient, rules=rules or NotificationRules(), clock=clock)
        self._cache = AsyncCertificateCache(
            fetcher=fetcher or AsyncHttpsCertificateFetcher(),
            limits=limits or CacheLimits(),
            stopwatch=stopwatch,
        )

    async def receive(self, body: bytes) -> Received:
        """What the body of a delivery means. Raises a NotificationRefused, and nothing else."""
        now = self._judge.now()
        envelope, url = self._judge.open(body, now=now)
        certificate = await self._cache.certificate(url)
        verdict = self._judge.conclude(envelope, certificate=certificate, now=now)
        return await self._confirm(verdict) if isinstance(verdict, ToConfirm) else verdict

    async def _confirm(self, step: ToConfirm) -> Received:
        if self._judge.begin(step):
            try:
                await self._cache.request(step.url)
            except BaseException:
                self._judge.give_up(step)
                raise
        return step.done
