"""Each kind of fault: what the client sees, and whether money moved."""

import http.client
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wire_client import WireClient, yen

from amazonpay.sandbox.faults import KINDS, NOTIFICATION_KINDS, Fault, Faults

pytestmark = pytest.mark.slow

LOST = (OSError, http.client.HTTPException)


def stored(amazon: WireClient) -> int:
    return len(amazon.control("GET", "/charges")["items"])


def last_line(amazon: WireClient) -> dict[str, Any]:
    line: dict[str, Any] = amazon.control("GET", "/requests")["items"][-1]
    return line


def set_fault(amazon: WireClient, kind: str, **more: Any) -> None:
    amazon.control("POST", "/faults", [{"operation": "createCharge", "kind": kind, **more}])


@pytest.mark.parametrize(
    ("kind", "error", "kept"),
    [
        ("reset_before", ConnectionResetError, 0),
        ("reset_after", ConnectionResetError, 1),
        ("cut_body", http.client.IncompleteRead, 1),
    ],
)
def test_a_connection_that_breaks(
    amazon: WireClient, kind: str, error: type[Exception], kept: int
) -> None:
    permission = amazon.permission()
    set_fault(amazon, kind)
    with pytest.raises(error):
        amazon.charge(permission, key="k1")
    assert stored(amazon) == kept
    assert last_line(amazon)["fault"] == kind
    # The same key finds out: it is done now, or was done before, and only once.
    assert amazon.charge(permission, key="k1").status == 201
    assert stored(amazon) == 1
    assert last_line(amazon)["replayed"] is bool(kept)


@pytest.mark.parametrize(("kind", "kept"), [("timeout_before", 0), ("timeout_after", 1)])
def test_an_answer_that_never_comes(amazon: WireClient, kind: str, kept: int) -> None:
    permission = amazon.permission()
    set_fault(amazon, kind)
    amazon.close()
    amazon.timeout = 0.3
    with pytest.raises(TimeoutError):
        amazon.charge(permission, key="k1")
    assert stored(amazon) == kept
    assert last_line(amazon)["status"] is None
    assert amazon.charge(permission, key="k1").status == 201
    assert stored(amazon) == 1


def test_a_silence_ends_in_a_reset(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "timeout_before", seconds=0.2)
    began = time.monotonic()
    with pytest.raises(ConnectionResetError):
        amazon.charge(permission)
    assert 0.2 <= time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("kind", "status", "reason", "kept"),
    [
        ("500_before", 500, "InternalServerError", 0),
        ("500_after", 500, "InternalServerError", 1),
        ("503", 503, "ServiceUnavailable", 0),
        ("429", 429, "TooManyRequests", 0),
        ("processing_failure", 500, "ProcessingFailure", 0),
        ("processing_failure_but_charged", 500, "ProcessingFailure", 1),
    ],
)
def test_an_error_answer(
    amazon: WireClient, kind: str, status: int, reason: str, kept: int
) -> None:
    permission = amazon.permission()
    set_fault(amazon, kind)
    got = amazon.charge(permission, 700, key="k1")
    assert (got.status, got.reason) == (status, reason)
    assert stored(amazon) == kept
    assert (last_line(amazon)["status"], last_line(amazon)["fault"]) == (status, kind)
    limits = amazon.api("GET", f"/chargePermissions/{permission}").json["limits"]
    assert limits["amountBalance"] == yen(100_000 - 700 * kept)
    assert amazon.charge(permission, 700, key="k1").status == 201
    assert stored(amazon) == 1


def test_garbage_with_a_good_status(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "garbage")
    got = amazon.charge(permission, key="k1")
    assert got.status == 201
    with pytest.raises(UnicodeDecodeError):
        _ = got.json
    assert amazon.charge(permission, key="k1").json["chargePermissionId"] == permission
    assert stored(amazon) == 1


def test_a_slow_answer(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "slow", seconds=0.2)
    began = time.monotonic()
    assert amazon.charge(permission).status == 201
    assert time.monotonic() - began >= 0.2


def test_a_fault_strikes_as_often_as_told_and_after_as_many_as_told(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "503", times=2, after=1)
    assert [amazon.charge(permission, 1).status for _ in range(5)] == [201, 503, 503, 201, 201]
    assert amazon.control("GET", "/faults") == []


def test_a_fault_strikes_its_own_operation_only(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "503")
    assert amazon.api("GET", f"/chargePermissions/{permission}").status == 200
    amazon.control("POST", "/faults", {"operation": "*", "kind": "429"})
    assert amazon.api("GET", f"/chargePermissions/{permission}").status == 429
    assert amazon.charge(permission).status == 503


def test_faults_are_forgotten_when_told(amazon: WireClient) -> None:
    set_fault(amazon, "503", times=100)
    assert amazon.control("DELETE", "/faults") == []
    assert amazon.charge(amazon.permission()).status == 201


def test_a_refused_call_uses_up_no_fault(amazon: WireClient) -> None:
    permission = amazon.permission()
    set_fault(amazon, "503")
    assert amazon.api("POST", "/charges", {}).reason == "MissingHeader"
    assert amazon.charge(permission).status == 503


def test_probability_repeats_with_its_seed() -> None:
    runs = []
    for seed in (1, 1, 2):
        faults = Faults(seed=seed)
        faults.add([Fault(operation="*", kind="503", times=None, probability=0.5)])
        runs.append([faults.take("CreateCharge") is not None for _ in range(64)])
    assert runs[0] == runs[1] != runs[2]
    assert 16 < sum(runs[0]) < 48


def test_faults_strike_over_tls_too(
    launch: Callable[..., tuple[object, dict[str, Any]]], tmp_path: Path
) -> None:
    _, ready = launch(tmp_path, "--tls", "--throttle", "off")
    amazon = WireClient.of(ready)
    assert ready["base_url"].startswith("https://127.0.0.1:")
    permission = amazon.permission()
    set_fault(amazon, "reset_after")
    with pytest.raises(LOST):
        amazon.charge(permission, key="k1")
    set_fault(amazon, "cut_body")
    with pytest.raises(LOST):
        amazon.charge(permission, key="k2")
    assert amazon.charge(permission, key="k1").status == 201
    assert stored(amazon) == 2
    amazon.close()


def test_the_kinds_are_those_of_the_contract() -> None:
    assert set(KINDS) == {
        *("timeout_before", "timeout_after", "reset_before", "reset_after", "cut_body"),
        *("500_before", "500_after", "503", "429", "slow", "garbage"),
        *("processing_failure", "processing_failure_but_charged"),
    }
    assert set(NOTIFICATION_KINDS) == {"drop", "duplicate", "delay", "reorder", "forge"}
