"""The idempotency key: frozen for ever, unambiguous, and acceptable to Amazon."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.protocol.idempotency import idempotency_key
from plans import BadInput

EXAMPLE = {
    "merchant": "A1B2C3D4E5F6",
    "environment": "sandbox",
    "subscription": "cust-00001",
    "cycle": 7,
    "purpose": "renewal",
    "attempt": 1,
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        pytest.param({}, "yK9Imoy0O6gclGTFTHJ32vPmrcr5EWmK", id="as it stands"),
        pytest.param({"attempt": 2}, "7wpcrZHVe-o0l9dGqOH09hlt5cBL-_ZV", id="second attempt"),
        pytest.param({"cycle": 0}, "rTwt30B59G01qcy16niTuOvbJN5_F87D", id="first cycle"),
        pytest.param({"environment": "live"}, "smldHh-xsfbEs2wUCpusL7zdWiaqobMG", id="live"),
        pytest.param(
            {"subscription": "髙木-𠮷"}, "qMyoC3NlY2NSOSoK1b2zrs82EZEExL-f", id="beyond ASCII"
        ),
    ],
)
def test_golden_keys_never_change(change, key):
    # If this fails, the code is wrong: charges of the past would be sent under new keys.
    assert idempotency_key(**{**EXAMPLE, **change}) == key


texts = st.text(min_size=1).filter(lambda text: text.strip() and text.isprintable())
identities = st.tuples(
    texts, st.sampled_from(["sandbox", "live"]), texts, st.integers(0), texts, st.integers(1)
)


def _key(identity: tuple[str, str, str, int, str, int]) -> str:
    return idempotency_key(**dict(zip(EXAMPLE, identity, strict=True)))


@settings(deadline=None)
@given(identities, identities)
def test_keys_are_equal_only_for_equal_slots_and_attempts(one, other):
    assert (_key(one) == _key(other)) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", _key(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            {"cycle": 1, "attempt": 11}, {"cycle": 11, "attempt": 1}, id="digits move across"
        ),
        pytest.param(
            {"merchant": "a", "subscription": "bc"},
            {"merchant": "ab", "subscription": "c"},
            id="letters move across",
        ),
        pytest.param(
            {"purpose": "renewal", "subscription": "7:renewal"},
            {"purpose": "7:renewal", "subscription": "renewal"},
            id="a text that looks like an encoded one",
        ),
    ],
)
def test_concatenation_does_not_collide(one, other):
    assert idempotency_key(**{**EXAMPLE, **one}) != idempotency_key(**{**EXAMPLE, **other})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"merchant": ""}, "merchant", id="empty"),
        pytest.param({"subscription": " "}, "subscription", id="blank"),
        pytest.param({"purpose": "\ud800"}, "purpose", id="half a surrogate pair"),
        pytest.param({"environment": "Sandbox"}, "environment", id="unknown environment"),
        pytest.param({"cycle": -1}, "cycle", id="negative cycle"),
        pytest.param({"cycle": True}, "cycle", id="boolean cycle"),
        pytest.param({"attempt": 0}, "attempt", id="attempt 0"),
    ],
)
def test_refused(change, field):
    with pytest.raises(BadInput) as refused:
        idempotency_key(**{**EXAMPLE, **change})
    assert refused.value.field == field
