"""A clock that is off: learnt from Amazon's refusal once, never beyond what is safe."""

from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from wire_helpers import KINDS, NOW, call, charge_json, create, error, throwaway_key

from amazonpay import AmazonPayClient, Credentials, Misconfigured
from amazonpay.signing import format_date

both_clients = pytest.mark.parametrize("kind", KINDS)
FUTURE = "The value 20260401T000000Z provided for x-amz-pay-date should not be in future"


class StrictClock:
    """An Amazon Pay that accepts only the second its own clock shows."""

    def __init__(self, at, *, tells=True, message=FUTURE):
        self.at = at
        self.tells = tells
        self.message = message
        self.seen = []

    def __call__(self, request):
        self.seen.append(request.headers["x-amz-pay-date"])
        if self.seen[-1] == format_date(self.at):
            return httpx.Response(201, json=charge_json())
        date = {"date": format_datetime(self.at, usegmt=True)} if self.tells else {}
        return error(400, "InvalidHeaderValue", self.message, **date)


LIVE = {"key_id": "LIVE-A", "environment": "live"}


@both_clients
@pytest.mark.parametrize(
    ("off_by", "options"),
    [
        pytest.param(timedelta(hours=-5), {}, id="sandbox, hours ahead"),
        pytest.param(timedelta(days=400), {}, id="sandbox, virtual time next year"),
        pytest.param(timedelta(minutes=-15), LIVE, id="live, 15 minutes ahead"),
        pytest.param(timedelta(minutes=15), LIVE, id="live, 15 minutes behind"),
    ],
)
def test_a_refused_date_is_corrected_once(kind, off_by, options):
    amazon = StrictClock(NOW + off_by)
    assert call(kind, create, handler=amazon, **options).charge_id
    assert amazon.seen == [format_date(NOW), format_date(NOW + off_by)]


@both_clients
@pytest.mark.parametrize("off_by", [timedelta(minutes=15, seconds=1), timedelta(days=-400)])
def test_a_live_clock_far_off_is_for_a_person(kind, off_by):
    amazon = StrictClock(NOW + off_by)
    with pytest.raises(Misconfigured, match="clock"):
        call(kind, create, handler=amazon, **LIVE)
    assert len(amazon.seen) == 1


@both_clients
def test_without_amazons_time_nothing_is_guessed(kind):
    amazon = StrictClock(NOW + timedelta(minutes=1), tells=False)
    with pytest.raises(Misconfigured, match="clock"):
        call(kind, create, handler=amazon)
    assert len(amazon.seen) == 1


@both_clients
@pytest.mark.parametrize("date", ["", "soon", "Wed, 99 Foo 2026 00:00:00 GMT"])
def test_a_date_header_that_is_none_teaches_nothing(kind, date):
    with pytest.raises(Misconfigured, match="clock"):
        call(kind, create, handler=lambda _: error(400, "InvalidHeaderValue", FUTURE, date=date))


@both_clients
def test_a_date_refused_twice_is_for_a_person(kind):
    seen = []

    def handler(request):
        seen.append(request)
        date = format_datetime(NOW, usegmt=True)
        return error(400, "InvalidHeaderValue", FUTURE, date=date)

    with pytest.raises(Misconfigured, match="clock"):
        call(kind, create, handler=handler)
    assert len(seen) == 2


@both_clients
def test_another_bad_header_is_not_taken_for_the_date(kind):
    amazon = StrictClock(NOW + timedelta(minutes=1), message="x-amz-pay-region is wrong")
    with pytest.raises(Misconfigured) as caught:
        call(kind, create, handler=amazon)
    assert len(amazon.seen) == 1
    assert "clock" not in str(caught.value)


def test_the_difference_is_remembered_and_learnt_anew():
    amazon = StrictClock(NOW + timedelta(minutes=3))
    with AmazonPayClient(
        credentials=Credentials(public_key_id="SANDBOX-A", private_key=throwaway_key()),
        environment="sandbox",
        clock=lambda: NOW,
        pacing=None,
        transport=httpx.MockTransport(amazon),
    ) as client:
        create(client)
        create(client)
        assert len(amazon.seen) == 3  # refused, corrected, right at once
        amazon.at = NOW + timedelta(days=30)
        create(client)
        assert len(amazon.seen) == 5  # virtual time jumped: refused, corrected
