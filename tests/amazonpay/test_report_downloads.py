"""Reports are fetched from their signed link: at once, in full, without our signature."""

import httpx
import pytest
from client_samples import DOCUMENT
from scripted_server import ScriptedServer, answer
from wire_helpers import KINDS, call

from amazonpay import AmazonPayError, DownloadFailed, InvalidArgument

both_clients = pytest.mark.parametrize("kind", KINDS)
CONTENT = "SellerId\tA1\r\n四月\r\n".encode()
LINK = "https://reports.example.com/file?signature=SECRET"


class Reports:
    """Answers Get Report Document with a link, and the link with `response`."""

    def __init__(self, response=None, *, link=LINK):
        self.response = response or httpx.Response(200, content=CONTENT)
        self.link = link
        self.fetched = []

    def __call__(self, request):
        if request.url.path == "/v2/report-documents/doc-1":
            return httpx.Response(200, json=DOCUMENT | {"url": self.link})
        self.fetched.append(request)
        return self.response


def fetch(kind, reports, **options):
    return call(kind, lambda c: c.download_report_document("doc-1", **options), handler=reports)


def save(kind, reports, path, **options):
    return call(
        kind, lambda c: c.save_report_document("doc-1", path=path, **options), handler=reports
    )


@both_clients
def test_the_bytes_as_they_are(kind):
    reports = Reports()
    assert fetch(kind, reports) == CONTENT
    (request,) = reports.fetched
    assert (request.method, str(request.url)) == ("GET", LINK)


@both_clients
def test_nothing_of_ours_goes_to_the_other_host(kind):
    reports = Reports()
    fetch(kind, reports)
    (request,) = reports.fetched
    assert set(request.headers) == {"host", "accept-encoding", "user-agent"}
    assert request.headers["host"] == "reports.example.com"
    assert request.content == b""


@both_clients
def test_a_file_appears_whole_and_only_for_its_owner(kind, tmp_path):
    path = tmp_path / "settlement.txt"
    path.write_bytes(b"older")
    assert save(kind, Reports(), path) == len(CONTENT)
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


BAD_RESPONSES = [
    pytest.param(httpx.Response(403, content=b"<Error>expired"), "answered 403", id="too late"),
    pytest.param(httpx.Response(302, headers={"location": LINK}), "answered 302", id="redirect"),
    pytest.param(httpx.Response(206, content=CONTENT), "answered 206", id="a part"),
    pytest.param(httpx.Response(204), "answered 204", id="nothing"),
    pytest.param(httpx.Response(500), "answered 500", id="server fault"),
    pytest.param(
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"x")),
        "gzip",
        id="compressed",
    ),
    pytest.param(
        httpx.Response(200, headers={"content-length": "99"}, stream=httpx.ByteStream(CONTENT)),
        "of 99 bytes",
        id="cut short",
    ),
]


@both_clients
@pytest.mark.parametrize(("response", "says"), BAD_RESPONSES)
def test_what_is_not_the_document(kind, response, says, tmp_path):
    path = tmp_path / "settlement.txt"
    path.write_bytes(b"older")
    with pytest.raises(DownloadFailed, match=says) as caught:
        save(kind, Reports(response), path)
    assert "SECRET" not in str(caught.value)
    assert isinstance(caught.value, AmazonPayError)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@both_clients
@pytest.mark.parametrize(("limit", "fits"), [(len(CONTENT), True), (len(CONTENT) - 1, False)])
@pytest.mark.parametrize("announced", [True, False])
def test_the_size_is_limited(kind, limit, fits, announced):
    headers = {"content-length": str(len(CONTENT))} if announced else {}
    response = httpx.Response(200, headers=headers, stream=httpx.ByteStream(CONTENT))
    if fits:
        assert fetch(kind, Reports(response), max_bytes=limit) == CONTENT
        return
    with pytest.raises(DownloadFailed, match="larger than max_bytes"):
        fetch(kind, Reports(response), max_bytes=limit)


LINKS = [
    "http://reports.example.com/file",
    "http://localhost.example.com/file",
    "ftp://127.0.0.1/file",
    "file:///etc/passwd",
    "//reports.example.com/file",
    "/file",
    "https://",
    "https://user:SECRET@reports.example.com/",
    "https://reports.example.com:99999999/",
    "not a link",
]


@both_clients
@pytest.mark.parametrize("link", LINKS)
def test_a_link_that_must_not_be_followed(kind, link):
    reports = Reports(link=link)
    with pytest.raises(DownloadFailed) as caught:
        fetch(kind, reports)
    assert not reports.fetched
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:8080/f", "http://localhost/f", "http://[::1]/f"]
)
def test_plain_http_to_this_machine(link):
    assert fetch("sync", Reports(link=link)) == CONTENT


@both_clients
@pytest.mark.parametrize(
    "options", [{"max_bytes": 0}, {"max_bytes": 1.5}, {"max_bytes": True}, {"deadline_seconds": 0}]
)
def test_limits_that_make_no_sense(kind, options):
    with pytest.raises(InvalidArgument) as caught:
        fetch(kind, Reports(), **options)
    assert caught.value.field == next(iter(options))


def test_a_file_that_cannot_be_written_is_said_before_anything_is_asked(tmp_path):
    reports = Reports()
    with pytest.raises(OSError, match="missing"):
        save("sync", reports, tmp_path / "missing" / "x.txt")
    assert not reports.fetched


def over_network(kind, server, **options):
    """A download whose link leads to a real socket; the document call itself is answered there."""
    return call(kind, lambda c: c.download_report_document("d", **options), base_url=server.url)


def document_then(server_script, body=CONTENT):
    def script(connection):
        if b"/report-documents/" in server.requests[-1]:
            link = f'{{"reportDocumentId":"d","url":"{server.url}/f?SECRET"}}'
            connection.sendall(answer("200 OK", link.encode()))
        else:
            server_script(server, connection, body)

    server = ScriptedServer(script)
    return server


def whole(_server, connection, body):
    connection.sendall(answer("200 OK", body))


def cut(_server, connection, body):
    connection.sendall(answer("200 OK", body)[:-1])
    connection.close()


def drip(server, connection, body):
    for byte in answer("200 OK", body):
        connection.sendall(bytes([byte]))
        server.pause(0.05)


@both_clients
def test_a_document_over_the_network(kind):
    large = b"0123456789abcdef" * 20_000  # 320 kB: many pieces
    with document_then(whole, large) as server:
        assert over_network(kind, server) == large
    asked, fetched = server.requests
    assert b"authorization:" in asked.lower()
    assert b"x-amz-pay" not in fetched.lower()
    assert b"authorization" not in fetched.lower()


@both_clients
@pytest.mark.parametrize(("script", "options"), [(cut, {}), (drip, {"deadline_seconds": 0.3})])
def test_a_document_that_breaks_off(kind, script, options):
    with document_then(script) as server, pytest.raises(DownloadFailed) as caught:
        over_network(kind, server, **options)
    assert "SECRET" not in str(caught.value)
