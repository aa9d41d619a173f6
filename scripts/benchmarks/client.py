"""The client against bare httpx: same server, same bytes, one kept connection each.

The peer is a process of its own that answers fixed bytes, so that it takes no time from either.
"""

import multiprocessing
import selectors
import socket
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from amazonpay import AmazonPayClient, Credentials, PrivateKey
from amazonpay.retries import NO_RETRIES
from scripts.benchmarks.figures import Figure, per_second

MOST_TIMES_HTTPX = 2
ROUNDS = 5
AT = datetime(2026, 4, 1, tzinfo=UTC)
BODY = b'{"chargePermissionId":"C03-1442027-5744374","chargeAmount":{"amount":"1500"}}'
CHARGE = (
    b'{"chargeId":"S03-5890444-1926095-C064126","chargePermissionId":"C03-1442027-5744374",'
    b'"chargeAmount":{"amount":"1500","currencyCode":"JPY"},"statusDetails":{"state":"Captured"}}'
)
ANSWER = (
    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"
    b"x-amz-pay-request-id: 00000000-0000-4000-8000-000000000000\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(CHARGE), CHARGE)
)

Call = Callable[[], object]


class _Unsigning(PrivateKey):
    """A key that costs nothing: what is left is the client itself."""

    __slots__ = ()

    def sign(self, data: bytes, *, salt_length: int) -> bytes:
        return b"\0" * 256


def measure(*, seconds: float) -> list[Figure]:
    """Create Charge by httpx, by the client with a key that costs nothing, and with a real one."""
    key = generate_private_key(public_exponent=65_537, key_size=2_048)
    with (
        _peer() as url,
        httpx.Client(trust_env=False) as bare,
        _client(url, _Unsigning(key)) as unsigned,
        _client(url, PrivateKey(key)) as signed,
    ):
        work = {
            "bare httpx": _bare(bare, url),
            "the client, signing left out": _create_charge(unsigned),
            "the client, signing included": _create_charge(signed),
        }
        return _figures(_rates(work, seconds=seconds))


def _figures(rates: dict[str, float]) -> list[Figure]:
    bare, unsigned, signed = rates
    return [
        *(
            Figure(name=f"Create Charge by {name}", value=rate, unit="per second")
            for name, rate in rates.items()
        ),
        Figure(
            name=f"time of {unsigned} ÷ time of {bare}",
            value=rates[bare] / rates[unsigned],
            unit="",
            required=MOST_TIMES_HTTPX,
            bound="at most",
        ),
        Figure(
            name=f"time of {signed} ÷ time of {bare}", value=rates[bare] / rates[signed], unit=""
        ),
    ]


def _rates(work: dict[str, Call], *, seconds: float) -> dict[str, float]:
    """Medians of rounds in turns, so that a slow moment of the machine hits all alike."""
    seen: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(ROUNDS):
        for name, call in work.items():
            seen[name].append(per_second(call, seconds=seconds / ROUNDS))
    return {name: statistics.median(rates) for name, rates in seen.items()}


def _client(url: str, key: PrivateKey) -> AmazonPayClient:
    return AmazonPayClient(
        credentials=Credentials(public_key_id="SANDBOX-BENCH", private_key=key),
        environment="sandbox",
        clock=lambda: AT,
        base_url=url,
        retries=NO_RETRIES,
        pacing=None,
    )


def _create_charge(client: AmazonPayClient) -> Call:
    return lambda: client.create_charge(BODY, idempotency_key="benchmark")


def _bare(client: httpx.Client, url: str) -> Call:
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "x-amz-pay-date": "20260401T000000Z",
        "x-amz-pay-host": url.removeprefix("http://"),
        "x-amz-pay-region": "jp",
        "x-amz-pay-idempotency-key": "benchmark",
        "accept-encoding": "identity",
        "user-agent": "benchmark",
        "authorization": "AMZN-PAY-RSASSA-PSS-V2 PublicKeyId=SANDBOX-BENCH, " + "A" * 450,
    }
    return lambda: client.post(f"{url}/v2/charges", content=BODY, headers=headers).json()


@contextmanager
def _peer() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer_forever, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()
        ours.close()
        theirs.close()


def _answer_forever(pipe: Connection) -> None:
    """Each connection that comes is kept; the clients are driven one after the other."""
    listener = socket.create_server(("127.0.0.1", 0))
    pipe.send(listener.getsockname()[1])
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, data=connection)
            elif not _answered(key.data):
                selector.unregister(key.data)
                key.data.close()


def _answered(connection: socket.socket) -> bool:
    """False when the peer hung up."""
    data = connection.recv(65_536)
    while data and not data.endswith(BODY):
        data += connection.recv(65_536)
    if data:
        connection.sendall(ANSWER)
    return bool(data)
