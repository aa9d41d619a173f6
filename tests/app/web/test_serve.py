"""`autopay serve` as a process: its words, its port, and how it ends."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from web_books import open_books

from app.commands.web import listen
from app.problems import Refused

START_SECONDS = 60
AUTOPAY = (sys.executable, "-c", "from app.cli import main; main()")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Settings of books that exist, for a process of its own."""
    url = f"sqlite:///{tmp_path / 'autopay.db'}"
    open_books(url).database.dispose()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOPAY_")}
    return kept | {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": "web",
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }


@contextmanager
def serving(
    environment: dict[str, str], folder: Path
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running server on a free port and the line it greets with."""
    with subprocess.Popen(
        [*AUTOPAY, "serve", "--port", "0"],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
            yield process, process.stdout.readline() if ready else ""
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_greets_serves_and_ends_cleanly(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    with serving(environment, tmp_path) as (process, greeting):
        found = re.fullmatch(
            r"Back office (http://127\.0\.0\.1:\d+/) — "
            r"log in as staff / (\S{16})  Ctrl-C ends it\n",
            greeting,
        )
        assert found, greeting
        with httpx.Client(base_url=found[1], trust_env=False) as client:
            assert client.get("/health").text == "ok"
            token = re.search(r'name="form_token" value="(\w+)"', client.get("/login").text)
            assert token
            form = {"form_token": token[1], "user": "staff", "password": found[2]}
            assert client.post("/login", data=form).headers["location"] == "/"
            page = client.get("/charges")
        assert page.status_code == 200
        assert "server" not in page.headers
        process.send_signal(getattr(signal, name))
        _, told = process.communicate(timeout=30)
        assert process.returncode == 0
        # The merchant has no keys: pages only, said once, in words.
        assert "only pages are served" in told
        assert "Traceback" not in told


@pytest.mark.slow
def test_a_taken_port_is_told_before_anything_starts(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with listen(host="127.0.0.1", port=0) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [*AUTOPAY, "serve", "--port", str(port)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stdout == ""
    told = f"autopay: port {port} is in use by another program; choose another with --port\n"
    assert ended.stderr == told


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        pytest.param("127.0.0.1", 70_000, "from 1 to 65535", id="port too large"),
        pytest.param("127.0.0.1", -1, "from 1 to 65535", id="negative port"),
        pytest.param("192.0.2.1", 0, "not an address of this machine", id="foreign address"),
        pytest.param("no host", 0, "no address to listen on", id="no address at all"),
    ],
)
def test_an_address_that_cannot_be_listened_on_is_refused(host: str, port: int, said: str) -> None:
    with pytest.raises(Refused, match=said):
        listen(host=host, port=port)


def test_a_listener_takes_connections_at_once() -> None:
    with (
        listen(host="127.0.0.1", port=0) as bound,
        socket.create_connection(bound.getsockname()[:2], timeout=5),
    ):
        pass
