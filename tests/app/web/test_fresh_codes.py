"""What weighs much asks for a code of this moment: bulk work, price changes, limits that rise."""

from datetime import UTC, datetime

from acting_shop import ActingShop, acting
from support.sandbox import Sandbox
from test_settings_rules import CONFIRM, hidden_of, preview
from test_web_log_in import WallClock, set_up

from scheduler.bulk import do_bulk_work

MOVE = "/bulk/move"
NEW = "/price-moves/new"
ASKED = {
    "plan": "basic",
    "what": "plan",
    "to_plan": "team",
    "when": "renewal",
    "reason": "値下げ",
    "state": "active",
}
DRY = (
    f"{NEW}?old=basic@1970-01-01&to=amount&amount=2480&notice_on=2026-11-30&effective_on=2026-12-31"
)


class Codes:
    """The recovery codes of the owner; each one counts once, as a code of a telephone does."""

    def __init__(self, codes: list[str]) -> None:
        self.left = list(codes)
        self.last = "000000"

    def next(self) -> str:
        self.last = self.left.pop()
        return self.last


def test_what_weighs_much_asks_for_a_code_of_this_moment(sqlite_url: str, sandbox: Sandbox) -> None:
    with acting(sqlite_url, sandbox) as desk:
        wall = WallClock()
        wall.at = datetime.now(UTC)
        codes = Codes(set_up(desk.owner, wall)[1])
        desk.get("/bulk")  # in English from here on
        bulk_work_begins_and_is_undone_with_a_code(desk, codes)
        a_price_change_is_scheduled_and_withdrawn_with_a_code(desk, codes)
        a_limit_rises_with_a_code(desk, codes)
        assert desk.shop.faults() == []


def refused(desk: ActingShop, page: str, action: str, codes: Codes, **fields: str) -> None:
    """Without a code, with one that was used, and with a wrong one nothing is done."""
    for code in ({}, {"code": codes.last}, {"code": "123456"}):
        answer = desk.send(page, action, **fields, **code)
        assert answer.status_code == 422, answer.status_code
        assert 'id="problem-code"' in answer.text
        assert "123456" not in answer.text, "a code is never shown again"


def bulk_work_begins_and_is_undone_with_a_code(desk: ActingShop, codes: Codes) -> None:
    job = desk.done(MOVE, MOVE, **ASKED)  # the dry run needs none
    decide = f"{job}/decide"
    refused(desk, job, decide, codes, to="ready")
    assert do_bulk_work(desk.shop.engine) == 0
    desk.done(job, decide, to="ready", code=codes.next())
    desk.done(job, decide, to="stopped")  # stopping waits for no telephone
    page = desk.get(job)
    assert page.count('name="code"') == 1, "going on; nothing is done yet that could be undone"
    desk.done(job, decide, to="continued", code=codes.next())
    assert do_bulk_work(desk.shop.engine) == 3
    refused(desk, job, decide, codes, to="undoing")
    desk.done(job, decide, to="undoing", code=codes.next())
    again = desk.done(MOVE, MOVE, **ASKED)
    desk.done(again, f"{again}/decide", to="withdrawn")
    # Support has no second factor here, as only a sandbox allows: nothing is asked.
    other = desk.done(MOVE, MOVE, "support", **ASKED)
    assert 'name="code"' not in desk.get(other, "support")


def a_price_change_is_scheduled_and_withdrawn_with_a_code(desk: ActingShop, codes: Codes) -> None:
    assert 'name="code"' not in desk.get(NEW), "a dry run needs none"
    refused(desk, DRY, NEW, codes)
    assert "There is no price change" in desk.get("/price-moves")
    one = desk.done(DRY, NEW, code=codes.next())
    refused(desk, one, f"{one}/withdraw", codes)
    assert "can be withdrawn until then" in desk.get(one)
    desk.done(one, f"{one}/withdraw", code=codes.next())
    page = desk.get(one)
    assert "Withdrawn: no subscriber is moved" in page
    assert "Whoever signs up on Thu, 31 Dec 2026 pays ¥1,980" in page


def a_limit_rises_with_a_code(desk: ActingShop, codes: Codes) -> None:
    def held() -> tuple[int, int]:
        (row,) = desk.shop.rows("SELECT cap_yen, refund_approval_yen FROM merchant")
        return row["cap_yen"], row["refund_approval_yen"]

    assert held() == (50_000, 10_000)
    for raised in ({"cap_yen": "60000"}, {"refund_approval_yen": "20000"}):
        answer = preview(desk.owner, **raised)
        assert 'name="code"' in answer.text
        for code in ("", codes.last):
            sent = desk.owner.send("POST", CONFIRM, data=hidden_of(answer.text) | {"code": code})
            assert sent.status_code == 422
            assert 'id="problem-code"' in sent.text
            answer = sent
        data = hidden_of(answer.text) | {"code": codes.next()}
        assert desk.owner.send("POST", CONFIRM, data=data).status_code == 303
    assert held() == (60_000, 20_000)
    lowered = preview(desk.owner, cap_yen="55000", refund_approval_yen="0")
    assert 'name="code"' not in lowered.text
    assert desk.owner.send("POST", CONFIRM, data=hidden_of(lowered.text)).status_code == 303
    assert held() == (55_000, 0)
