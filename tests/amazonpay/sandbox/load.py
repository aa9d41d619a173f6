"""Signed Create Charge calls as fast as they go, for the benchmark.

The calls are signed before the clock starts: what is measured is the server, not this client. It
speaks HTTP over bare sockets, because `http.client` costs more than the server under test.
"""

import json
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from wire_client import sign

from amazonpay.sandbox import consents
from amazonpay.sandbox.charges import create_charge
from amazonpay.sandbox.options import Options
from amazonpay.sandbox.rows import LoggedRequest, StoredAnswer
from amazonpay.sandbox.shapes import encode
from amazonpay.sandbox.store import Store
from amazonpay.sandbox.world import Request, World


def run_load(
    base_url: str,
    *,
    key: RSAPrivateKey,
    key_id: str,
    permission_ids: Sequence[str],
    calls: int,
    threads: int = 4,
    amount: int = 1,
    run: str = "load",
    date: str | None = None,
) -> float:
    """Answered Create Charge calls per second; raises when any answer is not 201.

    `run` makes the idempotency keys of this run its own (≤ 16 characters); every permission needs
    cap room for its share of `calls`. `date` is the virtual time, real time by default.
    """
    at = date or datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    packets = [
        _packet(
            base_url, key, key_id, permission_ids[n % len(permission_ids)], amount, f"{run}-{n}", at
        )
        for n in range(calls)
    ]
    failures: list[str] = []
    shares = [packets[n::threads] for n in range(threads)]
    workers = [threading.Thread(target=_drive, args=(base_url, s, failures)) for s in shares]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - began
    if failures:
        raise RuntimeError(f"{len(failures)} of {calls} calls failed, first: {failures[0]}")
    return calls / seconds


def _packet(
    base_url: str,
    key: RSAPrivateKey,
    key_id: str,
    permission_id: str,
    amount: int,
    idempotency_key: str,
    date: str,
) -> bytes:
    body = json.dumps(
        {
            "chargePermissionId": permission_id,
            "chargeAmount": {"amount": str(amount), "currencyCode": "JPY"},
            "captureNow": True,
            "merchantMetadata": {"merchantReferenceId": f"ref-{idempotency_key}"},
        }
    ).encode()
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-pay-date": date,
        "x-amz-pay-host": "pay-api.amazon.jp",
        "x-amz-pay-idempotency-key": idempotency_key,
        "x-amz-pay-region": "jp",
    }
    headers["authorization"] = sign(
        key, key_id=key_id, method="POST", path="/v2/charges", headers=headers, body=body
    )
    headers |= {"host": urlsplit(base_url).netloc, "content-length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return b"POST /v2/charges HTTP/1.1\r\n" + lines.encode() + b"\r\n" + body


def _drive(base_url: str, packets: Sequence[bytes], failures: list[str]) -> None:
    parts = urlsplit(base_url)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            connection.sendall(packet)
            answer = _answer(connection)
            if not answer.startswith(b"HTTP/1.1 201"):
                failures.append(answer.decode("utf-8", "replace"))


def _answer(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def fill(directory: Path, *, charges: int, permissions: int = 200) -> None:
    """Stores charges in the directory of a stopped server, by the server's own code."""
    store = Store(directory / "state.db")
    world = World(store=store, options=Options(amount_limit_yen=10**9), environment="sandbox")
    now = time.time_ns() // 1_000_000
    with store.transaction():
        rows = [consents.create(world, {}, now=now) for _ in range(permissions)]
        for n in range(charges):
            body = {
                "chargePermissionId": rows[n % permissions].id,
                "chargeAmount": {"amount": "1", "currencyCode": "JPY"},
                "captureNow": True,
                "merchantMetadata": {"merchantReferenceId": f"fill-{n}"},
            }
            request = Request(now=now, target_id="", body=body, idempotency_key=f"fill-{n}")
            answer = encode(create_charge(world, request).payload)
            store.keep_answer(f"fill-{n}", StoredAnswer(b"", 201, answer))
            line = LoggedRequest(
                now, "CreateCharge", f"fill-{n}", "0" * 64, 201, 0, None, None, str(n), None
            )
            store.log(line)
    store.close()
