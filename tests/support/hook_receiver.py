"""A shop's webhook receiver on loopback: checks signatures as the convention says, and dedups."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOLERANCE_SECONDS = 300


@dataclass
class HookReceiver:
    """Keeps what it was sent; `answer` gives the status for the n-th request, from 1."""

    url: str = ""
    secret: str = ""
    answer: Callable[[int], int] = lambda n: 204
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    forged: int = 0
    # Books in the future sign with the future's clock.
    check_time: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ids(self) -> list[str]:
        """Ids of all requests, repetitions included."""
        return [headers["webhook-id"] for _, headers, _ in self.requests]

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Verify, answer, and let it take effect once."""
        with self.lock:
            self.requests.append((path, headers, body))
            number = len(self.requests)
            if not verified(headers, body, secret=self.secret, check_time=self.check_time):
                self.forged += 1
                return 401
        status = self.answer(number)
        if 200 <= status <= 299:
            with self.lock:
                self.taken.setdefault(headers["webhook-id"], json.loads(body))
        return status


def verified(headers: dict[str, str], body: bytes, *, secret: str, check_time: bool) -> bool:
    """What every receiver does: a fresh timestamp, and one signature that is right."""
    sent_at = int(headers["webhook-timestamp"])
    if check_time and abs(time.time() - sent_at) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = headers["webhook-signature"].split(" ")
    return any(hmac.compare_digest(each, f"v1,{mac}") for each in given)


@contextmanager
def hook_receiver() -> Iterator[HookReceiver]:
    """Run a receiver until the block ends."""
    receiver = HookReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it died: that is no request yet
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.receive(self.path, headers, body)
            self.send_response(status)
            if 300 <= status <= 399:
                self.send_header("location", receiver.url + "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
