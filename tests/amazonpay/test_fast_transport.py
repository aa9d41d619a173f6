"""The fast transport beyond what the network tests ask of every transport."""

import os
import sys

import pytest
from scripted_server import ScriptedServer, answer
from test_client_tls import self_signed, tls_server
from wire_helpers import call, create

from amazonpay import FastTransportMissing, InvalidArgument, UnknownOutcome, transport_named


def test_a_ca_of_ones_own_is_refused_not_added_to_the_public_ones(tmp_path):
    with pytest.raises(InvalidArgument, match="standard transport"):
        transport_named("fast", ca_file=tmp_path / "ca.pem")


def test_without_the_extra_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyreqwest.client", None)
    with pytest.raises(FastTransportMissing, match=r"pip install 'autopay\[fast\]'"):
        transport_named("fast")


def test_the_standard_transport_is_made_by_the_client():
    assert transport_named("standard") is None


def test_a_certificate_that_nobody_vouches_for_is_unknown_not_charged(tmp_path):
    with tls_server(*self_signed(tmp_path)) as url, pytest.raises(UnknownOutcome):
        call("fast", create, base_url=url)


def test_an_answer_too_long_for_amazon_is_not_read_to_its_end():
    endless = b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n\r\n" + b" " * 3_000_000
    with (
        ScriptedServer(lambda connection: connection.sendall(endless)) as server,
        pytest.raises(UnknownOutcome, match="longer than"),
    ):
        call("fast", create, base_url=server.url)


def test_a_forked_process_is_told_at_once_and_sends_nothing():
    """The thread that moves the bytes stays with the parent: a child would wait for ever."""
    transport = transport_named("fast")
    with ScriptedServer(lambda connection: connection.sendall(answer())) as server:
        child = os.fork()
        if child == 0:
            try:
                call("sync", create, base_url=server.url, transport=transport)
            except UnknownOutcome:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert server.requests == []
