"""The small pure pieces: instants, months, ids, operation names."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay.sandbox import ids, instants
from amazonpay.sandbox.clock import ClockRefused, VirtualClock
from amazonpay.sandbox.faults import same_name
from amazonpay.sandbox.refunds import refundable_yen
from amazonpay.sandbox.signature import _query_forms

APRIL = instants.parse_instant("2026-04-01T00:00:00Z")


def test_the_four_ways_to_write_an_instant() -> None:
    assert instants.compact(APRIL) == "20260401T000000Z"
    assert instants.iso(APRIL) == "2026-04-01T00:00:00.000Z"
    assert instants.http_date(APRIL // 1000) == b"Wed, 01 Apr 2026 00:00:00 GMT"
    assert instants.parse_pay_date("20260401T000000Z") == APRIL
    assert instants.parse_pay_date("2026-04-01T00:00:00Z") == APRIL
    assert instants.parse_instant("2026-04-01T09:00:00+09:00") == APRIL


@given(st.integers(min_value=0, max_value=instants.LATEST_MS))
def test_iso_texts_are_read_back(at_ms: int) -> None:
    assert instants.parse_instant(instants.iso(at_ms)) == at_ms


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31T10:00:00Z", 1, "2026-02-28T10:00:00Z"),
        ("2026-01-31T10:00:00Z", 13, "2027-02-28T10:00:00Z"),
        ("2027-01-31T10:00:00Z", 13, "2028-02-29T10:00:00Z"),
        ("2026-12-01T00:00:00Z", 13, "2028-01-01T00:00:00Z"),
    ],
)
def test_months_are_clamped_to_their_end(start: str, months: int, end: str) -> None:
    later = instants.add_months(instants.parse_instant(start), months)
    assert later == instants.parse_instant(end)


def test_the_month_depends_on_the_zone() -> None:
    at = instants.parse_instant("2026-04-30T15:00:00Z")
    assert instants.month_of(at, ZoneInfo("UTC")) == "2026-04"
    assert instants.month_of(at, ZoneInfo("Asia/Tokyo")) == "2026-05"


@given(st.sets(st.integers(min_value=1, max_value=10**12), min_size=2, max_size=20))
def test_ids_never_collide(numbers: set[int]) -> None:
    made = {ids.charge_id("sandbox", number) for number in numbers}
    assert len(made) == len(numbers)
    assert all(len(charge) == 27 and charge[19:21] == "-C" for charge in made)


def test_the_clock_runs_and_does_not_go_back_by_itself() -> None:
    clock = VirtualClock()
    clock.move_to(clock.now() + 10**9)
    now = clock.now()
    assert now >= clock.now() - 1000
    with pytest.raises(ClockRefused, match="force"):
        clock.move_to(now - 1)
    clock.move_to(now - 10**6, force=True)
    assert clock.now() < now


@pytest.mark.parametrize(
    "name", ["CreateCharge", "createCharge", "create_charge", "Create Charge", "create-charge"]
)
def test_operation_names_in_any_spelling(name: str) -> None:
    assert same_name(name) == "createcharge"


@pytest.mark.parametrize(
    ("captured", "most"),
    [(1, 1), (6, 6), (7, 8), (56_000, 64_400), (100_000, 108_400), (10_000_000, 10_000_000)],
)
def test_the_refund_bound(captured: int, most: int) -> None:
    # captured + min(⌊15 %⌋, 8,400), never above 10,000,000
    assert refundable_yen(captured) == most


def test_the_query_forms() -> None:
    assert _query_forms("") == ("",)
    assert _query_forms("b=%7e&a=1") == ("b=%7e&a=1", "a=1&b=%7e", "a=1&b=~")
