"""Real sockets: cut, slow, silent, lying and oversized peers all end as an unknown outcome."""

import asyncio
import socket
import time

import pytest
from scripted_server import BODY, ScriptedServer, answer
from wire_helpers import CHARGE_ID, KINDS, NOW, call, create, throwaway_key

from amazonpay import (
    AmazonPayClient,
    AsyncAmazonPayClient,
    CancelCharge,
    Credentials,
    UnknownOutcome,
    transport_named,
)
from amazonpay.retries import RetryPolicy

both_clients = pytest.mark.parametrize("kind", [*KINDS, "fast"])


def hang_up(connection):
    connection.shutdown(socket.SHUT_RDWR)


@both_clients
def test_a_whole_answer_is_read(kind):
    with ScriptedServer(lambda connection: connection.sendall(answer())) as server:
        charge = call(kind, create, base_url=server.url)
    assert charge.charge_amount_yen == 1500
    assert len(server.requests) == 1


@both_clients
@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(answer(), id="with a length"),
        pytest.param(
            b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\r\n" + BODY,
            id="until the connection ends",
        ),
        pytest.param(
            b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n"
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY),
            id="chunked",
        ),
        pytest.param(
            answer("422 Unprocessable", b'{"reasonCode":"HardDeclined","message":"declined"}'),
            id="a decline",
        ),
    ],
)
def test_an_answer_cut_at_any_byte_is_unknown(kind, whole):
    offsets = iter(range(len(whole)))

    def script(connection):
        connection.sendall(whole[: next(offsets)])
        hang_up(connection)

    with ScriptedServer(script) as server:
        for offset in range(len(whole)):
            with pytest.raises(UnknownOutcome):
                call(kind, create, base_url=server.url)
            assert len(server.requests) == offset + 1  # sent once, never again by itself


def dribble(server, whole, *, at_once):
    def script(connection):
        connection.sendall(whole[:at_once])
        for byte in whole[at_once:]:
            server.pause(0.1)
            connection.sendall(bytes([byte]))

    return script


@both_clients
@pytest.mark.parametrize(
    ("at_once", "whole"),
    [
        pytest.param(0, answer(), id="from the first header byte"),
        pytest.param(len(answer()) - len(BODY), answer(), id="in the body"),
        pytest.param(0, b"HTTP/1.1 100 Continue\r\n\r\n" * 99, id="endless 100 Continue"),
    ],
)
def test_one_byte_at_a_time_ends_at_the_total_deadline(kind, at_once, whole):
    with ScriptedServer(hang_up) as server:
        server.script = dribble(server, whole, at_once=at_once)
        started = time.monotonic()
        with pytest.raises(UnknownOutcome):
            call(kind, create, base_url=server.url, deadline_seconds=0.4)
        assert 0.35 < time.monotonic() - started < 1.5


@both_clients
def test_silence_ends_at_the_deadline(kind):
    with ScriptedServer(hang_up) as server:
        server.script = lambda _: server.pause(30)
        started = time.monotonic()
        with pytest.raises(UnknownOutcome):
            call(kind, create, base_url=server.url, deadline_seconds=0.3)
        assert time.monotonic() - started < 1.5


@both_clients
def test_a_tls_handshake_that_never_answers_ends_at_the_deadline(kind):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(UnknownOutcome):
            call(kind, create, base_url=base_url, deadline_seconds=0.3)
        assert time.monotonic() - started < 1.5


@both_clients
def test_nobody_listening_is_unknown(kind):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnknownOutcome):
        call(kind, create, base_url=f"http://127.0.0.1:{port}")


@both_clients
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="another protocol"),
        pytest.param(b"\x00" * 500, id="zeros"),
        pytest.param(b"HTTP/1.1 abc Created\r\n\r\n", id="no status"),
        pytest.param(answer(body=b"\xff" * 40), id="not UTF-8"),
        pytest.param(
            answer("201 Created", BODY, "content-encoding: gzip"), id="an encoding nobody asked for"
        ),
        pytest.param(answer(body=b"{" + b" " * 1_000_000 + b"}"), id="more than 1 MB"),
        pytest.param(answer("201 Created", BODY, "x: " + "y" * 200_000), id="a huge header"),
        pytest.param(
            b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}",
            id="two lengths",
        ),
    ],
)
def test_a_peer_that_talks_nonsense_is_unknown(kind, reply):
    def script(connection):
        connection.sendall(reply)
        hang_up(connection)

    with ScriptedServer(script) as server, pytest.raises(UnknownOutcome) as caught:
        call(kind, create, base_url=server.url)
    assert caught.value.reason_code is None


