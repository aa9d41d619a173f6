"""What an outside review found about connections: forks, event loops, impossible hosts."""

import asyncio
import gc
import json
import os
import threading
import warnings
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from wire_helpers import CHARGE_ID, charge_json, throwaway_key

from amazonpay import (
    NO_RETRIES,
    AmazonPayClient,
    AmazonPayError,
    AsyncAmazonPayClient,
    Credentials,
    DownloadFailed,
)
from amazonpay.downloads import async_download, download
from amazonpay.transport import async_transport, ssl_context, sync_transport


class Amazon(ThreadingHTTPServer):
    """Answers every request with a charge, and knows how many connections there were."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.connections = set()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.connections.add(self.client_address)
        body = json.dumps(charge_json(chargeId=self.path.rpartition("/")[2])).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def amazon():
    with Amazon() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def client(kind, amazon):
    return kind(
        credentials=Credentials(public_key_id="SANDBOX-A", private_key=throwaway_key()),
        environment="sandbox",
        clock=lambda: datetime.now(UTC),
        base_url=amazon.url,
        retries=NO_RETRIES,
        pacing=None,
    )


def test_a_forked_process_never_shares_a_connection(amazon):
    """Else parent and child could each read the answer that was meant for the other."""
    with client(AmazonPayClient, amazon) as shared:
        shared.get_charge(CHARGE_ID)
        child = os.fork()
        if child == 0:
            os._exit(0 if shared.get_charge(CHARGE_ID).charge_id == CHARGE_ID else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert len(amazon.connections) == 2  # one each
        shared.get_charge(CHARGE_ID)
        assert len(amazon.connections) == 2  # the parent's is as alive as before


def test_one_asynchronous_client_serves_one_event_loop_after_the_other(amazon):
    shared = client(AsyncAmazonPayClient, amazon)

    async def twice():
        return [(await shared.get_charge(CHARGE_ID)).charge_id for _ in range(2)]

    async def last():
        await twice()
        await shared.aclose()

    with warnings.catch_warnings():
        # A loop that ends without aclose leaves its sockets to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        assert [asyncio.run(twice()) for _ in range(3)] == [[CHARGE_ID] * 2] * 3
        asyncio.run(last())
        gc.collect()
    assert len(amazon.connections) == 4  # each loop keeps one alive


def test_twenty_threads_get_their_own_answers_over_few_connections(amazon):
    """The pool must not take a connection for dead on which another thread's answer arrives."""
    wrong = []

    def work(number, shared):
        for count in range(30):
            wanted = f"S03-{number:07d}-{count:07d}-C000000"
            try:
                got = shared.get_charge(wanted).charge_id
            except AmazonPayError as error:
                got = str(error)
            if got != wanted:
                wrong.append(got)

    with client(AmazonPayClient, amazon) as shared:
        threads = [threading.Thread(target=work, args=(number, shared)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(amazon.connections) <= 10


IMPOSSIBLE = ["https://" + "a" * 70 + ".example/r", "https://a..b/r", "https://xn--/r"]


@pytest.mark.parametrize("url", IMPOSSIBLE, ids=["long label", "empty label", "empty punycode"])
def test_a_link_to_an_impossible_host_is_a_failed_download(url):
    tls = ssl_context(None)
    given = {"url": url, "sink": bytes, "max_bytes": 10, "deadline_seconds": 2}
    transport = sync_transport(ssl_context=tls)
    with pytest.raises(DownloadFailed):
        download(transport=transport, **given)
    transport.close()

    async def fetch():
        used = async_transport(ssl_context=tls)
        try:
            await async_download(transport=used, **given)
        finally:
            await used.aclose()

    with pytest.raises(DownloadFailed):
        asyncio.run(fetch())
