"""`--set NAME=VALUE`: every switch that has no option of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wire_client import WireClient

from amazonpay.sandbox.options import Options
from amazonpay.sandbox.switches import SWITCHES, parse_switch


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("pending_ms=60000", 60_000, id="duration"),
        pytest.param("permission_months=0", 0, id="zero"),
        pytest.param("amazon_rejected_closes=false", False, id="truth"),
        pytest.param("carrier_codes=YAMATO,SAGAWA", ("YAMATO", "SAGAWA"), id="words"),
        pytest.param("carrier_codes=", (), id="no words"),
        pytest.param("capture_rejected=at_once", "at_once", id="a word of two"),
        pytest.param("replay_status=200", "200", id="a word that is a number"),
        pytest.param("late_capture_status=202", 202, id="a number of two"),
        pytest.param("newest_request_seconds=1000000000", 10**9, id="seconds"),
    ],
)
def test_a_switch_is_read(text: str, value: object) -> None:
    name, found = parse_switch(text)
    assert (name, found) == (text.partition("=")[0], value)
    assert getattr(Options(**{name: found}), name) == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rain=1", "names are pending_ms"),
        ("pending_ms", "not NAME=VALUE"),
        ("throttle=off", "names are"),
        ("pending_ms=-1", "whole number from 0 to 1000000000000"),
        ("pending_ms=1.5", "whole number"),
        ("pending_ms=" + "9" * 5_000, "whole number"),
        ("pending_ms=٣", "whole number"),
        ("permission_months=1001", "from 0 to 1000"),
        ("overcharge_yen=10000001", "from 0 to 10000000"),
        ("buyer_token_reusable=yes", "true or false"),
        ("capture_rejected=soon", "capture_rejected is 'soon'; write later or at_once"),
        ("replay_status=", "write stored or 200"),
        ("unknown_key_status=404", "write 403 or 401"),
        ("late_capture_status=0200", "write 200 or 202"),
        ("closed_again=Answer", "write refuse or answer"),
        ("closed_again=" + "9" * 5_000, "write refuse or answer"),
        ("oldest_request_seconds=1000000001", "from 0 to 1000000000"),
    ],
)
def test_a_wrong_switch_names_the_rule(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_switch(text)


def test_every_default_can_be_said() -> None:
    for name, default in SWITCHES.items():
        words = ",".join(default) if isinstance(default, tuple) else str(default).lower()
        assert parse_switch(f"{name}={words}") == (name, default)


def test_a_switch_holds_in_the_server(launch: Callable[..., Any], tmp_path: Path) -> None:
    options = ("--throttle", "off", "--set", "buyer_token_reusable=false", "--set", "refund_ms=0")
    amazon = WireClient.of(launch(tmp_path, *options)[1])
    amazon.set_clock("2027-04-01T00:00:00Z")
    token = amazon.control("POST", "/buyer-tokens", {})["buyerToken"]
    assert [amazon.api("GET", f"/buyers/{token}").status for _ in range(2)] == [200, 404]
    amazon.close()
