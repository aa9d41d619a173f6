"""The fetchers: no redirects, no proxies, small files, one deadline, verified TLS, own machine."""

import asyncio
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress

import httpx
import pytest
from ipn_helpers import (
    HOST,
    KINDS,
    CountingFetcher,
    Deliveries,
    certificate_pem,
    make_certificate,
    notification,
    pem_of,
    signed,
    signing_key,
    vectors,
)

from amazonpay import InvalidArgument
from amazonpay.notifications import (
    AsyncHttpsCertificateFetcher,
    AsyncLocalCertificateFetcher,
    FetchFailed,
    HttpsCertificateFetcher,
    LocalCertificateFetcher,
    PinnedUrl,
    TryLater,
)

NAME = f"SimpleNotificationService-{'0' * 32}.pem"
URL = PinnedUrl(HOST, f"/{NAME}")
both = pytest.mark.parametrize("kind", KINDS)
HTTPS = {"sync": HttpsCertificateFetcher, "async": AsyncHttpsCertificateFetcher}
LOCAL = {"sync": LocalCertificateFetcher, "async": AsyncLocalCertificateFetcher}


def fetch(fetcher, url=URL):
    result = fetcher.fetch(url)
    return asyncio.run(result) if asyncio.iscoroutine(result) else result


def answered(kind, response):
    """A fetcher whose network gives this answer, and the list of its requests."""
    requests = []

    def handle(request):
        requests.append(request)
        return response

    return HTTPS[kind](transport=httpx.MockTransport(handle)), requests


@both
def test_the_file_comes_as_it_is(kind):
    fetcher, requests = answered(kind, httpx.Response(200, content=certificate_pem()))
    assert fetch(fetcher) == certificate_pem()
    [request] = requests
    assert (request.method, str(request.url)) == ("GET", str(URL))
    assert request.headers["host"] == HOST
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(
            httpx.Response(status, headers={"location": "https://example.test/x.pem"}),
            id=f"redirect {status}",
        )
        for status in (301, 302, 303, 307, 308)
    ]
    + [
        pytest.param(httpx.Response(404, content=certificate_pem()), id="404"),
        pytest.param(httpx.Response(500, content=certificate_pem()), id="500"),
        pytest.param(httpx.Response(206, content=certificate_pem()), id="partial"),
        pytest.param(httpx.Response(200, content=b"x" * 65_537), id="too long"),
        pytest.param(
            httpx.Response(200, headers={"content-encoding": "br"}, stream=httpx.ByteStream(b"x")),
            id="compressed",
        ),
    ],
)
@both
def test_any_other_answer_is_a_failure_and_is_not_followed(kind, response):
    fetcher, requests = answered(kind, response)
    with pytest.raises(FetchFailed):
        fetch(fetcher)
    assert len(requests) == 1


@both
def test_a_broken_network_is_a_failure(kind):
    def handle(request):
        raise httpx.ConnectError("refused")

    with pytest.raises(FetchFailed, match="ConnectError"):
        fetch(HTTPS[kind](transport=httpx.MockTransport(handle)))


@contextmanager
def peer(script, *, reads=True):
    """A server on loopback that plays `script(connection, request)`; gives URL and requests."""
    listener, requests = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    if reads:
                        requests.append(connection.recv(65536))
                    script(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def whole(content):
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(content)}\r\n\r\n".encode()
    return lambda connection: connection.sendall(head + content)


