"""Webhooks over real HTTP: verified by the receiver, no redirect, a deadline, no address inside."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest
from support.hook_receiver import HookReceiver, hook_receiver

from app.webhook_caller import HttpWebhookCaller, is_outside
from billing.deliveries import DeliveryResult, OutgoingWebhook
from billing.deliveries.signing import secret_text

SECRET = b"k" * 32
CANARY = b"canary-webhook-secret-0123456789"
BODY = '{"type":"charged","data":{"reference":"髙"}}'.encode()
SENT, LATER, GONE = DeliveryResult.SENT, DeliveryResult.LATER, DeliveryResult.GONE


@pytest.fixture
def receiver() -> Iterator[HookReceiver]:
    with hook_receiver() as running:
        running.secret = secret_text(SECRET)
        yield running


def webhook(url: str, **changes: Any) -> OutgoingWebhook:
    values: dict[str, Any] = {
        "delivery_id": 1,
        "tries": 1,
        "message_id": "msg_1",
        "endpoint": "shop",
        "url": url,
        "body": BODY,
        "secrets": (SECRET,),
    }
    return OutgoingWebhook(**(values | changes))


def called(url: str, *, seconds: float = 5.0, loopback: bool = True, **changes: Any) -> Any:
    caller = HttpWebhookCaller(loopback=loopback, deadline_seconds=seconds)
    return caller.call(webhook(url, **changes), at=datetime.now(UTC))


def test_a_receiver_verifies_what_it_is_sent(receiver: HookReceiver) -> None:
    outcome = called(receiver.url + "/hooks?shop=1")
    assert (outcome.result, outcome.detail) == (SENT, "204")
    ((path, headers, body),) = receiver.requests
    assert (path, body) == ("/hooks?shop=1", BODY)
    assert headers["content-type"] == "application/json"
    assert receiver.forged == 0
    assert list(receiver.taken) == ["msg_1"]


def test_a_receiver_with_the_old_secret_verifies_during_a_rotation(receiver: HookReceiver) -> None:
    assert called(receiver.url, secrets=(CANARY, SECRET)).result is SENT


def test_a_wrong_secret_and_an_old_timestamp_are_seen(receiver: HookReceiver) -> None:
    assert called(receiver.url, secrets=(CANARY,)).detail == "401"
    caller = HttpWebhookCaller(loopback=True)
    old = caller.call(webhook(receiver.url), at=datetime(2026, 1, 1, tzinfo=UTC))
    assert old.detail == "401"
    assert receiver.forged == 2


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, SENT),
        (202, SENT),
        (301, LATER),
        (307, LATER),
        (400, LATER),
        (404, LATER),
        (410, GONE),
        (429, LATER),
        (500, LATER),
        (503, LATER),
    ],
)
def test_what_an_answer_means(receiver: HookReceiver, status: int, result: DeliveryResult) -> None:
    receiver.answer = lambda n: status
    outcome = called(receiver.url)
    assert (outcome.result, outcome.detail) == (result, str(status))
    assert len(receiver.requests) == 1  # no redirect is followed


@pytest.mark.parametrize("drop", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n"])
def test_an_answer_that_drips_ends_at_the_deadline(drop: bytes) -> None:
    """One byte at a time keeps every single read in time; the total is what counts."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_drip, args=(listener, drop))
        thread.start()
        started = time.monotonic()
        outcome = called(f"http://127.0.0.1:{listener.getsockname()[1]}/", seconds=0.6)
        took = time.monotonic() - started
        thread.join()
    assert (outcome.result, outcome.detail) == (LATER, "no answer in time")
    assert took < 2


def _drip(listener: socket.socket, start: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.recv(65536)
            connection.sendall(start)
            for _ in range(100):
                connection.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            return


def test_a_huge_answer_is_not_taken_in() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        sent: list[int] = []
        thread = threading.Thread(target=_flood, args=(listener, sent))
        thread.start()
        outcome = called(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert outcome.result is SENT
    assert sum(sent) < 50_000_000


def _flood(listener: socket.socket, sent: list[int]) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
            for _ in range(50):
                sent.append(connection.send(b"x" * 1_000_000))
        except OSError:
            return


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        pytest.param("429 Slow down", "3600", 3600, id="too many"),
        pytest.param("503 Back soon", "120", 120, id="away"),
        pytest.param("429 Slow down", "99999999", 86_400, id="at most a day"),
        pytest.param("429 Slow down", "Wed, 21 Oct 2026 07:28:00 GMT", 0, id="a date is not read"),
        pytest.param("429 Slow down", "-5", 0, id="nonsense"),
        pytest.param("500 Broken", "3600", 0, id="not for a failure"),
    ],
)
def test_who_asks_to_wait_is_let_be(status: str, header: str, seconds: int) -> None:
    answer = f"HTTP/1.1 {status}\r\nRetry-After: {header}\r\ncontent-length: 0\r\n\r\n"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=_say, args=(listener, answer.encode()))
        thread.start()
        outcome = called(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert (outcome.result, outcome.wait_seconds) == (LATER, seconds)


def _say(listener: socket.socket, answer: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


def test_nobody_there_and_garbage_are_tried_again() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    assert called(f"http://127.0.0.1:{port}/").detail == "ConnectError"


# Addresses inside (server-side request forgery).

INSIDE = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"),
    *("240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1"),
    *("2002:a00:1::", "2001::1", "fec0::1", "3fff::1", "192.0.0.8", "192.88.99.1"),
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_known(address: str) -> None:
    assert not is_outside(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_an_address_outside_is_known(address: str) -> None:
    assert is_outside(ipaddress.ip_address(address))


@pytest.mark.parametrize("found", [["10.0.0.1"], ["8.8.8.8", "169.254.169.254"], ["::1"]])
def test_a_name_that_stands_for_an_address_inside_is_not_called(
    monkeypatch: pytest.MonkeyPatch, found: list[str]
) -> None:
    """One of several is enough: which one is connected to is not the name's to choose."""
    connects: list[object] = []
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in found]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    monkeypatch.setattr(socket, "create_connection", lambda *a, **_: connects.append(a))
    outcome = called("https://shop.example/hooks", loopback=False)
    assert (outcome.result, outcome.detail) == (LATER, "the address must not be called")
    assert connects == []


def test_what_was_judged_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose second look-up gives another address gains nothing by it."""
    looks: list[str] = []
    connects: list[object] = []

    def look(host: str, port: int, **_: object) -> list[Any]:
        looks.append(host)
        address = "8.8.8.8" if len(looks) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address: object, *_: object, **__: object) -> Any:
        connects.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look)
    monkeypatch.setattr(socket, "create_connection", connect)
    assert called("https://shop.example/", loopback=False).result is LATER
    assert connects == [("8.8.8.8", 443)]


def test_this_machine_only_where_it_is_allowed(receiver: HookReceiver) -> None:
    assert called(receiver.url, loopback=False).detail == "the address must not be called"
    assert receiver.requests == []


def test_secrets_are_in_no_log_and_no_detail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    outcome = called("http://127.0.0.1:9/", secrets=(CANARY,))
    said = caplog.text + repr(outcome) + repr(webhook("https://x.example/", secrets=(CANARY,)))
    assert "msg_1" in said
    assert CANARY.decode() not in said
    assert secret_text(CANARY) not in said