@both_clients
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(kind, status):
    with ScriptedServer(hang_up) as server:
        location = f"location: {server.url}/elsewhere"
        server.script = lambda connection: connection.sendall(answer(status, b"{}", location))
        with pytest.raises(UnknownOutcome, match="30"):
            call(kind, create, base_url=server.url)
    assert len(server.requests) == 1


@both_clients
def test_proxy_settings_of_the_environment_are_not_read(kind, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    with ScriptedServer(lambda connection: connection.sendall(answer())) as server:
        assert call(kind, create, base_url=server.url)


CALLS = 50


def sync_calls(url):
    with AmazonPayClient(**OPTIONS, base_url=url) as client:
        for _ in range(CALLS):
            create(client)


def fast_calls(url):
    with AmazonPayClient(**OPTIONS, base_url=url, transport=transport_named("fast")) as client:
        for _ in range(CALLS):
            create(client)


def async_calls(url):
    async def run():
        async with AsyncAmazonPayClient(**OPTIONS, base_url=url) as client:
            for _ in range(CALLS):
                await create(client)

    asyncio.run(run())


OPTIONS = {
    "credentials": Credentials(public_key_id="SANDBOX-A", private_key=throwaway_key()),
    "environment": "sandbox",
    "clock": lambda: NOW,
    "pacing": None,
}


@pytest.mark.parametrize("calls", [sync_calls, async_calls, fast_calls])
def test_one_connection_serves_many_calls_and_keeps_no_cookie(calls):
    reply = answer("201 Created", BODY, "set-cookie: session=1; Path=/")
    with ScriptedServer(lambda connection: connection.sendall(reply)) as server:
        calls(server.url)
        assert server.connections == 1
    assert len(server.requests) == CALLS
    assert not any(b"cookie" in request.lower() for request in server.requests)
    bodies = {request.partition(b"\r\n\r\n")[2] for request in server.requests}
    assert len(bodies) == 1


AT_ONCE = RetryPolicy(max_tries=5, first_wait_ms=0, longest_wait_ms=0)


@both_clients
def test_a_cut_try_is_repeated_on_a_fresh_connection(kind):
    with ScriptedServer(hang_up) as server:

        def script(connection):
            connection.sendall(answer()) if len(server.requests) > 2 else hang_up(connection)

        server.script = script
        assert call(kind, create, base_url=server.url, retries=AT_ONCE).charge_amount_yen == 1500
    assert len(server.requests) == 3
    assert len({request.partition(b"\r\n\r\n")[2] for request in server.requests}) == 1


@both_clients
def test_the_deadline_is_for_all_tries_together(kind):
    with ScriptedServer(hang_up) as server:

        def script(connection):
            server.pause(0.25)  # each try is shorter than the deadline, two are not
            hang_up(connection)

        server.script = script
        started = time.monotonic()
        with pytest.raises(UnknownOutcome) as caught:
            call(kind, create, base_url=server.url, retries=AT_ONCE, deadline_seconds=0.4)
        assert 0.35 < time.monotonic() - started < 1.5
    assert caught.value.tries == 2


@both_clients
def test_when_nobody_listens_even_a_cancellation_is_tried_again(kind):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    def cancel(client):
        return client.cancel_charge(CHARGE_ID, CancelCharge(cancellation_reason="x"))

    with pytest.raises(UnknownOutcome) as caught:
        call(kind, cancel, base_url=f"http://127.0.0.1:{port}", retries=AT_ONCE)
    assert caught.value.tries == 5  # no byte left: nothing could happen twice


@both_clients
def test_a_cancellation_that_was_cut_is_not_tried_again(kind):
    def cancel(client):
        return client.cancel_charge(CHARGE_ID, CancelCharge(cancellation_reason="x"))

    with ScriptedServer(hang_up) as server, pytest.raises(UnknownOutcome) as caught:
        call(kind, cancel, base_url=server.url, retries=AT_ONCE)
    assert caught.value.tries == len(server.requests) == 1
