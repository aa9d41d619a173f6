"""When a notification is tried again, what waits over a restart, and who waits for whom."""

import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from ipn_fixtures import (  # noqa: F401 - fixtures
    deliveries,
    flush,
    listener_fixture,
    receiver_fixture,
)
from ipn_receiver import Receiver, receiving
from wire_client import WireClient

from amazonpay.sandbox.notifications import outbox
from amazonpay.sandbox.store import Store

pytestmark = pytest.mark.slow

Launch = Callable[..., tuple[Any, dict[str, Any]]]


def closed(amazon: WireClient) -> str:
    """A permission whose end is notified."""
    permission = amazon.permission()
    amazon.control("PATCH", f"/charge-permissions/{permission}", {"state": "Closed"})
    return permission


def states(amazon: WireClient) -> list[str]:
    return [row["state"] for row in deliveries(amazon)]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((200, "delivered"), (204, "delivered"), (301, "refused"), (307, "refused")),
        *((400, "refused"), (403, "refused"), (429, "refused")),
    ],
)
def test_a_definite_answer_is_not_asked_for_again(
    amazon: WireClient,
    receiver: Receiver,
    status: int,
    state: str,
) -> None:
    receiver.answer = lambda _: status
    closed(amazon)
    assert flush(amazon) == 0
    amazon.advance(4 * 3600)
    flush(amazon)
    assert len(receiver.arrivals) == 1
    (row,) = deliveries(amazon)
    assert (row["state"], row["nextTryAt"]) == (state, None)
    assert [try_["status"] for try_ in row["attempts"]] == [status]


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_is_tried_again_hourly_for_three_hours(
    amazon: WireClient,
    receiver: Receiver,
    status: int,
) -> None:
    receiver.answer = lambda _: status
    closed(amazon)
    counts = []
    for _ in range(5):
        flush(amazon)
        counts.append(len(receiver.arrivals))
        amazon.advance(3540)
        flush(amazon)
        counts.append(len(receiver.arrivals))
        amazon.advance(60)
    # Never before the hour is over; the fourth try is the last.
    assert counts == [1, 1, 2, 2, 3, 3, 4, 4, 4, 4]
    assert states(amazon) == ["lost"]
    assert len({arrival.body for arrival in receiver.arrivals}) == 1


def test_a_retry_that_is_taken_ends_it(amazon: WireClient, receiver: Receiver) -> None:
    receiver.answer = lambda _: 200 if len(receiver.arrivals) == 3 else 500
    closed(amazon)
    flush(amazon)
    # A jump over all retries makes each of them, as with every other timer.
    amazon.advance(24 * 3600)
    flush(amazon)
    (row,) = deliveries(amazon)
    assert [attempt["status"] for attempt in row["attempts"]] == [500, 500, 200]
    assert (len(receiver.arrivals), row["state"]) == (3, "delivered")


