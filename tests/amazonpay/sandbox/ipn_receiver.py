"""A little HTTP receiver for notifications, and a check of envelopes that shares no code.

The check follows ipn.md §4 with the `cryptography` library alone.
"""

import base64
import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

SIGNED = (
    *("Message", "MessageId", "Subject", "SubscribeURL"),
    *("Timestamp", "Token", "TopicArn", "Type"),
)
HASHES = {"1": SHA1, "2": SHA256}


@dataclass(frozen=True)
class Arrival:
    """One POST as it came in; `at` is a stop-watch's reading in seconds."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(self.body)
        return envelope

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.envelope["Message"])
        return message

    @property
    def told(self) -> tuple[str, str, str]:
        """What it is about: object type, object id, notification type."""
        said = self.message
        return said["ObjectType"], said["ObjectId"], said["NotificationType"]


@dataclass
class Receiver:
    """Answers each POST with `answer(arrival)`, 200 by default, and keeps what arrived."""

    url: str = ""
    arrivals: list[Arrival] = field(default_factory=list)
    answer: Callable[[Arrival], int] = lambda _: 200

    def wait_for(self, count: int, *, seconds: float = 10.0) -> list[Arrival]:
        """The arrivals once there are that many; AssertionError when they do not come."""
        deadline = time.monotonic() + seconds
        while len(self.arrivals) < count and time.monotonic() < deadline:
            time.sleep(0.002)
        assert len(self.arrivals) >= count, f"{len(self.arrivals)} of {count} arrived"
        return self.arrivals

    def forget(self) -> None:
        self.arrivals = []
        self.answer = lambda _: 200

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [arrival.told for arrival in self.arrivals]


@contextmanager
def receiving(*, port: int = 0) -> Iterator[Receiver]:
    """A running receiver on loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without this, head and body leave as two packets and the second waits for an ACK.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            arrival = Arrival(time.monotonic(), self.path, headers, body)
            receiver.arrivals.append(arrival)
            status = receiver.answer(arrival)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("location", receiver.url + "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Checker:
    """Checks envelopes against the certificates that a local Amazon Pay serves."""

    base_url: str

    def certificate(self, url: str) -> x509.Certificate:
        """The certificate of a pinned URL, fetched from the local Amazon Pay."""
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert re.fullmatch(r"sns\.[a-zA-Z0-9\-]{3,}\.amazonaws\.com(\.cn)?", parts.netloc)
        assert re.fullmatch(r"/SimpleNotificationService-[0-9a-f]{32}\.pem", parts.path)
        with urllib.request.urlopen(f"{self.base_url}/__sns{parts.path}", timeout=10) as answer:
            return x509.load_pem_x509_certificate(answer.read())

    def faults(self, arrival: Arrival, *, now: datetime | None = None) -> list[str]:
        """What is wrong with an envelope: host, expired, signature; nothing for a good one."""
        envelope = {re.sub(r"Url$", "URL", name): value for name, value in arrival.envelope.items()}
        try:
            certificate = self.certificate(envelope["SigningCertURL"])
        except AssertionError:
            return ["host"]
        at = now or datetime.now(UTC)
        valid = certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
        expired = [] if valid else ["expired"]
        return expired + self._signature_faults(envelope, certificate)

    @staticmethod
    def _signature_faults(envelope: dict[str, Any], certificate: x509.Certificate) -> list[str]:
        text = "".join(f"{name}\n{envelope[name]}\n" for name in SIGNED if name in envelope)
        key = certificate.public_key()
        assert isinstance(key, RSAPublicKey)
        signature = base64.b64decode(envelope["Signature"], validate=True)
        digest = HASHES[envelope["SignatureVersion"]]()
        try:
            key.verify(signature, text.encode(), PKCS1v15(), digest)
        except InvalidSignature:
            return ["signature"]
        return []
