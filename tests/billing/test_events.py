"""Transitions as rows: only those the life of a subscription allows."""

from datetime import UTC, datetime

import pytest

from billing.store.events import event_row
from plans import ForbiddenTransition, SubscriptionState

AT = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)


def event(before: str, after: str, **more: str) -> dict[str, object]:
    row = {"id": 5, "merchant_id": "shop", "state": before}
    return event_row(row, at=AT, kind="k", state=after, reason="why", **more)


def test_an_event_says_who_why_and_when() -> None:
    assert event("active", "past_due") == {
        "merchant_id": "shop",
        "subscription_id": 5,
        "at": AT,
        "kind": "k",
        "state_before": "active",
        "state_after": "past_due",
        "actor": "engine",
        "reason": "why",
    }
    assert event("active", "paused", actor="back office")["actor"] == "back office"


@pytest.mark.parametrize("state", SubscriptionState)
def test_what_happens_without_a_change_of_state_is_an_event_too(state: str) -> None:
    assert event(state, state)["state_after"] == state


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("trialing", "active"),
        ("active", "past_due"),
        ("past_due", "active"),
        ("past_due", "paused"),
        ("past_due", "canceled"),
        ("paused", "active"),
    ],
)
def test_the_engines_own_moves_are_legal(before: str, after: str) -> None:
    assert event(before, after)["state_before"] == before


@pytest.mark.parametrize(
    ("before", "after"),
    [("canceled", "active"), ("paused", "past_due"), ("active", "pending"), ("pending", "paused")],
)
def test_an_illegal_move_is_refused(before: str, after: str) -> None:
    with pytest.raises(ForbiddenTransition, match=f"{before} cannot become {after}"):
        event(before, after)


def test_a_state_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="resting"):
        event("active", "resting")
