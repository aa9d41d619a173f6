"""A peer on loopback that plays a script on each connection: bytes, pauses, silence, an end."""

import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from wire_helpers import CHARGE_ID, PERMISSION_ID

Script = Callable[[socket.socket], None]

BODY = json.dumps(
    {
        "chargeId": CHARGE_ID,
        "chargePermissionId": PERMISSION_ID,
        "chargeAmount": {"amount": "1500", "currencyCode": "JPY"},
        "statusDetails": {"state": "Captured"},
    },
    separators=(",", ":"),
).encode()


def answer(status: str = "201 Created", body: bytes = BODY, *headers: str) -> bytes:
    """A complete HTTP answer."""
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers]
    head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""])
    return head.encode() + body


class ScriptedServer:
    """Reads each request whole, keeps it in `requests`, then plays `script` on the connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.connections = 0
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    @property
    def url(self) -> str:
        """Base URL of this server."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the end of the test."""
        self._stopping.wait(seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        with suppress(OSError), socket.create_connection(self._listener.getsockname(), 1):
            self._thread.join(5)
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            connection, _ = self._listener.accept()
            self.connections += 1
            # A peer that hangs up first is part of the play.
            with connection, suppress(OSError):
                while not self._stopping.is_set() and (request := one_request(connection)):
                    self.requests.append(request)
                    self.script(connection)


def one_request(connection: socket.socket) -> bytes:
    """One request, headers and body, as it came; nothing when the peer hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = (int(lengths[0].split(b":")[1]) if lengths else 0) - len(body)
    while missing > 0:
        chunk = connection.recv(missing)
        data, missing = data + chunk, missing - len(chunk)
    return data
