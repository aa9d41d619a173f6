"""Slow, lying and malformed clients: Amazon's 400 where one can be, and service for others."""

import contextlib
import random
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from raw_wire import NoAnswer, Raw, line_to, signed_packet
from wire_client import WireClient

from amazonpay.sandbox import protocol

pytestmark = pytest.mark.slow

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
GET = b"GET /v2/charges/x HTTP/1.1\r\nhost: x\r\n\r\n"
# An answer that a person would call prompt, on a busy machine.
PROMPT_SECONDS = 5.0


@pytest.fixture
def served(amazon: WireClient) -> Iterator[Callable[[], None]]:
    """Asserts that another client's charge is carried out, at once; and so after the test."""
    permission = amazon.permission(amountLimit=1_000_000)
    other = WireClient(amazon.base_url, amazon.control_url, amazon.key_id, amazon.key)
    other.date = amazon.date

    def check() -> None:
        began = time.monotonic()
        assert other.charge(permission, 100).status == 201
        assert time.monotonic() - began < PROMPT_SECONDS

    yield check
    check()
    other.close()


def refused(got: Raw, status: int = 400, reason: str = "InvalidRequest") -> None:
    assert (got.status, got.reason) == (status, reason)
    assert list(got.json) == ["reasonCode", "message"]
    assert UUID.fullmatch(got.headers["x-amz-pay-request-id"])


def post(*headers: str, body: bytes = b"", path: str = "/v2/charges") -> bytes:
    lines = "".join(f"{line}\r\n" for line in ("host: x", *headers))
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


NO_HTTP = {
    "NUL in the path": b"GET /v2/a\x00b HTTP/1.1\r\nhost: x\r\n\r\n",
    "bytes above ASCII in the path": b"GET /v2/\xff\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
    "NUL in a header": b"GET /v2/a HTTP/1.1\r\nhost: x\r\nx-a: b\x00c\r\n\r\n",
    "space in a header name": b"GET /v2/a HTTP/1.1\r\nhost: x\r\nx a: b\r\n\r\n",
    "folded header": b"GET /v2/a HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\r\n\r\n",
    "bare line feeds": b"GET /v2/a HTTP/1.1\nhost: x\n\n",
    "no path": b"GET  HTTP/1.1\r\nhost: x\r\n\r\n",
    "query only": b"GET ?a=b HTTP/1.1\r\nhost: x\r\n\r\n",
    "absolute URI without a host": b"GET http:///x HTTP/1.1\r\nhost: x\r\n\r\n",
    "a proxy's CONNECT": b"CONNECT pay-api.amazon.jp:443 HTTP/1.1\r\nhost: x\r\n\r\n",
    "unknown method": b"BREW /v2/charges HTTP/1.1\r\nhost: x\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS hello on the plain port": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "two lengths": post("content-length: 5", "content-length: 6", body=b"abcde"),
    "length and chunks": post("content-length: 5", "transfer-encoding: chunked", body=b"0\r\n\r\n"),
    "negative length": post("content-length: -5"),
    "length beyond any number": post("content-length: 99999999999999999999999"),
    "unknown transfer encoding": post("transfer-encoding: gzip"),
    "chunk longer than its size": post(
        "transfer-encoding: chunked", body=b"2\r\nabcdef\r\n0\r\n\r\n"
    ),
    "chunk size that is no number": post("transfer-encoding: chunked", body=b"zz\r\nab\r\n"),
    "one header too large": b"GET /v2/a HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
    "too many headers": b"GET /v2/a HTTP/1.1\r\n" + b"x-a: b\r\n" * 20_000 + b"\r\n",
    "path too long": b"GET /v2/" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    "headers without end": b"GET /v2/a HTTP/1.1\r\n" + b"x-a: b\r\n" * 500_000,
}


@pytest.mark.parametrize("packet", [pytest.param(v, id=k) for k, v in NO_HTTP.items()])
@pytest.mark.usefixtures("served")
def test_what_is_no_request_gets_amazons_400_and_the_end(amazon: WireClient, packet: bytes) -> None:
    with line_to(amazon.base_url) as line:
        # The server may stop listening once it has said no.
        with contextlib.suppress(ConnectionError):
            line.send(packet)
        refused(line.answer())
        assert line.is_ended()


UNUSUAL = {
    "HTTP/1.0": (b"GET /v2/charges/x HTTP/1.0\r\n\r\n", 400, "MissingHeader"),
    "absolute URI": (
        b"GET http://pay-api.amazon.jp/v2/charges/x HTTP/1.1\r\nhost: x\r\n\r\n",
        400,
        "MissingHeader",
    ),
    "no host": (b"GET /v2/charges/x HTTP/1.1\r\n\r\n", 400, "MissingHeader"),
    "escaped NUL": (b"GET /v2/charges/%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "MissingHeader"),
    "fragment": (b"GET /v2/charges/x#y HTTP/1.1\r\nhost: x\r\n\r\n", 400, "MissingHeader"),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 404, "ResourceNotFound"),
    "TRACE": (b"TRACE /v2/charges HTTP/1.1\r\nhost: x\r\n\r\n", 405, "RequestNotSupported"),
    "empty chunks": (
        post("transfer-encoding: chunked", body=b"0\r\n\r\n"),
        400,
        "MissingHeader",
    ),
    "unknown expectation": (post("expect: a-miracle"), 400, "MissingHeader"),
    "large body": (
        post(f"content-length: {2 << 20}", body=b"x" * (2 << 20)),
        400,
        "InvalidRequest",
    ),
    "a web socket": (
        GET[:-2] + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n",
        400,
        "MissingHeader",
    ),
}


