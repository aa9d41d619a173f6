"""Posts webhooks: https, no redirect, ten seconds in all, and never to an address inside.

A name may stand for another address at every look, so the address that was judged is the very one
that is connected to. Nothing of an answer but its status is kept.
"""

import ipaddress
import logging
import socket
import ssl
import time
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit

import httpcore

from billing.deliveries import (
    DeliveryOutcome,
    DeliveryResult,
    OutgoingWebhook,
    check_endpoint_url,
    signature_headers,
)
from plans import BadInput

log = logging.getLogger(__name__)

__all__ = ["ForbiddenAddress", "HttpWebhookCaller", "check_literal_address", "is_outside"]

DEADLINE_SECONDS = 10.0
LONGEST_ANSWER = 65_536
# Who asks us to wait longer is asked again after a day all the same.
LONGEST_WAIT_SECONDS = 86_400
ASK_TO_WAIT = (429, 503)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# All of IPv6 that is given out to the internet; the old site-local addresses are not in it.
_GIVEN_OUT = ipaddress.ip_network("2000::/3")
# Held back for protocols, relays and examples, though Python calls some of them global.
_HELD_BACK = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddress(Exception):
    """The endpoint's name stands for an address that must not be called."""


class HttpWebhookCaller:
    """A `scheduler.WebhookCaller`; `loopback` also allows this machine, for development."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        tls: ssl.SSLContext | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._loopback = loopback
        self._tls = tls or ssl.create_default_context()
        self._deadline_seconds = deadline_seconds

    def call(self, webhook: OutgoingWebhook, *, at: datetime) -> DeliveryOutcome:
        """Post one webhook, signed at `at`; never raises for what the other side does."""
        try:
            check_endpoint_url(webhook.url, loopback=self._loopback)
            status, wait_seconds = self._post(webhook, at)
        except (BadInput, ForbiddenAddress):
            return _outcome(webhook, DeliveryResult.LATER, "the address must not be called")
        except httpcore.TimeoutException:
            return _outcome(webhook, DeliveryResult.LATER, "no answer in time")
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError, ValueError) as error:
            return _outcome(webhook, DeliveryResult.LATER, type(error).__name__)
        if 200 <= status <= 299:
            return _outcome(webhook, DeliveryResult.SENT, str(status))
        gone = status == 410
        result = DeliveryResult.GONE if gone else DeliveryResult.LATER
        return _outcome(webhook, result, str(status), wait_seconds)

    def _post(self, webhook: OutgoingWebhook, at: datetime) -> tuple[int, int]:
        """The status of the answer, and for how many seconds it asks us to wait."""
        signature = signature_headers(
            message_id=webhook.message_id, at=at, body=webhook.body, secrets=webhook.secrets
        )
        url = httpcore.URL(webhook.url)
        host = url.host.decode() + (f":{url.port}" if url.port else "")
        headers = [
            ("host", host),
            ("content-type", "application/json"),
            ("content-length", str(len(webhook.body))),
            ("user-agent", "autopay"),
            *signature.items(),
        ]
        backend = _GuardedBackend(self._deadline_seconds, loopback=self._loopback)
        # A connection per call: a kept one could outlive what its name stands for.
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            pool.stream("POST", url, headers=headers, content=webhook.body) as answer,
        ):
            _read_some(answer)
            return answer.status, _wait_seconds(answer)


def _wait_seconds(answer: httpcore.Response) -> int:
    """What a busy receiver's Retry-After says in seconds; 0 for none, and for a date."""
    if answer.status not in ASK_TO_WAIT:
        return 0
    given = {name.lower(): value for name, value in answer.headers}.get(b"retry-after", b"")
    # isdigit of bytes knows ASCII digits only; more of them than these would be centuries.
    return min(int(given), LONGEST_WAIT_SECONDS) if given.isdigit() and len(given) < 12 else 0


def _read_some(answer: httpcore.Response) -> None:
    """Take the answer in, up to a limit: a receiver may think its work undone otherwise."""
    taken = 0
    for chunk in answer.iter_stream():
        taken += len(chunk)
        if taken > LONGEST_ANSWER:
            return


def is_outside(address: Address) -> bool:
    """True for an address of the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or _nat64(address)
        if inner is not None:
            return is_outside(inner)
        if address.teredo is not None or address not in _GIVEN_OUT:
            return False
    if any(address in network for network in _HELD_BACK):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def check_literal_address(url: str) -> None:
    """Refuse an inside address that is written out in a URL, but for this machine's own.

    Every call would refuse it as well; raises BadInput so that who adds it need not wait for that.
    """
    try:
        address = ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return  # a name, which is judged at every call, or no URL, which is refused elsewhere
    if not is_outside(address) and not address.is_loopback:
        raise BadInput(
            field="url",
            value=url,
            rule="is an address inside a network, which is never called",
            remedy="write https://shop.example/hooks",
        )


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address not in _NAT64:
        return None
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


class _GuardedBackend(httpcore.NetworkBackend):
    """Connects to addresses outside only; all its operations together end by the deadline."""

    def __init__(self, seconds: float, *, loopback: bool) -> None:
        self._inner = httpcore.SyncBackend()
        self._until = time.monotonic() + seconds
        self._loopback = loopback

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._judged(host, port)
        stream = self._inner.connect_tcp(
            str(address), port, seconds_left(self._until), None, socket_options
        )
        return _GuardedStream(stream, self._until)

    def _judged(self, host: str, port: int) -> Address:
        """The address to connect to; one forbidden address among several forbids them all."""
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
        for address in addresses:
            allowed = is_outside(address) or (self._loopback and address.is_loopback)
            if not allowed:
                raise ForbiddenAddress("the endpoint's name stands for an address inside")
        return addresses[0]


class _GuardedStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, seconds_left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, seconds_left(self._until))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, seconds_left(self._until))
        return _GuardedStream(secured, self._until)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def seconds_left(until: float) -> float:
    """What is left until a moment of `time.monotonic`; raises ReadTimeout when nothing is."""
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the total deadline has passed")
    return left


def _outcome(
    webhook: OutgoingWebhook, result: DeliveryResult, detail: str, wait_seconds: int = 0
) -> DeliveryOutcome:
    if result is not DeliveryResult.SENT:
        log.warning(
            "webhook %s to %s: %s (%s)", webhook.message_id, webhook.endpoint, result.value, detail
        )
    return DeliveryOutcome(webhook.delivery_id, webhook.tries, result, detail, wait_seconds)
