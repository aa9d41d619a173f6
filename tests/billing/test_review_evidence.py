"""Whose answer a charge is, and what our own charges explain of a balance."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mail_samples import MERCHANT

from amazonpay import Charge
from billing.charging.outcome import OpenAttempt
from billing.evidence.balance import Reading
from billing.evidence.naming import own_charge
from billing.evidence.readings import _taken

AT = datetime(2026, 11, 15, tzinfo=UTC)
PERMISSION, REFERENCE = "C03-0000001-0000001", "sub-001-0010-renewal"
MINE = OpenAttempt(1, 1, PERMISSION, "k", b"{}", 1_980, AT)


def charge(state: str, created_at: datetime) -> Charge:
    details = {"state": state, "reasonCode": "SoftDeclined" if state == "Declined" else None}
    money = {"amount": "1980", "currencyCode": "JPY"}
    return Charge.from_json(
        {
            "chargeId": "S03-0000001-0000001-C000001",
            "chargePermissionId": PERMISSION,
            "chargeAmount": money,
            "captureAmount": money,
            "merchantMetadata": {"merchantReferenceId": REFERENCE},
            "statusDetails": details,
            "creationTimestamp": f"{created_at:%Y%m%dT%H%M%SZ}",
        }
    )


@pytest.mark.parametrize(
    ("state", "made", "counts"),
    [
        pytest.param("Declined", timedelta(days=-3), False, id="an-earlier-try-was-declined"),
        pytest.param("Declined", timedelta(minutes=-1), True, id="clocks-differ-a-little"),
        pytest.param("Declined", timedelta(hours=1), True, id="this-try-was-declined"),
        pytest.param("Captured", timedelta(days=-3), True, id="money-is-money"),
    ],
)
def test_the_no_of_an_earlier_try_is_none_to_this_one(
    state: str, made: timedelta, counts: bool
) -> None:
    found = own_charge(MINE, [charge(state, AT + made)], reference=REFERENCE, intended_at=AT)
    assert bool(found) is counts


def row(state: str, days: int) -> dict[str, Any]:
    return {"state": state, "intended_at": AT + timedelta(days=days), "amount_yen": 1_980}


@pytest.mark.parametrize(
    ("rows", "read", "explained"),
    [
        # The month began with the whole limit; both are of the month.
        pytest.param([row("captured", -5), row("captured", -3)], None, 3_960, id="both-count"),
        pytest.param([row("captured", -1)], -2, 1_980, id="begun-after-the-reading"),
        # Amazon's figure of that day may hold it already: to count it again would hide the same
        # sum that is in doubt.
        pytest.param([row("captured", -3)], -2, None, id="under-way-during-the-reading"),
        pytest.param([row("canceled", -1)], None, None, id="authorised-and-cancelled"),
        pytest.param([row("canceled", -40)], None, 0, id="cancelled-long-ago"),
    ],
)
def test_what_our_own_charges_explain(
    rows: list[dict[str, Any]], read: int | None, explained: int | None
) -> None:
    before = None if read is None else Reading(AT + timedelta(days=read), 50_000, 40_000)
    assert _taken(rows, ("2026-11",), MERCHANT, before) == explained