@both
def test_a_local_amazon_pay_serves_the_file_of_a_pinned_url(kind, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with peer(whole(certificate_pem())) as (base_url, requests):
        assert fetch(LOCAL[kind](base_url=base_url + "/")) == certificate_pem()
    assert requests[0].startswith(f"GET /__sns/{NAME} HTTP/1.1\r\n".encode())


@both
def test_envelopes_of_a_local_amazon_pay_pass_the_unchanged_host_rules(kind):
    with peer(whole(certificate_pem())) as (base_url, requests):
        fetcher = LocalCertificateFetcher(base_url=base_url)
        assert Deliveries(kind, fetcher).receive(signed(notification())).object_type == "CHARGE"
    assert len(requests) == 1


@pytest.mark.parametrize(
    "base_url",
    [
        "https://example.test",
        "http://192.168.0.1:8000",
        "http://0.0.0.0:8000",
        "http://127.0.0.1.example.test",
        "http://127.0.0.1@example.test",
        "http://user@127.0.0.1",
        "http://localhost.example.test",
        "http://localhost:80:80",
        "http://127.0.0.1/path",
        "http://127.0.0.1?x",
        "http://127.0.0.1\n",
        "ftp://127.0.0.1",
        "http://[::2]",
        "",
    ],
)
@both
def test_a_local_amazon_pay_is_on_this_machine(kind, base_url):
    with pytest.raises(InvalidArgument, match="base_url"):
        LOCAL[kind](base_url=base_url)


@pytest.mark.parametrize("base_url", ["http://localhost:1", "https://127.9.9.9", "http://[::1]:80"])
@both
def test_each_name_of_this_machine_will_do(kind, base_url):
    assert LOCAL[kind](base_url=base_url)


def drip(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n")
    for _ in range(40):
        connection.sendall(b"x")
        time.sleep(0.1)


@both
def test_the_deadline_holds_against_a_peer_that_drips(kind):
    with peer(drip) as (base_url, _):
        began = time.monotonic()
        with pytest.raises(FetchFailed):
            fetch(LOCAL[kind](base_url=base_url, deadline_seconds=0.4))
        assert time.monotonic() - began < 2


@both
def test_a_body_without_end_is_cut(kind):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    with peer(endless) as (base_url, _), pytest.raises(FetchFailed, match="longer"):
        fetch(LOCAL[kind](base_url=base_url))


@contextmanager
def tls_peer(folder):
    """The same over TLS, with a certificate for localhost that is its own CA; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files_for_localhost(folder))
    answer = whole(certificate_pem())

    def serve(connection):
        with context.wrap_socket(connection.dup(), server_side=True) as secure:
            secure.recv(65536)
            answer(secure)

    with peer(serve, reads=False) as (base_url, _):
        yield base_url.rpartition(":")[2]


def files_for_localhost(folder):
    # Years around the day of the vectors: TLS looks at the clock of the machine.
    certificate = make_certificate(signing_key(), name="localhost", days=(-3650, 36500))
    (folder / "ca.pem").write_bytes(pem_of(certificate))
    (folder / "key.pem").write_text(vectors()["privateKeyPkcs8Pem"])
    return folder / "ca.pem", folder / "key.pem"


@both
def test_tls_is_verified_by_the_given_ca_and_by_no_other(kind, tmp_path):
    with tls_peer(tmp_path) as port:
        base_url = f"https://localhost:{port}"
        given = LOCAL[kind](base_url=base_url, ca_file=tmp_path / "ca.pem")
        assert fetch(given) == certificate_pem()
        with pytest.raises(FetchFailed):
            fetch(LOCAL[kind](base_url=base_url))
        # The name counts too: the certificate is one for localhost.
        other_name = f"https://127.0.0.1:{port}"
        with pytest.raises(FetchFailed):
            fetch(LOCAL[kind](base_url=other_name, ca_file=tmp_path / "ca.pem"))


@both
def test_nobody_listens(kind):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(FetchFailed, match="no answer"):
        fetch(LOCAL[kind](base_url=f"http://127.0.0.1:{port}"))


@both
@pytest.mark.parametrize("options", [{"deadline_seconds": 0}, {"ca_file": "absent.pem"}], ids=str)
def test_settings_that_make_no_sense_are_refused(kind, options):
    for make in (HTTPS[kind], lambda **given: LOCAL[kind](base_url="http://localhost", **given)):
        with pytest.raises(InvalidArgument):
            make(**options)


def test_a_fetcher_of_ones_own_may_raise_anything():
    made = Deliveries("async", CountingFetcher(RuntimeError("a secret")))
    with pytest.raises(TryLater, match="RuntimeError") as refused:
        made.receive(signed(notification()))
    assert "secret" not in refused.value.reason