@pytest.mark.parametrize(
    ("packet", "status", "reason"), [pytest.param(*v, id=k) for k, v in UNUSUAL.items()]
)
@pytest.mark.usefixtures("served")
def test_unusual_requests_are_answered_like_any(
    amazon: WireClient, packet: bytes, status: int, reason: str
) -> None:
    with line_to(amazon.base_url) as line:
        refused(line.say(packet), status, reason)


def test_head_has_the_headers_and_no_body(amazon: WireClient) -> None:
    with line_to(amazon.base_url) as line:
        got = line.say(GET.replace(b"GET", b"HEAD"), is_head=True)
        assert (got.status, got.body) == (405, b"")
        assert UUID.fullmatch(got.headers["x-amz-pay-request-id"])
        refused(line.say(GET), 400, "MissingHeader")


def test_an_upgrade_is_declined_and_the_client_told_to_come_again(amazon: WireClient) -> None:
    offer = b"connection: upgrade\r\nupgrade: h2c\r\n\r\n"
    with line_to(amazon.base_url) as line:
        got = line.say(GET[:-2] + offer)
        refused(got, 400, "MissingHeader")
        assert got.headers["connection"] == "close"
        assert line.is_ended()


def test_a_hundred_requests_at_once_are_answered_in_order(amazon: WireClient) -> None:
    paths = [f"/nowhere/{n}" for n in range(100)]
    with line_to(amazon.base_url) as line:
        line.send(b"".join(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for path in paths))
        for path in paths:
            assert f"[{path}]" in line.answer().json["message"]


def test_a_good_request_before_a_bad_one_is_answered_first(amazon: WireClient) -> None:
    with line_to(amazon.base_url) as line:
        line.send(GET + GET + b"\x00\x01 nonsense\r\n\r\n" + GET)
        for _ in range(2):
            refused(line.answer(), 400, "MissingHeader")
        refused(line.answer())
        assert line.is_ended()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(GET, "MissingHeader", id="after a whole request"),
        pytest.param(GET[:20], "InvalidRequest", id="within the headers"),
        pytest.param(post("content-length: 9", body=b"abc"), "InvalidRequest", id="in the body"),
    ],
)
def test_a_half_closed_socket_still_gets_its_answer(
    amazon: WireClient, sent: bytes, reason: str
) -> None:
    with line_to(amazon.base_url) as line:
        line.send(sent)
        line.socket.shutdown(socket.SHUT_WR)
        refused(line.answer(), 400, reason)
        assert line.is_ended()


def test_a_half_closed_socket_waits_for_a_slow_answer(amazon: WireClient) -> None:
    amazon.control("POST", "/faults", [{"operation": "*", "kind": "slow", "seconds": 0.5}])
    path = f"/v2/chargePermissions/{amazon.permission()}"
    with line_to(amazon.base_url) as line:
        line.send(signed_packet(amazon, "GET", path, b""))
        line.socket.shutdown(socket.SHUT_WR)
        assert line.answer().status == 200


def test_headers_and_body_byte_by_byte(amazon: WireClient, served: Callable[[], None]) -> None:
    packet = post("content-length: 60", body=b"{" + b" " * 58 + b"}")
    with line_to(amazon.base_url) as line:
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for position in range(len(packet)):
            line.send(packet[position : position + 1])
            if position % 40 == 0:
                served()
        refused(line.answer(), 400, "MissingHeader")


def test_more_connections_than_there_is_room_for(
    amazon: WireClient, served: Callable[[], None]
) -> None:
    address = urlsplit(amazon.base_url)
    hoard: list[socket.socket] = []
    starts = (b"", GET[:20], post("content-length: 9", body=b"abc"), GET)
    try:
        for n in range(protocol.MOST_CONNECTIONS + 400):
            held = socket.create_connection((address.hostname or "", address.port or 0), 15)
            held.sendall(starts[n % 4])
            hoard.append(held)
            if n % 200 == 0:
                served()
        served()
    finally:
        for held in hoard:
            held.close()


def test_answers_that_nobody_reads_hold_nobody_up(
    amazon: WireClient, served: Callable[[], None]
) -> None:
    with line_to(amazon.base_url) as line:
        line.socket.settimeout(0.5)
        # At last the server stops reading: it waits for us to read.
        with pytest.raises(TimeoutError):
            line.send(GET * 1_000_000)
        served()


def test_plain_http_on_the_tls_port(
    launch: Callable[..., tuple[Any, dict[str, Any]]], tmp_path: Path
) -> None:
    _, ready = launch(tmp_path, "--tls", "--throttle", "off")
    for words in (GET, b"\x16\x03\x01" + random.Random(1).randbytes(300), b""):
        with line_to(ready["base_url"], seconds=15) as line:
            line.send(words)
            line.socket.shutdown(socket.SHUT_WR)
            with pytest.raises(NoAnswer):
                line.answer()
    amazon = WireClient.of(ready)
    assert amazon.charge(amazon.permission()).status == 201
    amazon.close()
    context = ssl.create_default_context(cafile=ready["ca_file"])
    with line_to(ready["base_url"]) as line:
        line.socket = context.wrap_socket(line.socket, server_hostname="localhost")
        line.send(b"\x00 nonsense\r\n\r\n")
        refused(line.answer())
