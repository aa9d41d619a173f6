"""Two people decide about one refund at the same moment: one outcome, one refund, both are told."""

import html
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import httpx
import pytest
from acting_shop import ActingShop, acting
from support.sandbox import Sandbox
from test_web_log_in import WallClock, set_up

from app.web.backoffice import refunds as pages
from billing.approvals import decide_approval

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(postgres_url: str, sandbox: Sandbox) -> Iterator[ActingShop]:
    # Every refund of this shop needs a second person.
    with acting(postgres_url, sandbox, refund_approval_yen=0) as shop:
        for role in ("owner", "finance"):
            shop.who(role).cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
        yield shop


class Meeting:
    """Both transactions have begun, each on its own connection, before either one decides."""

    def __init__(self) -> None:
        self._barrier = Barrier(2, timeout=20)
        self.expected = 0

    def decide(self, *given: Any, **named: Any) -> Any:
        if self.expected:  # not when a transaction is tried again
            self._barrier.wait()
            self.expected = 0
        return decide_approval(*given, **named)


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    made = Meeting()
    monkeypatch.setattr(pages, "decide_approval", made.decide)
    return made


def asked(desk: ActingShop, name: str) -> str:
    page = f"/charges/{desk.attempt(f'{name}-0010-renewal')}/refund"
    return desk.done(page, page, "support", which="all", reason=name)


def together(*acts: Callable[[], httpx.Response]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(acts)) as threads:
        return [each.result(timeout=60) for each in [threads.submit(act) for act in acts]]


def sends(
    desk: ActingShop, role: str, path: str, to: str, **more: str
) -> Callable[[], httpx.Response]:
    """The press of a button on a page that was opened before."""
    form = desk.who(role).form_of(path, f"{path}/decide") | {"to": to, "note": "no goods"} | more
    return lambda: desk.who(role).send("POST", f"{path}/decide", data=form)


def refunds(desk: ActingShop, name: str) -> list[int]:
    rows = desk.shop.rows("SELECT amount_yen FROM refund WHERE reason = :r", r=name)
    return [row["amount_yen"] for row in rows]


def sent(desk: ActingShop, name: str) -> list[int]:
    """What Amazon knows to have been given back of the charge."""
    sql = "SELECT charge_id FROM attempt WHERE id = :i"
    number = desk.attempt(f"{name}-0010-renewal")
    charge = desk.shop.rows(sql, i=number)[0]["charge_id"]
    return [each["amount"] for each in desk.shop.amazon.refunds() if each["chargeId"] == charge]


def said(desk: ActingShop, role: str, answer: httpx.Response) -> str:
    """The notice on the page that follows."""
    page = desk.who(role).get(answer.headers["location"]).text
    found = re.search(r'role="status">\s*<p>(.*?)</p>', page, re.DOTALL)
    assert found, page
    return html.unescape(re.sub(r"<[^>]+>", " ", found[1]))


def decided(desk: ActingShop, path: str) -> tuple[str, str]:
    sql = "SELECT state, decided_by FROM refund_approval WHERE id = :i"
    (row,) = desk.shop.rows(sql, i=int(path.rsplit("/", 1)[1]))
    return row["state"], row["decided_by"]


def test_two_people_at_the_same_moment(desk: ActingShop, meeting: Meeting) -> None:
    meeting.expected = 2
    both_approve(desk)
    meeting.expected = 2
    one_approves_and_the_other_declines(desk)
    one_form_is_sent_twice(desk)
    one_code_in_two_tabs(desk)
    assert desk.shop.faults() == []


def both_approve(desk: ActingShop) -> None:
    path = asked(desk, "sub-001")
    acts = [sends(desk, role, path, "approved") for role in ("owner", "finance")]
    answers = together(*acts)
    assert [each.status_code for each in answers] == [303, 303]
    state, by = decided(desk, path)
    assert state == "approved"
    assert (refunds(desk, "sub-001"), sent(desk, "sub-001")) == ([1_980], [1_980])
    told = {
        role if role != "owner" else "staff": said(desk, role, answer)
        for role, answer in zip(("owner", "finance"), answers, strict=True)
    }
    other = {"staff": "finance", "finance": "staff"}[by]
    assert f"{by} approved it on 2026-11-30 12:00" in told[other], told
    assert f"{by} approved it" not in told[by], told


def one_approves_and_the_other_declines(desk: ActingShop) -> None:
    path = asked(desk, "sub-002")
    answers = together(
        sends(desk, "owner", path, "approved"), sends(desk, "finance", path, "declined")
    )
    assert [each.status_code for each in answers] == [303, 303]
    state, by = decided(desk, path)
    went = [29_800] if state == "approved" else []
    assert (state, by) in {("approved", "staff"), ("declined", "finance")}
    assert (refunds(desk, "sub-002"), sent(desk, "sub-002")) == (went, went)
    role, answer = ("finance", answers[1]) if by == "staff" else ("owner", answers[0])
    assert f"{by} {state} it on 2026-11-30 12:00" in said(desk, role, answer)


def one_form_is_sent_twice(desk: ActingShop) -> None:
    """The same form pressed twice: its claim lets one of the two presses decide."""
    path = asked(desk, "sub-003")
    press = sends(desk, "owner", path, "approved")
    answers = together(press, press)
    assert [each.status_code for each in answers] == [303, 303]
    assert decided(desk, path) == ("approved", "staff")
    assert (refunds(desk, "sub-003"), sent(desk, "sub-003")) == ([4_440], [4_440])


def one_code_in_two_tabs(desk: ActingShop) -> None:
    """Two forms with one code: it is used up once, and the other tab shows how it stands."""
    wall = WallClock()
    wall.at = datetime.now(UTC)
    _, codes = set_up(desk.owner, wall)
    path = asked(desk, "sub-004")
    press = [sends(desk, "owner", path, "approved", code=codes[0]) for _ in range(2)]
    answers = together(*press)
    assert sorted(each.status_code for each in answers) == [303, 422]
    late = next(each for each in answers if each.status_code == 422)
    assert 'name="to"' not in late.text, "there is nothing to decide any more"
    assert "staff 2026-11-30 12:00" in late.text
    assert (refunds(desk, "sub-004"), sent(desk, "sub-004")) == ([1_980], [1_980])
