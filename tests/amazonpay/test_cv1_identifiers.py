"""CV1 ids: what they are, what they become, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay.cv1 import (
    MONTHLY_CAP_YEN_CV1,
    MONTHLY_CAP_YEN_CV2,
    Cv1Kind,
    authorization_id_from_charge_id,
    charge_id_from_cv1,
    cv2_id_from_cv1,
    parse_cv1_id,
    planning_cap_yen,
)
from amazonpay.errors import InvalidArgument

ORDER = r"[PSBC][0-9]{2}-[0-9]{7}-[0-9]{7}"
AUTHORIZATION_IDS = st.from_regex(rf"{ORDER}-A[0-9]{{6}}", fullmatch=True)

PARTS = [
    # id, kind, recurring, environment, region, CV2 field, CV2 id
    ("S01-5797829-1888777", "AmazonOrderReferenceId", False, "sandbox", "na", "chargePermissionId"),
    ("P03-5797829-1888777", "AmazonOrderReferenceId", False, "live", "jp", "chargePermissionId"),
    (
        "C01-8824045-7416542",
        "AmazonBillingAgreementId",
        True,
        "sandbox",
        "na",
        "chargePermissionId",
    ),
    ("B02-8824045-7416542", "AmazonBillingAgreementId", True, "live", "eu", "chargePermissionId"),
    ("P21-5797829-1888777", "AmazonOrderReferenceId", False, "live", None, "chargePermissionId"),
    ("S01-5797829-1888777-A043451", "AmazonAuthorizationId", False, "sandbox", "na", "chargeId"),
    ("B03-5797829-1888777-A043451", "AmazonAuthorizationId", True, "live", "jp", "chargeId"),
    ("S01-5797829-1888777-C043451", "AmazonCaptureId", False, "sandbox", "na", "chargeId"),
    ("S01-5797829-1888777-R043451", "AmazonRefundId", False, "sandbox", "na", "refundId"),
]


@pytest.mark.parametrize(
    ("value", "kind", "recurring", "environment", "region", "field"),
    [pytest.param(*row, id=row[0]) for row in PARTS],
)
def test_the_parts_of_an_id(value, kind, recurring, environment, region, field):
    parsed = parse_cv1_id(value)
    assert (parsed.kind, parsed.recurring) == (kind, recurring)
    assert (parsed.environment, parsed.region) == (environment, region)
    assert parsed.cv2_field == field
    assert parsed.cv2_id == value.replace("-A", "-C")
    assert cv2_id_from_cv1(kind=Cv1Kind(kind), value=value) == parsed.cv2_id


HOSTILE = [
    "",
    " ",
    "S01",
    "S01-5797829-188877",
    "S01-5797829-18887777",
    "s01-5797829-1888777",
    "X01-5797829-1888777",
    "S1-5797829-1888777",
    "S01_5797829_1888777",
    "S01-5797829-1888777\n",
    "\nS01-5797829-1888777",
    " S01-5797829-1888777",
    "S01-579782９-1888777",
    "S01-5797829-1888777-",
    "S01-5797829-1888777-A04345",
    "S01-5797829-1888777-A0434511",
    "S01-5797829-1888777-a043451",
    "S01-5797829-1888777-B043451",
    "S01-5797829-1888777-А043451",  # a Cyrillic letter
    "S01-5797829-1888777-A043451-C043451",
    "S01-5797829-1888777/../x",
    "S01-5797829-1888777\0",
    "3f1d2b9e-6a51-4c5e-9f3a-0d6a2f9b7c11",
    "A" * 10_000,
]


@pytest.mark.parametrize("value", HOSTILE)
def test_any_other_shape_is_refused(value):
    for function, field in [
        (parse_cv1_id, "cv1_id"),
        (charge_id_from_cv1, "authorization_id"),
        (authorization_id_from_charge_id, "charge_id"),
    ]:
        with pytest.raises(InvalidArgument) as caught:
            function(value)
        assert caught.value.field == field
        assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("kind", list(Cv1Kind))
@pytest.mark.parametrize("value", [row[0] for row in PARTS])
def test_an_id_of_another_kind_is_refused_by_name(kind, value):
    actual = parse_cv1_id(value).kind
    rewritten = (kind, actual) == (Cv1Kind.AUTHORIZATION, Cv1Kind.CAPTURE)
    if actual is kind or rewritten:
        assert cv2_id_from_cv1(kind=kind, value=value)
    else:
        with pytest.raises(InvalidArgument, match=actual.value) as caught:
            cv2_id_from_cv1(kind=kind, value=value)
        assert caught.value.field == kind.value


@given(AUTHORIZATION_IDS)
def test_there_and_back_is_the_same_id(authorization_id):
    charge_id = charge_id_from_cv1(authorization_id)
    assert charge_id[20] == "C"
    assert charge_id[:20] + charge_id[21:] == authorization_id[:20] + authorization_id[21:]
    assert authorization_id_from_charge_id(charge_id) == authorization_id
    assert charge_id_from_cv1(authorization_id_from_charge_id(charge_id)) == charge_id
    # Both keep what is already there.
    assert charge_id_from_cv1(charge_id) == charge_id
    assert authorization_id_from_charge_id(authorization_id) == authorization_id


@given(st.one_of(st.text(), st.text(alphabet="PSBCAR0123456789-", max_size=30)))
def test_any_text_is_an_id_or_refused(value):
    try:
        parsed = parse_cv1_id(value)
    except InvalidArgument:
        with pytest.raises(InvalidArgument):
            charge_id_from_cv1(value)
        return
    assert len(value) == (27 if parsed.cv2_field != "chargePermissionId" else 19)


@pytest.mark.parametrize(
    ("limit", "cap"), [(None, 50_000), (100_000, 100_000), (50_000, 50_000), (0, 0)]
)
def test_without_a_limit_the_older_cap_is_planned_with(limit, cap):
    assert planning_cap_yen(limit) == cap
    assert (MONTHLY_CAP_YEN_CV1, MONTHLY_CAP_YEN_CV2) == (50_000, 100_000)


@pytest.mark.parametrize("limit", [-1, 1.5, True, "50000"])
def test_a_limit_is_whole_yen(limit):
    with pytest.raises(InvalidArgument, match="amount_limit_yen"):
        planning_cap_yen(limit)
