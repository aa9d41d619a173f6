"""One local Amazon Pay per test session, emptied for each test; more on demand."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wire_client import WireClient

START = "2026-04-01T00:00:00Z"

Started = tuple[subprocess.Popen[str], dict[str, Any]]


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Started]]:
    """Starts a server with options of its own; it ends with the session at the latest."""
    running: list[subprocess.Popen[str]] = []

    def start(directory: Path, *options: str) -> Started:
        command = [sys.executable, "-m", "amazonpay.sandbox", "--dir", str(directory), "--json"]
        process = subprocess.Popen(
            [*command, "--with-parent", *options], stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture(scope="session")
def ready(
    launch: Callable[..., Started], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The ready line of the shared server, throttle off."""
    return launch(tmp_path_factory.mktemp("amazon"), "--throttle", "off")[1]


@pytest.fixture
def amazon(ready: dict[str, Any]) -> Iterator[WireClient]:
    """A client of the shared server, empty, at 2026-04-01 09:00 in Japan."""
    client = WireClient.of(ready)
    client.control("POST", "/reset", {"now": START})
    client.set_clock(START)
    yield client
    client.close()
