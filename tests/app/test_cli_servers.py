"""Commands that listen: a port in use is one line; what starts, ends when it is told to."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator

import pytest
from cli_user import PROGRAM, User, refusal

pytestmark = pytest.mark.slow


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_serve_on_a_port_in_use(shop: User, taken_port: int) -> None:
    line = refusal(shop("serve", "--port", taken_port))
    assert f"port {taken_port} is in use" in line
    assert "--port" in line


def test_a_local_amazon_on_a_port_in_use(autopay: User, taken_port: int) -> None:
    line = refusal(autopay("sandbox", "--port", taken_port, "--dir", "amazon", "--json"))
    assert f"port {taken_port} " in line
    assert "choose another --port" in line


def test_a_demo_into_a_folder_of_somebody_else(shop: User) -> None:
    before = sorted(shop.folder.rglob("*"))
    assert "nothing in it was touched" in refusal(shop("demo", "--no-serve", "--dir", "var"))
    assert sorted(shop.folder.rglob("*")) == before


def test_the_local_amazon_says_where_it_is(autopay: User) -> None:
    command = [PROGRAM, "sandbox", "--port", "0", "--dir", "amazon", "--json", "--with-parent"]
    with subprocess.Popen(
        command, cwd=autopay.folder, env=autopay.environment({}), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) in (0, -signal.SIGTERM)
    assert {
        *("base_url", "control_url", "merchant_id", "store_id", "public_key_id"),
        *("private_key_file", "ca_file", "ipn_topic_arn"),
    } <= set(ready)


def test_serve_ends_when_it_is_told_to(shop: User) -> None:
    command = [PROGRAM, "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(
        command, cwd=shop.folder, env=shop.environment({}), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "http://127.0.0.1:" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
