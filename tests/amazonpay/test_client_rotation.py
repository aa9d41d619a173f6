"""Two live key ids during a rotation: no call fails while either of them is accepted."""

from email.utils import format_datetime

import httpx
import pytest
from exchange_helpers import (
    DELETE,
    GET,
    POST,
    FakeTime,
    Script,
    credentials,
    good,
    play,
    settings,
)
from wire_helpers import KINDS, NOW, error

from amazonpay import AmazonPayError, InvalidArgument, Misconfigured
from amazonpay.answers import HttpAnswer
from amazonpay.conversation import Conversation
from amazonpay.exchange import SyncExchange
from amazonpay.retries import NO_RETRIES, RetryPolicy

both = pytest.mark.parametrize("kind", KINDS)
OLD, NEW = "SANDBOX-OLD", "SANDBOX-NEW"
PAIR = (credentials(OLD), credentials(NEW))


class Accepting:
    """An Amazon Pay that knows some key ids and disowns all others."""

    def __init__(self, *key_ids):
        self.key_ids = set(key_ids)
        self.seen = []

    def __call__(self, request):
        key_id = request.headers["authorization"].partition("PublicKeyId=")[2].partition(",")[0]
        self.seen.append(key_id)
        return good if key_id in self.key_ids else error(403, "InvalidAuthentication")


@both
@pytest.mark.parametrize("call", [GET, POST, DELETE], ids=lambda call: call.method)
@pytest.mark.parametrize("retries", [NO_RETRIES, RetryPolicy()], ids=["single", "standard"])
def test_the_other_key_is_tried_at_once(kind, call, retries):
    amazon, time = Accepting(NEW), FakeTime()
    assert play(kind, call, amazon, time=time, credentials=PAIR, retries=retries).charge_id
    assert amazon.seen == [OLD, NEW]
    assert time.slept == []


def test_the_key_that_was_accepted_is_remembered_and_the_way_back_is_open():
    amazon = Accepting(OLD)
    exchange = SyncExchange(
        settings=settings(FakeTime(), credentials=PAIR),
        transport=httpx.MockTransport(amazon),
    )
    exchange.run(POST)
    amazon.key_ids = {NEW}
    exchange.run(POST)
    exchange.run(POST)
    amazon.key_ids = {OLD}
    exchange.run(POST)
    assert amazon.seen == [OLD, OLD, NEW, NEW, NEW, OLD]


@both
def test_when_no_key_is_accepted_the_remedy_names_all(kind):
    amazon = Accepting()
    with pytest.raises(Misconfigured, match=f"neither {OLD} nor {NEW}") as caught:
        play(kind, POST, amazon, credentials=PAIR)
    assert amazon.seen == [OLD, NEW]
    assert caught.value.tries == 2
    assert "Seller Central" in caught.value.remedy


@both
def test_a_single_key_is_not_tried_twice(kind):
    amazon = Accepting()
    with pytest.raises(Misconfigured, match="unknown or disabled"):
        play(kind, POST, amazon)
    assert len(amazon.seen) == 1


@both
@pytest.mark.parametrize(
    "refusal",
    [
        error(403, "InvalidRequestSignature"),
        error(403, "InvalidAccountStatus"),
        error(400, "InvalidAuthentication"),
        httpx.Response(403, text="<html>"),
    ],
    ids=["signature", "account", "another status", "HTML"],
)
def test_only_a_disowned_key_turns_to_the_other(kind, refusal):
    amazon = Script(refusal)
    with pytest.raises(AmazonPayError):
        play(kind, POST, amazon, credentials=PAIR)
    assert len(amazon.seen) == 1


@both
def test_a_key_switched_off_in_the_middle_keeps_key_and_bytes(kind):
    amazon = Script(httpx.ReadError("cut"), error(403, "InvalidAuthentication"), good)
    play(kind, POST, amazon, credentials=PAIR)
    assert {request.headers["x-amz-pay-idempotency-key"] for request in amazon.seen} == {"key-1"}
    assert {request.content for request in amazon.seen} == {POST.body}


@both
def test_a_wrong_date_and_a_disowned_key_are_both_corrected_in_one_call(kind):
    future = error(
        400,
        "InvalidHeaderValue",
        "x-amz-pay-date should not be in future",
        date=format_datetime(NOW.replace(minute=3), usegmt=True),
    )
    amazon = Script(future, error(403, "InvalidAuthentication"), good)
    assert play(kind, DELETE, amazon, credentials=PAIR, retries=NO_RETRIES).charge_id
    assert amazon.seen[2].headers["x-amz-pay-date"] == "20260401T000300Z"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([], id="none"),
        pytest.param([OLD, OLD], id="the same twice"),
        pytest.param([OLD, "LIVE-A"], id="another environment"),
        pytest.param([OLD, "ABCDEF"], id="with and without prefix"),
        pytest.param([OLD, "SANDBOX-A B"], id="not an id"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(wrong):
    with pytest.raises(InvalidArgument):
        settings(FakeTime(), credentials=[credentials(key_id) for key_id in wrong]).habits()


def test_ids_without_a_prefix_may_rotate_too():
    amazon = Accepting("NEW")
    pair = (credentials("OLD"), credentials("NEW"))
    assert play("sync", GET, amazon, credentials=pair).charge_id
    assert amazon.seen == ["OLD", "NEW"]


def test_two_calls_that_disown_different_keys_never_chase_each_other():
    """A call never goes back to a key it has seen refused, whatever other calls prefer."""
    told = settings(FakeTime(), credentials=PAIR)
    habits = told.habits()
    one, other = (Conversation(POST, habits).steps() for _ in range(2))
    disowned = HttpAnswer(
        status=403,
        headers={},
        body=b'{"reasonCode":"InvalidAuthentication","message":"unknown"}',
    )
    assert one.send(None).request.public_key_id == OLD
    assert one.send(disowned).request.public_key_id == NEW
    assert other.send(None).request.public_key_id == NEW  # what the first call has found
    assert other.send(disowned).request.public_key_id == OLD
    with pytest.raises(Misconfigured, match="neither"):
        one.send(disowned)
    with pytest.raises(Misconfigured, match="neither"):
        other.send(disowned)


@both
def test_an_unauthorized_access_tries_the_other_key_once(kind):
    """Whether an unknown key is 403 or 401 is uncertain; either had no effect."""
    amazon = Script(error(401, "UnauthorizedAccess"), good)
    assert play(kind, POST, amazon, credentials=PAIR)
    assert len(amazon.seen) == 2


@both
def test_an_object_of_somebody_else_stays_that_with_every_key(kind):
    amazon = Script(error(401, "UnauthorizedAccess"), error(401, "UnauthorizedAccess"))
    with pytest.raises(Misconfigured) as caught:
        play(kind, POST, amazon, credentials=PAIR)
    assert (caught.value.reason_code, len(amazon.seen)) == ("UnauthorizedAccess", 2)
    assert "neither" not in caught.value.remedy
