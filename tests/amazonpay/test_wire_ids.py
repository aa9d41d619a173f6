"""Identifier shapes, and what CV1 identifiers and states become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    InvalidArgument,
    charge_id_from_cv1,
    charge_permission_state_from_cv1,
    is_charge_id,
    is_charge_permission_id,
    is_one_time_permission_id,
    is_recurring_permission_id,
    is_refund_id,
)

SHAPES = [
    # id, one-time, recurring, charge, refund
    ("S03-5890444-1926095", True, False, False, False),
    ("P03-5890444-1926095", True, False, False, False),
    ("C03-1442027-5744374", False, True, False, False),
    ("B01-1442027-5744374", False, True, False, False),
    ("S03-5890444-1926095-C064126", False, False, True, False),
    ("P21-5890444-1926095-C064126", False, False, True, False),
    ("S03-5890444-1926095-R064126", False, False, False, True),
    ("S03-5890444-1926095-A064126", False, False, False, False),
    ("s03-5890444-1926095", False, False, False, False),
    ("S03-5890444-1926095\n", False, False, False, False),
    ("S0３-5890444-1926095", False, False, False, False),
    ("", False, False, False, False),
]


@pytest.mark.parametrize(("value", "one_time", "recurring", "charge", "refund"), SHAPES)
def test_shapes(value, one_time, recurring, charge, refund):
    assert is_one_time_permission_id(value) is one_time
    assert is_recurring_permission_id(value) is recurring
    assert is_charge_permission_id(value) is (one_time or recurring)
    assert is_charge_id(value) is charge
    assert is_refund_id(value) is refund


@pytest.mark.parametrize(
    ("authorization_id", "charge_id"),
    [
        ("S01-5797829-1888777-A043451", "S01-5797829-1888777-C043451"),
        ("B01-5797829-1888777-A043451", "B01-5797829-1888777-C043451"),
        ("P03-5797829-1888777-C043451", "P03-5797829-1888777-C043451"),
    ],
)
def test_place_21_becomes_c(authorization_id, charge_id):
    assert charge_id_from_cv1(authorization_id) == charge_id


REFUSED_IDS = [
    "",
    "S01-5797829-1888777",
    "S01-5797829-1888777-R043451",
    "S01-5797829-1888777-a043451",
    "S01-5797829-1888777-A04345",
    "S01-5797829-1888777-A0434512",
    " S01-5797829-1888777-A043451",
    "S01-5797829-1888777-A043451\n",
    "X01-5797829-1888777-A043451",
    "S01-579782９-1888777-A043451",
]


@pytest.mark.parametrize("authorization_id", REFUSED_IDS)
def test_any_other_shape_is_refused_not_guessed(authorization_id):
    with pytest.raises(InvalidArgument, match="place 21") as caught:
        charge_id_from_cv1(authorization_id)
    assert caught.value.field == "authorization_id"


@given(st.from_regex(r"[PSBC][0-9]{2}-[0-9]{7}-[0-9]{7}-[AC][0-9]{6}", fullmatch=True))
def test_the_rewrite_changes_nothing_else_and_is_its_own_fixpoint(authorization_id):
    charge_id = charge_id_from_cv1(authorization_id)
    assert charge_id == authorization_id[:20] + "C" + authorization_id[21:]
    assert charge_id_from_cv1(charge_id) == charge_id
    assert is_charge_id(charge_id)


@pytest.mark.parametrize(
    ("cv1", "cv2"),
    [
        ("Open", "Chargeable"),
        ("Suspended", "NonChargeable"),
        ("Closed", "Closed"),
        ("Canceled", "Closed"),
    ],
)
def test_agreement_states(cv1, cv2):
    assert charge_permission_state_from_cv1(cv1) == cv2
    assert charge_permission_state_from_cv1(cv1).known


@pytest.mark.parametrize("cv1", ["Draft", "open", "Cancelled", "", "Pending"])
def test_states_without_counterpart_are_refused(cv1):
    with pytest.raises(InvalidArgument) as caught:
        charge_permission_state_from_cv1(cv1)
    assert caught.value.field == "billing_agreement_state"
    assert ("never finished" in str(caught.value)) is (cv1 == "Draft")
