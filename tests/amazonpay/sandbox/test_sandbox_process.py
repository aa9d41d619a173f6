"""The program: ready line, restart, port and directory in use, clean end, orphan's end."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from wire_client import WireClient

pytestmark = pytest.mark.slow

Launch = Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]
COMMAND = [sys.executable, "-m", "amazonpay.sandbox"]


def test_the_ready_line_and_the_key_file(launch: Launch, tmp_path: Path) -> None:
    _, ready = launch(tmp_path)
    assert list(ready) == [
        *("base_url", "control_url", "merchant_id", "store_id", "public_key_id"),
        *("private_key_file", "ca_file", "ipn_topic_arn", "checkout_script_url", "account_url"),
    ]
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ready["base_url"])
    assert re.fullmatch(r"SANDBOX-[A-Z0-9]{24}", ready["public_key_id"])
    assert ready["ca_file"] is None
    assert Path(ready["private_key_file"]).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_restart_finds_everything_again(
    launch: Launch, tmp_path: Path, number: signal.Signals
) -> None:
    process, ready = launch(tmp_path, "--throttle", "off", "--clock", "2026-04-01T00:00:00Z")
    amazon = WireClient.of(ready)
    amazon.advance(86_400)
    permission = amazon.permission(behaviour=["ok", "SoftDeclined"])
    first = amazon.charge(permission, 700, key="k1")
    pending = amazon.charge(permission, 100, key="k2", sim="CaptureInitiated").json["chargeId"]
    amazon.close()
    process.send_signal(number)
    assert process.wait(timeout=10) == (-9 if number == signal.SIGKILL else 0)
    _, again = launch(tmp_path, "--throttle", "off", "--clock", "2026-04-01T00:00:00Z")
    same = ("merchant_id", "store_id", "public_key_id", "private_key_file", "ipn_topic_arn")
    assert {name: again[name] for name in same} == {name: ready[name] for name in same}
    amazon = WireClient.of(again)
    amazon.date = "20260402T000010Z"
    assert amazon.charge(permission, 700, key="k1").raw == first.raw
    amazon.advance(30)
    state = amazon.api("GET", f"/charges/{pending}").json["statusDetails"]["state"]
    assert state == "Captured"
    assert amazon.charge(permission, 1, key="k3").reason == "SoftDeclined"
    assert amazon.charge(permission, 1, key="k4").status == 201
    amazon.close()


def refused(*options: str) -> str:
    """What a start that must fail says; exit code 1 and one line."""
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("--dir", str(tmp_path), "--port", str(port))
    assert str(port) in line
    assert "--port 0" in line


def test_a_directory_in_use_is_one_line(launch: Launch, tmp_path: Path) -> None:
    launch(tmp_path)
    assert "another local Amazon Pay" in refused("--dir", str(tmp_path))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        pytest.param("private_key.pem", "private_key.pem", id="key cut short"),
        pytest.param("state.db", "state.db", id="state is no database"),
    ],
)
def test_a_spoilt_directory_is_one_line(
    launch: Launch, tmp_path: Path, spoil: str, word: str
) -> None:
    process, _ = launch(tmp_path)
    process.terminate()
    process.wait(timeout=10)
    (tmp_path / spoil).write_bytes(b"-----BEGIN nothing")
    assert word in refused("--dir", str(tmp_path))


def test_live_ids_and_no_simulation_in_live(launch: Launch, tmp_path: Path) -> None:
    process, ready = launch(tmp_path, "--environment", "live")
    amazon = WireClient.of(ready)
    assert ready["public_key_id"].startswith("LIVE-")
    permission = amazon.permission()
    assert permission.startswith("B03-")
    body = amazon.charge(permission).json
    assert (body["chargeId"][:4], body["releaseEnvironment"]) == ("P03-", "Live")
    assert amazon.charge(permission, sim="SoftDeclined").reason == "InvalidHeaderValue"
    amazon.close()
    process.terminate()
    process.wait(timeout=10)
    assert "--environment live" in refused("--dir", str(tmp_path))


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    command = [*COMMAND, "--dir", str(tmp_path), "--json", "--with-parent"]
    script = (
        "import subprocess\n"
        f"child = subprocess.Popen({command!r}, stdout=subprocess.PIPE)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=30
    )
    child = int(parent.stdout)
    deadline = time.monotonic() + 5
    while _alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_without_json_it_speaks_to_people(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--dir", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(9)]
    process.terminate()
    assert process.wait(timeout=10) == 0
    process.stdout.close()
    assert "ready" in lines[0]
    assert any("control_url" in line and "/__control" in line for line in lines)


def test_bad_usage_is_exit_code_2() -> None:
    for options in (["--port", "x"], ["--clock", "2026-04-01"], ["--throttle", "some"]):
        done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=30)
        assert done.returncode == 2


def test_a_hanging_call_does_not_hold_up_the_end(launch: Launch, tmp_path: Path) -> None:
    process, ready = launch(tmp_path, "--throttle", "off")
    amazon = WireClient.of(ready, timeout=0.5)
    permission = amazon.permission()
    amazon.control("POST", "/faults", {"operation": "GetChargePermission", "kind": "timeout_after"})
    other = socket.create_connection(("127.0.0.1", int(ready["base_url"].rsplit(":", 1)[1])))
    other.sendall(b"POST /v2/charges HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
    with pytest.raises(TimeoutError):
        amazon.api("GET", f"/chargePermissions/{permission}")
    # A client that never finishes its body does not stop the others either.
    assert amazon.charge(permission).status == 201
    amazon.close()
    process.terminate()
    assert process.wait(timeout=5) == 0
    other.close()
