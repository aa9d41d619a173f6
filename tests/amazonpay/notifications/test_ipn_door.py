"""The door of the notifications lists what the package offers; refusals say what to answer."""

import types

import pytest

import amazonpay.notifications as door
from amazonpay import AmazonPayError
from amazonpay.notifications import NotificationRefused, TryLater


def test_the_door_lists_exactly_what_it_offers():
    offered = {
        name
        for name, value in vars(door).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert offered == set(door.__all__)


def test_everything_offered_is_documented():
    things = [getattr(door, name) for name in door.__all__]
    assert [
        thing for thing in things if not isinstance(thing, str | frozenset) and not thing.__doc__
    ] == []


def refusals():
    return [
        thing
        for name in door.__all__
        if isinstance(thing := getattr(door, name), type) and issubclass(thing, NotificationRefused)
    ]


@pytest.mark.parametrize("refusal", refusals(), ids=lambda refusal: refusal.__name__)
def test_each_refusal_says_what_to_answer(refusal):
    assert issubclass(refusal, AmazonPayError)
    # 4xx ends the redelivery, so only what may pass later is answered otherwise.
    assert refusal.http_status == {"TryLater": 503, "MalformedNotification": 400}.get(
        refusal.__name__, 403
    )


def test_a_refusal_is_its_reason():
    refused = TryLater("no answer", retry_after_seconds=60)
    assert str(refused) == refused.reason == "no answer"
