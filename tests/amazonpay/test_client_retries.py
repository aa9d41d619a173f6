"""Tries again only where nothing can happen twice, and never says less than all tries together."""

import random
import ssl

import httpx
import pytest
from exchange_helpers import (
    DELETE,
    GET,
    PATCH,
    POST,
    POST_WITHOUT_KEY,
    FakeTime,
    LargestChance,
    Script,
    credentials,
    good,
    play,
)
from hypothesis import given
from hypothesis import strategies as st
from wire_helpers import KINDS, NOW, error

from amazonpay import (
    AmazonPayClient,
    AmazonPayError,
    Charge,
    DefiniteRefusal,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from amazonpay.pacing import Pacing
from amazonpay.retries import NO_RETRIES, STANDARD_RETRIES, RetryPolicy

both = pytest.mark.parametrize("kind", KINDS)
CALLS = {"GET": GET, "PATCH": PATCH, "DELETE": DELETE, "POST": POST, "no key": POST_WITHOUT_KEY}
KEYED = {"GET", "PATCH", "POST"}
ALL = set(CALLS)

# What came back, and the calls for which another try can do nothing twice.
ONE_BAD_TRY = [
    pytest.param(error(429, "TooManyRequests"), ALL, id="429: nothing happened"),
    pytest.param(httpx.ConnectError("refused"), ALL, id="refused: nothing was sent"),
    pytest.param(httpx.ConnectTimeout("no route"), ALL, id="no connection: nothing was sent"),
    pytest.param(httpx.PoolTimeout("busy"), ALL, id="no free connection: nothing was sent"),
    pytest.param(httpx.ReadError("reset"), KEYED, id="reset after sending"),
    pytest.param(httpx.ReadTimeout("slow"), KEYED, id="silence after sending"),
    pytest.param(httpx.RemoteProtocolError("cut"), KEYED, id="cut answer"),
    pytest.param(OSError("network gone"), KEYED, id="network gone"),
    *(
        pytest.param(error(status, "Whatever"), KEYED, id=str(status))
        for status in (408, 425, 500, 502, 503, 504)
    ),
    pytest.param(error(500, "ProcessingFailure"), {"GET"}, id="500 about the payment"),
    pytest.param(httpx.Response(503, text="<html>"), KEYED, id="503 of a proxy"),
    pytest.param(httpx.Response(302), set(), id="redirect"),
    pytest.param(httpx.Response(501), set(), id="501"),
    pytest.param(httpx.Response(201, text="{}"), set(), id="success without an object"),
    pytest.param(httpx.Response(201, content=b" " * 1_000_001), set(), id="endless answer"),
    pytest.param(RuntimeError("our own fault"), set(), id="a fault of the transport"),
    *(
        pytest.param(error(status, code), set(), id=code)
        for status, code in [
            (400, "InvalidParameterValue"),
            (400, "DuplicateIdempotencyKey"),
            (401, "UnauthorizedAccess"),
            (403, "InvalidRequestSignature"),
            (404, "ResourceNotFound"),
            (422, "SoftDeclined"),
            (426, "TLSVersionNotSupported"),
        ]
    ),
]


@both
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(("bad", "repeated"), ONE_BAD_TRY)
def test_what_is_tried_again(kind, name, bad, repeated):
    amazon, time = Script(bad, good), FakeTime()
    if name in repeated:
        assert isinstance(play(kind, CALLS[name], amazon, time=time), Charge)
        assert len(amazon.seen) == 2
        assert time.slept == [1.0]
    else:
        with pytest.raises(AmazonPayError) as caught:
            play(kind, CALLS[name], amazon, time=time)
        assert caught.value.tries == len(amazon.seen) == 1
        assert time.slept == []


@both
def test_a_wrong_certificate_is_not_tried_again(kind):
    problem = httpx.ConnectError("CERTIFICATE_VERIFY_FAILED")
    problem.__cause__ = ssl.SSLCertVerificationError("self-signed")
    amazon = Script(problem, good)
    with pytest.raises(UnknownOutcome):
        play(kind, GET, amazon)
    assert len(amazon.seen) == 1


@both
def test_the_waits_double_and_the_last_error_is_kept(kind):
    amazon, time = Script(error(503, "ServiceUnavailable", "later")), FakeTime()
    with pytest.raises(UnknownOutcome, match="after 5 tries") as caught:
        play(kind, POST, amazon, time=time)
    assert time.slept == [1.0, 2.0, 4.0, 8.0]
    assert caught.value.tries == len(amazon.seen) == 5
    assert (caught.value.status, caught.value.message) == (503, "later")


@both
def test_every_try_has_the_same_key_and_bytes_but_its_own_date_and_signature(kind):
    seconds = iter(range(60))
    amazon = Script(error(503, "X"), httpx.ReadError("cut"), error(429, "X"), good)
    play(kind, POST, amazon, clock=lambda: NOW.replace(second=next(seconds)))

    def distinct(header):
        return {request.headers[header] for request in amazon.seen}

    assert len(amazon.seen) == 4
    assert distinct("x-amz-pay-idempotency-key") == {"key-1"}
    assert {request.content for request in amazon.seen} == {POST.body}
    assert distinct("x-amz-pay-date") == {f"20260401T00000{second}Z" for second in range(4)}
    assert len(distinct("authorization")) == 4


@both
@pytest.mark.parametrize(
    ("asked", "slept"),
    [
        pytest.param("7", [7.0], id="longer than ours: theirs"),
        pytest.param("0", [1.0], id="shorter than ours: ours"),
        pytest.param("soon", [1.0], id="not a number: ours"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(kind, status, asked, slept):
    time = FakeTime()
    play(kind, POST, Script(error(status, "X", **{"retry-after": asked}), good), time=time)
    assert time.slept == slept


@both
@pytest.mark.parametrize(
    ("deadline", "slept"),
    [
        pytest.param(10, [1.0, 2.0, 4.0], id="1 + 2 + 4 = 7, and 8 more would end at 15"),
        pytest.param(7, [1.0, 2.0], id="a sleep that would use up all time is not begun"),
        pytest.param(0.5, [], id="too short for any"),
    ],
)
def test_no_sleep_outlives_the_deadline(kind, deadline, slept):
    time = FakeTime()
    with pytest.raises(Throttled) as caught:
        play(kind, POST, Script(error(429, "X")), time=time, deadline_seconds=deadline)
    assert time.slept == slept
    assert caught.value.tries == len(slept) + 1


@both
def test_a_long_retry_after_is_handed_to_the_caller_at_once(kind):
    time, amazon = FakeTime(), Script(error(429, "X", **{"retry-after": "60"}))
    with pytest.raises(Throttled) as caught:
        play(kind, POST, amazon, time=time, deadline_seconds=10)
    assert caught.value.retry_after_seconds == 60
    assert time.slept == []


@both
def test_without_retries_one_try_is_made(kind):
    amazon = Script(error(429, "X"), good)
    with pytest.raises(Throttled) as caught:
        play(kind, GET, amazon, retries=NO_RETRIES)
    assert caught.value.tries == len(amazon.seen) == 1


MAYBE = httpx.ReadError("reset after sending")
AFTER_A_MAYBE = [
    pytest.param(POST, error(429, "TooManyRequests"), UnknownOutcome, id="429"),
    pytest.param(POST, httpx.ConnectError("down"), UnknownOutcome, id="then down"),
    pytest.param(POST, error(401, "UnauthorizedAccess"), UnknownOutcome, id="401"),
    pytest.param(POST, error(403, "InvalidAuthentication"), UnknownOutcome, id="key disowned"),
    pytest.param(POST, error(400, "InvalidHeaderValue"), UnknownOutcome, id="bad header"),
    pytest.param(POST, error(400, "DuplicateIdempotencyKey"), UnknownOutcome, id="duplicate key"),
    pytest.param(POST, error(400, "TransactionAmountExceeded"), UnknownOutcome, id="used up"),
    pytest.param(POST, error(422, "InvalidChargeStatus"), UnknownOutcome, id="already captured"),
    pytest.param(POST, error(422, "FromTheFuture"), UnknownOutcome, id="unknown code"),
    pytest.param(POST, error(500, "ProcessingFailure"), UnknownOutcome, id="processing failure"),
    pytest.param(PATCH, error(422, "HardDeclined"), UnknownOutcome, id="PATCH has no key"),
    # Amazon worked on this very key and declined: what the earlier try did is known now.
    pytest.param(POST, error(422, "HardDeclined"), DefiniteRefusal, id="declined"),
    # Reading changes nothing, so nothing is in doubt.
    pytest.param(GET, error(429, "TooManyRequests"), Throttled, id="GET: 429"),
    pytest.param(GET, error(404, "ResourceNotFound"), DefiniteRefusal, id="GET: 404"),
    pytest.param(GET, error(401, "UnauthorizedAccess"), Misconfigured, id="GET: 401"),
]


@both
@pytest.mark.parametrize(("call", "then", "expected"), AFTER_A_MAYBE)
def test_doubt_is_never_lost(kind, call, then, expected):
    with pytest.raises(AmazonPayError) as caught:
        play(kind, call, Script(MAYBE, then), retries=RetryPolicy(max_tries=2))
    assert type(caught.value) is expected
    assert caught.value.tries == 2
    assert "after 2 tries" in str(caught.value)


@both
def test_the_doubt_names_both_tries(kind):
    with pytest.raises(UnknownOutcome, match="reset after sending") as caught:
        play(kind, POST, Script(MAYBE, error(429, "X")), retries=RetryPolicy(max_tries=2))
    assert isinstance(caught.value.__cause__, Throttled)
    assert "429" in str(caught.value)


@both
def test_doubt_that_ends_in_success_is_success(kind):
    amazon = Script(MAYBE, error(429, "X"), good)
    assert isinstance(play(kind, POST, amazon), Charge)


@both
def test_nothing_sent_ever_leaves_no_doubt_behind(kind):
    amazon = Script(httpx.ConnectError("down"), error(429, "X"))
    with pytest.raises(Throttled):
        play(kind, DELETE, amazon, retries=RetryPolicy(max_tries=2))


BAD = [error(429, "X"), error(503, "X"), MAYBE, httpx.ConnectError("down"), error(422, "Other")]


@given(
    answers=st.lists(st.sampled_from([*BAD, good]), min_size=1, max_size=8),
    call=st.sampled_from(list(CALLS.values())),
    deadline=st.integers(min_value=1, max_value=40),
    seed=st.integers(),
    tries=st.integers(min_value=1, max_value=6),
)
def test_laws_of_all_retries(answers, call, deadline, seed, tries):
    time, amazon = FakeTime(), Script(*answers)
    began = time.now
    result = None
    try:
        result = play(
            "sync",
            call,
            amazon,
            time=time,
            retries=RetryPolicy(max_tries=tries),
            timing=time.timing(random.Random(seed)),
            deadline_seconds=deadline,
        )
    except AmazonPayError as problem:
        result = problem
    assert len(amazon.seen) <= tries
    assert time.now - began < deadline * 1_000_000_000
    assert all(slept <= 2**number for number, slept in enumerate(time.slept))
    played = [answers[min(number, len(answers) - 1)] for number in range(len(amazon.seen))]
    maybe = sum(answer in (MAYBE, BAD[1]) for answer in played)
    if call in (DELETE, POST_WITHOUT_KEY):
        assert maybe <= 1
        assert not any(answer in (MAYBE, BAD[1]) for answer in played[:-1])
    if maybe and call is not GET:
        assert isinstance(result, Charge | UnknownOutcome)
    if isinstance(result, AmazonPayError):
        assert result.tries == len(amazon.seen)


@given(tries=st.integers(min_value=1, max_value=20), seed=st.integers())
def test_the_jitter_is_full(tries, seed):
    wait = STANDARD_RETRIES.wait_ms(tries, asked_seconds=None, random=random.Random(seed))
    assert 0 <= wait <= STANDARD_RETRIES.bound_ms(tries) == min(16_000, 1_000 * 2 ** (tries - 1))


def test_a_client_with_standard_retries_and_pacing_keeps_both():
    time, amazon = FakeTime(), Script(error(503, "X"), good)
    with AmazonPayClient(
        credentials=credentials(),
        environment="sandbox",
        clock=lambda: NOW,
        retries=STANDARD_RETRIES,
        pacing=Pacing(),
        timing=time.timing(),
        transport=httpx.MockTransport(amazon),
    ) as client:
        client.create_charge(b"{}", idempotency_key="a")  # 503, 1 s of backoff, good
        assert time.slept == [1.0]
        client.create_charge(b"{}", idempotency_key="b")
        client.create_charge(b"{}", idempotency_key="c")
    # 80 % of 1 a second is one call each 1.25 s, after a burst of 2 that had 1 s to recover:
    # booked at 0, 1 (both free), 1 (due at 1.25), 1.25 (due at 2.5)
    assert time.slept == [1.0, 0.25, 1.25]


def test_the_documented_bounds():
    chance = LargestChance()
    waits = [STANDARD_RETRIES.wait_ms(n, asked_seconds=None, random=chance) for n in range(1, 7)]
    assert waits == [1_000, 2_000, 4_000, 8_000, 16_000, 16_000]


@pytest.mark.parametrize(
    "wrong",
    [{"max_tries": 0}, {"max_tries": 21}, {"first_wait_ms": -1}, {"longest_wait_ms": 999}],
    ids=str,
)
def test_a_policy_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(InvalidArgument):
        RetryPolicy(**wrong)