def test_nobody_there_is_tried_again_and_delivered_when_somebody_is(amazon: WireClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    amazon.control("POST", "/ipn/endpoints", {"url": f"http://127.0.0.1:{port}/"})
    permission = closed(amazon)
    flush(amazon)
    (row,) = deliveries(amazon)
    assert (row["state"], row["attempts"][0]["error"]) == ("waiting", "ConnectError")
    with receiving(port=port) as late:
        amazon.advance(3600)
        assert late.wait_for(1)[0].told[1] == permission
    amazon.control("DELETE", "/ipn/endpoints")
    flush(amazon)


def test_messages_go_in_order_of_their_instants(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    permission = amazon.permission(amountLimit=10**9)
    early = amazon.charge(permission, sim="CaptureInitiated").json["chargeId"]
    amazon.advance(20)
    late = amazon.charge(permission, sim="CaptureInitiated").json["chargeId"]
    at_once = amazon.charge(permission).json["chargeId"]
    amazon.advance(3600)
    flush(amazon)
    assert [said[1] for said in receiver.told] == [at_once, early, late]


def test_a_flood_stays_in_order_and_small(
    amazon: WireClient,
    receiver: Receiver,
    ready: dict[str, Any],
) -> None:
    process = next(
        p
        for p in psutil.Process().children(recursive=True)
        if any(
            c.laddr.port == int(ready["base_url"].rsplit(":", 1)[1]) for c in p.net_connections()
        )
    )
    ids = []
    for _ in range(4):
        rows = amazon.control("POST", "/charge-permissions", [{} for _ in range(500)])["items"]
        ids += [row["chargePermissionId"] for row in rows]
    before = process.memory_info().rss
    # All expire in one step of the clock: two thousand events between two calls.
    amazon.advance(400 * 86_400)
    receiver.wait_for(2_000, seconds=60)
    assert flush(amazon) == 0
    assert [said[1] for said in receiver.told] == ids
    assert process.memory_info().rss - before < 30_000_000
    assert set(states(amazon)) == {"delivered"}


def test_no_look_at_what_waits_scans_a_table(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    asked: list[str] = []
    outbox.put_endpoint(store, "http://127.0.0.1:9/", style={}, now=0)
    outbox.publish(store, outbox.Notice(object_id="x"), style={}, now=5)
    store.connection.set_trace_callback(asked.append)
    assert outbox.soonest(store) == 5
    assert outbox.next_due(store, 1, now=5) is not None
    assert not outbox.is_holding(store, 1)
    outbox.date_messages(store, now=5)
    store.connection.set_trace_callback(None)
    asked = [query for query in asked if not query.startswith("--")]
    assert len(asked) == 4
    for query in asked:
        plan = store.connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        steps = [row[3] for row in plan if "ipn_endpoints" not in row[3]]
        assert all("USING" in step or "SUBQUERY" in step for step in steps), (query, plan)
        assert not any("TEMP B-TREE" in step for step in steps), (query, plan)
    store.close()


def test_a_slow_endpoint_holds_up_neither_calls_nor_other_endpoints(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    amazon.control("POST", "/ipn/endpoints", {"url": url})
    permission = amazon.permission()
    began = time.monotonic()
    for _ in range(20):
        assert amazon.charge(permission, 1).status == 201
    receiver.wait_for(20)
    # The silent one would be waited for fifteen seconds, per message.
    assert time.monotonic() - began < 12
    assert amazon.control("POST", "/ipn/flush", {"timeoutSeconds": 0})["flushed"] is False
    silent.close()


def test_one_request_at_a_time_goes_to_an_endpoint(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    under_way, most = [0], [0]

    def answer(_: object) -> int:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        time.sleep(0.01)
        under_way[0] -= 1
        return 200

    receiver.answer = answer
    for _ in range(10):
        closed(amazon)
    flush(amazon)
    assert (len(receiver.arrivals), most[0]) == (10, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_waits_is_delivered_after_a_restart(
    launch: Launch, tmp_path: Path, number: signal.Signals
) -> None:
    with receiving() as there:
        there.answer = lambda _: 503
        options = ("--throttle", "off", "--ipn-url", there.url)
        process, ready = launch(tmp_path, *options)
        amazon = WireClient.of(ready)
        permissions = [closed(amazon) for _ in range(3)]
        flush(amazon)
        bodies = [arrival.body for arrival in there.arrivals]
        amazon.close()
        process.send_signal(number)
        process.wait(timeout=10)
        there.forget()
        _, again = launch(tmp_path, *options)
        amazon = WireClient.of(again)
        assert len(amazon.control("GET", "/ipn/endpoints")["items"]) == 1
        amazon.advance(3600)
        there.wait_for(3)
        assert [said[1] for said in there.told] == permissions
        # The same envelopes to the byte: ids, signature and certificate are on disk.
        assert [arrival.body for arrival in there.arrivals] == bodies
        amazon.close()


def test_events_of_a_stopped_server_are_sent_when_it_starts(launch: Launch, tmp_path: Path) -> None:
    with receiving() as there:
        process, ready = launch(tmp_path, "--throttle", "off", "--ipn-url", there.url)
        amazon = WireClient.of(ready)
        charge = amazon.charge(amazon.permission(), sim="CaptureInitiated").json["chargeId"]
        amazon.close()
        process.kill()
        process.wait(timeout=10)
        # A minute passes while it is down.
        store = Store(tmp_path / "state.db")
        store.put_meta("clock_offset_ms", "60000")
        store.close()
        launch(tmp_path, "--throttle", "off")
        assert there.wait_for(1)[0].told == ("CHARGE", charge, "STATE_CHANGE")


def test_a_removed_endpoint_gets_nothing_any_more(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    receiver.answer = lambda _: 503
    closed(amazon)
    flush(amazon)
    amazon.control("DELETE", "/ipn/endpoints")
    assert states(amazon) == ["abandoned"]
    amazon.advance(4 * 3600)
    closed(amazon)
    flush(amazon)
    assert len(receiver.arrivals) == 1


def test_a_reset_while_a_delivery_is_under_way_touches_no_later_one(
    amazon: WireClient,
    receiver: Receiver,
) -> None:
    receiver.answer = lambda _: time.sleep(0.3) or 503
    closed(amazon)
    receiver.wait_for(1)
    amazon.control("POST", "/reset")
    receiver.answer = lambda _: 200
    closed(amazon)
    flush(amazon)
    assert states(amazon) == ["delivered"]
