"""What a balance says: yen before, yen after, what our own books took in between."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.evidence.balance import Reading, movement
from billing.evidence.rule import Verdict

AT = datetime(2026, 11, 15, 0, 0, tzinfo=UTC)
BEFORE = Reading(AT, 50_000, 48_000)

# 1,980 yen are in doubt. Without a reading before, the month began with the whole limit.
CASES = {
    # 48,000 − 48,000 − 0 = 0
    "it did not move": ({"left": 48_000}, Verdict.DID_NOT_HAPPEN, 0),
    # 48,000 − 46,020 − 0 = 1,980
    "it moved by the amount": ({"left": 46_020}, Verdict.HAPPENED, 1_980),
    # 48,000 − 45,020 − 2,980 = 0: another charge of ours explains it
    "our own charge moved it": (
        {"left": 45_020, "ours_yen": 2_980},
        Verdict.DID_NOT_HAPPEN,
        0,
    ),
    # 48,000 − 43,040 − 2,980 = 1,980
    "ours and the one in doubt": ({"left": 43_040, "ours_yen": 2_980}, Verdict.HAPPENED, 1_980),
    # 48,000 − 47,000 − 0 = 1,000: another system of the merchant charges this permission
    "somebody else charged": ({"left": 47_000}, Verdict.SILENT, 1_000),
    # 50,000 − 50,000 − 0 = 0
    "no reading before, nothing used": (
        {"left": 50_000, "before": None},
        Verdict.DID_NOT_HAPPEN,
        0,
    ),
    # 50,000 − 45,040 − 2,980 = 1,980
    "no reading before, used more than ours": (
        {"left": 45_040, "before": None, "ours_yen": 2_980},
        Verdict.HAPPENED,
        1_980,
    ),
    "the limit was changed": ({"left": 48_000, "limit": 60_000}, Verdict.SILENT, None),
    "the limit is not told": ({"left": 48_000, "limit": None}, Verdict.SILENT, None),
    "another month": ({"left": 48_000, "month_now": ("2026-12",)}, Verdict.SILENT, None),
    "a month's edge": (
        {"left": 48_000, "months": ("2026-11", "2026-12")},
        Verdict.SILENT,
        None,
    ),
    "other charges are open": ({"left": 48_000, "others_open": True}, Verdict.SILENT, None),
    "money went back": ({"left": 48_000, "refunded": True}, Verdict.SILENT, None),
}


@pytest.mark.parametrize(("given", "verdict", "extra"), CASES.values(), ids=CASES.keys())
def test_what_a_balance_says(given: dict[str, Any], verdict: Verdict, extra: int | None) -> None:
    facts = {"before": BEFORE, "limit": 50_000, "ours_yen": 0, "others_open": False}
    facts |= {"months": ("2026-11",), "month_now": ("2026-11",), "refunded": False} | given
    moved = movement(
        amount_yen=1_980,
        before=facts["before"],
        after=Reading(AT + timedelta(hours=13), facts["limit"], facts["left"]),
        ours_yen=facts["ours_yen"],
        months=facts["months"],
        month_now=facts["month_now"],
        others_open=facts["others_open"],
        refunded=facts["refunded"],
    )
    assert (moved.verdict, moved.extra_yen) == (verdict, extra)
