"""A charge by hand never doubles another one; one more try of a failed one; who may."""

from collections.abc import Iterator
from datetime import date

import pytest
from acting_shop import ActingShop, acting
from support.sandbox import Sandbox

ORDER = {
    "name_ja": "送料",
    "name_en": "Shipping",
    "unit_yen": "550",
    "quantity": "2",
    "tax": "standard",
    "reason": "再配達",
}


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    with acting(database_url, sandbox) as shop:
        yield shop


def previewed(
    desk: ActingShop, number: int, role: str = "support", **changes: str
) -> tuple[int, str]:
    """Status and page of a preview."""
    page = f"/subscriptions/{desk.id_of(number)}/charge"
    answer = desk.send(f"{page}?lang=en", page, role, **(ORDER | changes))
    return answer.status_code, answer.text


def confirm(desk: ActingShop, number: int, role: str = "support", **changes: str) -> int:
    """Confirm with a fresh form, as the preview's own form would be sent."""
    page = f"/subscriptions/{desk.id_of(number)}/charge"
    form = desk.who(role).form_of(page, page)
    sent = form | ORDER | changes
    return desk.who(role).send("POST", f"{page}/confirm", data=sent).status_code


def manual_charges(desk: ActingShop) -> list[int]:
    return [yen for name, yen in desk.shop.taken() if "one_off" in name]


def test_charges_by_hand(desk: ActingShop) -> None:
    bad_input_keeps_what_was_typed(desk)
    a_preview_moves_nothing_and_a_form_charges_once(desk)
    the_schedule_goes_on_beside_it(desk)
    the_cap_says_no(desk)
    a_failed_charge_is_tried_once_more(desk)
    strangers_ids_are_not_there(desk)
    assert desk.shop.faults() == []


def bad_input_keeps_what_was_typed(desk: ActingShop) -> None:
    for changes, shown in (
        ({"unit_yen": "-5"}, 'value="-5"'),
        ({"unit_yen": "1.5"}, 'value="1.5"'),
        ({"quantity": "0"}, 'value="0"'),
        ({"tax": "none"}, 'value="送料"'),
        ({"reason": ""}, 'value="550"'),
        ({"name_ja": ""}, 'value="Shipping"'),
    ):
        status, page = previewed(desk, 1, **changes)
        assert status == 422, changes
        assert shown in page, changes


def a_preview_moves_nothing_and_a_form_charges_once(desk: ActingShop) -> None:
    status, page = previewed(desk, 6)
    assert status == 200
    assert "¥1,100" in page  # 2 × 550
    assert "¥100" in page  # 1,100 × 10/110
    assert "¥50,000" in page
    assert manual_charges(desk) == []
    # 1 was charged by the schedule this morning.
    assert "sub-001-0010-renewal" in previewed(desk, 1)[1]
    assert confirm(desk, 1) == 422
    row = f"/subscriptions/{desk.id_of(6)}/charge"
    form = desk.who("support").form_of(row, row) | ORDER
    for _ in range(2):
        sent = desk.who("support").send("POST", f"{row}/confirm", data=form)
        assert sent.status_code == 303
    assert manual_charges(desk) == [1_100]
    # Another tab: a charge of the last days must be looked at and ticked first.
    assert confirm(desk, 6) == 422
    assert manual_charges(desk) == [1_100]
    assert "one_off" in previewed(desk, 6)[1]
    assert confirm(desk, 6, beside="yes") == 303
    assert manual_charges(desk) == [1_100, 1_100]
    assert desk.audit("one_off%") == [("one_off_requested", "support")] * 2


def the_schedule_goes_on_beside_it(desk: ActingShop) -> None:
    # Whoever charges by hand two days before the schedule does sees it, and has to tick it.
    desk.shop.go_to(date(2026, 12, 18), hour=12)
    assert "The schedule charges this subscription soon: 2026-12-20" in previewed(desk, 6)[1]
    assert confirm(desk, 6) == 422
    before = len(desk.shop.taken())
    desk.shop.charge_on(date(2026, 12, 20))
    renewals = [name for name, _ in desk.shop.taken() if name.startswith("sub-006")]
    assert len([name for name in renewals if name.endswith("renewal")]) == 1
    assert len(desk.shop.taken()) > before
    desk.shop.charge_on(date(2026, 12, 20), hour=15)
    assert len([name for name, _ in desk.shop.taken() if name == renewals[-1]]) == 1


def the_cap_says_no(desk: ActingShop) -> None:
    """3 has 50,000 a month: 51,000 fit in no month, whatever else was charged."""
    status, page = previewed(desk, 3, unit_yen="51000", quantity="1")
    assert status == 200
    assert "do not fit under the cap" in page
    assert "Charge ¥51,000" not in page
    taken = desk.shop.taken()
    assert confirm(desk, 3, unit_yen="51000", quantity="1", beside="yes") == 409
    assert desk.shop.taken() == taken


def a_failed_charge_is_tried_once_more(desk: ActingShop) -> None:
    desk.shop.amazon.patch_permission("C03-0000005-0000001", behaviour=[])
    slots = desk.shop.rows("SELECT id, state FROM slot WHERE reference = 'sub-005-0010-renewal'")
    listing = desk.get(f"/subscriptions/{desk.id_of(5)}/charges")
    page = f"/slots/{slots[0]['id']}/retry"
    if slots[0]["state"] != "paid":
        assert page in listing
        form = desk.who("finance").form_of(page, page)
        for _ in range(2):
            assert desk.who("finance").send("POST", page, data=form).status_code == 303
    paid = [name for name, _ in desk.shop.taken() if name.startswith("sub-005-0010")]
    assert len(paid) == 1
    assert "/refund" in desk.get(f"/subscriptions/{desk.id_of(5)}/charges")
    assert "cannot be charged again" in desk.get(page)


def strangers_ids_are_not_there(desk: ActingShop) -> None:
    for path in (
        "/subscriptions/99999/charge",
        "/subscriptions/99999/charges",
        "/slots/99999/retry",
        "/charges/99999/refund",
    ):
        desk.get(path, status=404)
    row = desk.id_of(1)
    for role, path in (
        ("viewer", f"/subscriptions/{row}/charge"),
        ("viewer", "/slots/1/retry"),
    ):
        desk.get(path, role, status=403)
