"""`autopay forecast --summary` adds up what `autopay forecast` lists."""

from collections import defaultdict
from typing import Any

import pytest
from cli_user import User, refusal

LOOK = ("--at", "2026-11-22T00:00Z", "--days", "400", "--json")


def by_month(charges: list[dict[str, Any]]) -> dict[str, dict[str, list[int]]]:
    """Month due → verdict → [charges, yen]."""
    totals: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for charge in charges:
        cell = totals[charge["on"][:7]][charge["verdict"]]
        cell[0] += 1
        cell[1] += charge["amount"]
    return {month: dict(verdicts) for month, verdicts in totals.items()}


@pytest.mark.parametrize("cap", ["50000", "4000"], ids=["everything fits", "a tight cap"])
def test_the_summary_adds_the_forecast_up(shop: User, cap: str) -> None:
    whole = shop("forecast", *LOOK, cap_yen=cap).json
    seen = shop("forecast", "--summary", *LOOK, cap_yen=cap).json
    assert (seen["from"], seen["to"]) == (whole["from"], whole["to"])
    assert seen["days"] == whole["days"]
    assert seen["charges"] == len(whole["charges"]) > 0
    assert seen["amount"] == sum(charge["amount"] for charge in whole["charges"])
    found = {
        month["month"]: {
            verdict: [total["charges"], total["amount"]]
            for verdict, total in month["verdicts"].items()
            if total["charges"]
        }
        for month in seen["months"]
    }
    assert {month: cells for month, cells in found.items() if cells} == by_month(whole["charges"])
    hits = [charge for charge in whole["charges"] if charge["verdict"] != "ok"]
    assert seen["permissions_hit"] == len({charge["charge_permission_id"] for charge in hits})
    told = {"on", "subscription", "customer", "charge_permission_id", "amount", "verdict", "parts"}
    if hits:
        assert seen["cap_hits"][0] == {name: hits[0][name] for name in told}
    else:
        assert seen["cap_hits"] == []


def test_the_summary_for_people(shop: User) -> None:
    said = shop("forecast", "--summary", *LOOK[:-1], cap_yen="3000")
    assert (said.exit_code, said.errors) == (0, "")
    assert "│ 2026-12 " in said.output
    assert "permissions that hit the cap" in said.output
    assert "2026-11-22 to 2027-12-27: 3 subscriptions" in said.output


def test_an_empty_horizon_is_bad_usage(shop: User) -> None:
    assert "--days" in refusal(shop("forecast", "--summary", "--days", "0"), code=2)
