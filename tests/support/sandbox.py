"""A real local Amazon Pay for tests: one process on loopback, and its control surface over httpx.

What it offers is the control surface of amazonpay/sandbox: what a buyer or Amazon does, virtual
time, faults, the truth.
"""

import json
import shlex
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

START_SECONDS = 60
STOP_SECONDS = 10
PAGE_SIZE = 1_000

Row = dict[str, Any]


class SandboxDidNotStart(Exception):
    """The local Amazon Pay ended or stayed silent; the message holds what it wrote."""


class Sandbox:
    """One running local Amazon Pay and what a test may do to it."""

    def __init__(self, *, ready: Mapping[str, Any], process: subprocess.Popen[bytes]) -> None:
        self.base_url = ready["base_url"]
        self.control_url = ready["control_url"]
        self.merchant_id = ready["merchant_id"]
        self.store_id = ready["store_id"]
        self.ipn_topic_arn = ready["ipn_topic_arn"]
        self.public_key_id = ready["public_key_id"]
        self.private_key_file = Path(ready["private_key_file"])
        self.ca_file: str | None = ready["ca_file"]
        self.process = process
        # A proxy of the developer's shell must not stand between the tests and loopback.
        verify = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True
        self._http = httpx.Client(timeout=30, trust_env=False, verify=verify)

    def create_permissions(self, permissions: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Make consented recurring permissions, in order; each answer holds its id."""
        answer = self._call("POST", "/charge-permissions", body=list(permissions))
        made: list[Row] = answer["items"]
        return made

    def patch_permission(self, permission_id: str, **change: Any) -> Row:
        """What the buyer or Amazon does to a permission, e.g. `state="Closed"`."""
        answer: Row = self._call("PATCH", f"/charge-permissions/{permission_id}", body=change)
        return answer

    def clock(self) -> datetime:
        """The virtual time."""
        return datetime.fromisoformat(self._call("GET", "/clock")["now"])

    def set_clock(self, at: datetime) -> None:
        """Move the virtual time to an aware instant; timers fire in order."""
        self._call("POST", "/clock", body={"now": at.isoformat(), "force": True})

    def advance(self, seconds: int) -> None:
        """Let virtual time pass."""
        self._call("POST", "/clock", body={"advanceSeconds": seconds})

    def faults(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Add faults, e.g. `{"operation": "createCharge", "kind": "timeout_after", "times": 1}`."""
        self._call("POST", "/faults", body=list(faults))

    def clear_faults(self) -> None:
        """Let everything work again."""
        self._call("DELETE", "/faults")

    def charges(self) -> Iterator[Row]:
        """Every charge that Amazon would know, oldest page first."""
        return self._pages("/charges")

    def refunds(self) -> Iterator[Row]:
        """Every refund that Amazon would know."""
        return self._pages("/refunds")

    def permissions(self) -> Iterator[Row]:
        """Every charge permission, in whatever state."""
        return self._pages("/charge-permissions")

    def requests(self) -> Iterator[Row]:
        """The log of every API call, replays and refusals included."""
        return self._pages("/requests")

    def reset(self) -> None:
        """Empty it: no permissions, charges, faults or log. Its clock goes on where it is."""
        self._call("POST", "/reset")

    def end(self) -> None:
        """End the process and wait for it."""
        self._http.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _pages(self, path: str) -> Iterator[Row]:
        after: str | None = None
        while True:
            query = {"limit": PAGE_SIZE} | ({"after": after} if after is not None else {})
            page = self._call("GET", path, query=query)
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Any other call of the control surface, e.g. `call("POST", "/keys")`."""
        return self._call(method, path, body=body)

    def _call(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        answer = self._http.request(method, self.control_url + path, json=body, params=query)
        if answer.is_error:
            raise AssertionError(f"{method} {path} → {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None


class SandboxStarter:
    """Starts local Amazon Pays and ends, at the latest on leaving, those it started."""

    def __init__(self, *, new_folder: Callable[[], Path]) -> None:
        self._new_folder = new_folder
        self._running: list[Sandbox] = []

    def __call__(
        self,
        *,
        clock: datetime | None = None,
        throttle: str = "off",
        options: Iterable[str] = (),
    ) -> Sandbox:
        """A new process with its own keys; `clock` is where its virtual time begins.

        `options` are further words of its command line, such as `--tls`.
        """
        folder = self._new_folder()
        command = [
            *(sys.executable, "-m", "amazonpay.sandbox", "--dir", str(folder), "--port", "0"),
            *("--throttle", throttle, "--json", "--with-parent"),
            *options,
        ]
        if clock is not None:
            command += ["--clock", clock.isoformat()]
        output, errors = folder / "stdout.log", folder / "stderr.log"
        with output.open("wb") as out, errors.open("wb") as err:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        ready = _ready_line(process, shlex.join(command), output, errors)
        sandbox = Sandbox(ready=ready, process=process)
        self._running.append(sandbox)
        return sandbox

    def end(self, sandbox: Sandbox) -> None:
        """End one process before the session does."""
        self._running.remove(sandbox)
        sandbox.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._running:
            self._running.pop().end()


def _ready_line(
    process: subprocess.Popen[bytes], command: str, output: Path, errors: Path
) -> Mapping[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for line in output.read_text().splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                ready: Mapping[str, str] = json.loads(line)
                return ready
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise SandboxDidNotStart(
        f"`{command}` gave no ready line (exit code {process.returncode}).\n"
        f"{output.read_text()}{errors.read_text()}"
    )
