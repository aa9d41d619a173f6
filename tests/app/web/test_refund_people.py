"""Refunds by two people: a code of this moment, 24 hours, and no second name of the first one."""

from datetime import UTC, datetime, timedelta
from typing import Any

from acting_shop import ActingShop, acting
from sqlalchemy import Connection
from support.sandbox import Sandbox
from test_web_log_in import WallClock, set_up

from app.web.shell import Role
from app.web.staff import change_role, change_state, set_password
from billing import RefundRequest, request_refund, writing
from billing.approvals import KEPT_FOR


def test_two_people_stand_behind_two_names(sqlite_url: str, sandbox: Sandbox) -> None:
    # Every refund of this shop needs a second person.
    with acting(sqlite_url, sandbox, refund_approval_yen=0) as desk:
        an_account_of_after_the_request_does_not_approve_it(desk)
        who_left_asks_for_nothing(desk)
        a_request_holds_for_a_day(desk)
        what_went_back_otherwise_is_not_given_twice(desk)
        an_approval_needs_a_code_of_this_moment(desk)
        assert desk.shop.faults() == []


def asked(desk: ActingShop, reference: str, role: str = "finance") -> str:
    """Ask for all of a charge; the page of the request."""
    page = f"/charges/{desk.attempt(reference)}/refund"
    return desk.done(page, page, role, which="all", reason=f"about {reference}")


def approve(desk: ActingShop, path: str, role: str = "owner", **fields: str) -> tuple[int, str]:
    answer = desk.send(path, f"{path}/decide", role, to="approved", note="", **fields)
    return answer.status_code, answer.text


def refunds(desk: ActingShop, reference: str) -> list[str]:
    sql = "SELECT state FROM refund WHERE reason = :r"
    return [row["state"] for row in desk.shop.rows(sql, r=f"about {reference}")]


def english(desk: ActingShop, role: str) -> None:
    desk.who(role).cookies.set("autopay_lang", "en", domain="autopay.test", path="/")


def an_account_of_after_the_request_does_not_approve_it(desk: ActingShop) -> None:
    reference = "sub-001-0010-renewal"
    path = asked(desk, reference)
    now = datetime.now(UTC)
    second, password = desk.who("support"), "ein Satz, den niemand rät"

    def open_another(connection: Connection) -> None:
        """Finance opens somebody else's account with a password of its own."""
        who: dict[str, Any] = {"merchant_id": "shop", "name": "support", "by": "finance", "at": now}
        change_role(connection, role=Role.OWNER, **who)
        set_password(connection, password=password, **who)

    writing(desk.shop.database, open_another)
    assert second.log_in(user="support", password=password).status_code == 303
    english(desk, "support")
    status, page = approve(desk, path, "support")
    assert status == 409
    assert "made or reset after the refund was asked for" in page
    assert refunds(desk, reference) == []


def who_left_asks_for_nothing(desk: ActingShop) -> None:
    reference = "sub-003-0010-renewal"
    path = asked(desk, reference)
    english(desk, "owner")
    move(desk, "disabled")
    status, page = approve(desk, path)
    assert status == 409
    assert "does not work here any more" in page
    assert refunds(desk, reference) == []
    move(desk, "active")
    assert desk.who("finance").log_in(user="finance").status_code == 303
    assert approve(desk, path)[0] == 303
    assert len(refunds(desk, reference)) == 1


def move(desk: ActingShop, state: str) -> None:
    def work(connection: Connection) -> None:
        change_state(
            connection,
            merchant_id="shop",
            name="finance",
            state=state,
            by="staff",
            at=datetime.now(UTC),
        )

    writing(desk.shop.database, work)


def a_request_holds_for_a_day(desk: ActingShop) -> None:
    assert timedelta(hours=24) == KEPT_FOR
    reference = "sub-002-0010-renewal"
    path = asked(desk, reference)
    before = desk.shop.clock.now()
    desk.shop.clock.set(before + KEPT_FOR)
    assert 'name="to"' not in desk.get(path)
    desk.shop.clock.set(before + KEPT_FOR - timedelta(seconds=1))
    assert 'name="to"' in desk.get(path)
    desk.shop.clock.set(before)


def what_went_back_otherwise_is_not_given_twice(desk: ActingShop) -> None:
    reference = "sub-004-0010-renewal"
    path = asked(desk, reference)
    charge = desk.shop.rows(
        "SELECT charge_id FROM attempt WHERE id = :i", i=desk.attempt(reference)
    )[0]["charge_id"]

    def by_hand(connection: Connection) -> RefundRequest:
        return request_refund(
            connection,
            desk.shop.engine.merchant,
            request_id="of-the-command-line",
            amount_yen=1_980,
            reason="by hand",
            actor="cli",
            at=desk.shop.clock.now(),
            charge_id=charge,
        )

    writing(desk.shop.database, by_hand)
    status, _ = approve(desk, path)
    assert status == 409
    assert refunds(desk, reference) == []


def an_approval_needs_a_code_of_this_moment(desk: ActingShop) -> None:
    found = desk.shop.rows("SELECT id FROM refund_approval WHERE reason LIKE '%sub-002%'")
    path = f"/refunds/{found[0]['id']}"
    wall = WallClock()
    wall.at = datetime.now(UTC)
    _, codes = set_up(desk.owner, wall)
    english(desk, "owner")
    for fields in ({}, {"code": "000000"}):
        status, page = approve(desk, path, **fields)
        assert status == 422
        assert 'id="problem-code"' in page
        assert "000000" not in page
    assert refunds(desk, "sub-002-0010-renewal") == []
    assert approve(desk, path, code=codes[0])[0] == 303
    assert len(refunds(desk, "sub-002-0010-renewal")) == 1
