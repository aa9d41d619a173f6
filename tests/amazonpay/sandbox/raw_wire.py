"""Bytes to a local Amazon Pay and back over a plain socket, with nothing normalised between."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wire_client import WireClient, sign

SECONDS = 15.0


@dataclass(frozen=True)
class Raw:
    """An answer as it came; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> Any:
        return self.json.get("reasonCode")


class NoAnswer(Exception):
    """The connection ended or stayed silent before a whole answer came."""


class Line:
    """One connection; `seconds` is how long any answer may take."""

    def __init__(self, base_url: str, *, seconds: float = SECONDS) -> None:
        parts = urlsplit(base_url)
        self.socket = socket.create_connection((parts.hostname or "", parts.port or 80), seconds)
        self._rest = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say(self, packet: bytes, *, is_head: bool = False) -> Raw:
        """Sends a request and reads its answer."""
        self.send(packet)
        return self.answer(is_head=is_head)

    def answer(self, *, is_head: bool = False) -> Raw:
        """The next answer; an interim 100 Continue is passed over."""
        while True:
            head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
            status = int(head[0].split(" ")[1])
            if status != 100:
                break
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = 0 if is_head else int(headers.get("content-length", "0"))
        return Raw(status, headers, self._exactly(length))

    def is_ended(self) -> bool:
        """True when the server has ended the connection and there is nothing left to read."""
        try:
            return not self._rest and self.socket.recv(65_536) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        found, _, self._rest = self._rest.partition(mark)
        return found

    def _exactly(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _more(self) -> None:
        try:
            data = self.socket.recv(65_536)
        except OSError as error:
            raise NoAnswer(f"{error!r} after {self._rest!r}") from error
        if not data:
            raise NoAnswer(f"the server ended the connection after {self._rest!r}")
        self._rest += data


@contextmanager
def line_to(base_url: str, *, seconds: float = SECONDS) -> Iterator[Line]:
    """A connection for the time of a block."""
    line = Line(base_url, seconds=seconds)
    try:
        yield line
    finally:
        line.close()


def signed_packet(amazon: WireClient, method: str, path: str, body: bytes, key: str = "") -> bytes:
    """A request that only its body can be wrong about."""
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-pay-date": amazon.date,
        "x-amz-pay-host": "pay-api.amazon.jp",
        "x-amz-pay-region": "jp",
    }
    if key:
        headers["x-amz-pay-idempotency-key"] = key
    headers["authorization"] = sign(
        amazon.key, key_id=amazon.key_id, method=method, path=path, headers=headers, body=body
    )
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body
