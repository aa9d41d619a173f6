"""The pages of bulk moves and of price changes: forms, dry runs, roles, decisions, files."""

from collections.abc import Iterator

import pytest
from acting_shop import ActingShop, acting
from support.sandbox import Sandbox

from billing.bulk_work import look_ahead
from billing.deliveries import tell_price_changes
from scheduler.bulk import do_bulk_work, try_dry

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


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, shared_sandbox: Sandbox) -> Iterator[ActingShop]:
    shared_sandbox.reset()
    folder = tmp_path_factory.mktemp("moves")
    with acting(f"sqlite:///{folder / 'autopay.sqlite3'}", shared_sandbox) as shop:
        yield shop


def decide(desk: ActingShop, job: str, to: str, role: str = "owner") -> int:
    return desk.send(job, f"{job}/decide", role, to=to).status_code


def test_a_move_is_prepared_by_support_and_started_by_an_owner(desk: ActingShop) -> None:
    """1, 4 and 6 are active on basic: 3 × (1,480 - 1,980) = -1,500 a month; 5 is past due."""
    for role in ("viewer", "finance"):
        desk.get(MOVE, role, status=403)
    job = desk.done(MOVE, MOVE, "support", **ASKED)
    page = desk.get(job, "support")
    for shown in ("3 subscriptions", "−¥1,500 a month", "sub-006", "An owner starts it"):
        assert shown in page, shown
    assert "Start:" not in page
    # The button is not there; who sends what it would send is refused.
    form = desk.who("support").form_of(job, f"{job}/decide")
    sent = desk.who("support").send("POST", f"{job}/decide", data=form | {"to": "ready"})
    assert sent.status_code == 403
    assert "Start: 3 subscriptions, −¥1,500 a month" in desk.get(job)
    assert "sub-006" in desk.get(job, "finance")
    assert decide(desk, job, "ready") == 303
    assert 'http-equiv="refresh"' in desk.get(job)
    assert decide(desk, job, "stopped", "support") == 303
    assert do_bulk_work(desk.shop.engine) == 0
    assert "Go on (3 left)" in desk.get(job)
    assert decide(desk, job, "continued") == 303
    assert do_bulk_work(desk.shop.engine) == 3
    ended = desk.get(job)
    assert "3 / 3" in ended
    assert "Undo 3 rows" in ended
    assert decide(desk, job, "undoing") == 303
    assert do_bulk_work(desk.shop.engine) == 0
    assert "Undo 3 rows" not in desk.get(job)
    kinds = [kind for kind, _ in desk.audit("bulk_%")]
    assert kinds == ["bulk_ready", "bulk_stopped", "bulk_ready", "bulk_undoing"]
    assert desk.shop.faults() == []


def test_a_list_of_names_is_read_and_its_rows_downloaded(desk: ActingShop) -> None:
    listed = "subscription,name\nsub-001,=1+1\n\nsub-002\n=cmd\nsub-001\n"
    job = desk.done(
        MOVE, MOVE, names=listed, what="quantity", quantity="4", when="now", reason="r",
        state="active",
    )  # fmt: skip
    page = desk.get(job)
    assert "There is no subscription of this name" in page
    answer = desk.who("support").get(f"{job}/rows.csv?lang=en")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = answer.text.lstrip("\ufeff").splitlines()
    assert len(lines) == 4, lines
    assert lines[0].startswith("row,state,yen,why,before,after")
    assert any(line.startswith("'=cmd,Left out") for line in lines), "no cell runs as a formula"
    assert desk.who("viewer").get(f"{job}/rows.csv").status_code == 403
    assert decide(desk, job, "withdrawn", "support") == 303


def test_a_long_dry_run_goes_on_by_itself(
    desk: ActingShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "app.web.backoffice.moves.look_ahead",
        lambda connection, merchant, at: look_ahead(connection, merchant, at=at, limit=1),
    )
    job = desk.done(MOVE, MOVE, **ASKED)
    page = desk.get(job)
    for shown in ("1 / 3", 'hx-trigger="every 3s"', 'http-equiv="refresh"'):
        assert shown in page, shown
    assert "Start:" not in page
    # A press that comes too early does nothing.
    form = desk.owner.form_of(job, f"{job}/decide")
    early = desk.owner.send("POST", f"{job}/decide", data=form | {"to": "ready"})
    assert early.status_code == 409
    assert try_dry(desk.shop.engine) == 2
    assert "See what the dry run says" in desk.get(f"{job}/progress")
    assert "Start: 3 subscriptions" in desk.get(job)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"plan": ""}, "Everybody is too many", id="everybody"),
        pytest.param({"plan": "basic@yesterday"}, 'id="problem-plan"', id="price"),
        pytest.param({"plan": "yearly"}, "No subscription is like that", id="nobody"),
        pytest.param({"to_plan": ""}, 'id="problem-to_plan"', id="plan-missing"),
        pytest.param({"what": "quantity"}, 'id="problem-quantity"', id="seats-missing"),
        pytest.param({"when": "from"}, 'id="problem-from_day"', id="day-missing"),
        pytest.param({"reason": ""}, 'id="problem-reason"', id="no-reason"),
        pytest.param({"state": "canceled"}, 'id="problem-state"', id="state"),
    ],
)
def test_a_form_says_what_is_wrong_beside_it(
    desk: ActingShop, changes: dict[str, str], said: str
) -> None:
    desk.get(MOVE)  # in English from here on
    answer = desk.send(MOVE, MOVE, **(ASKED | {"reason": "残るはず"} | changes))
    assert answer.status_code == 422
    assert said in answer.text
    assert "残るはず" in answer.text or "reason" in changes, "what was typed is kept"


def test_a_price_change_is_scheduled_and_withdrawn_by_an_owner(desk: ActingShop) -> None:
    """1, 4, 5 and 6 pay 1,980: at 2,480 they are worth 4 × 500 = 2,000 a month more."""
    desk.get(NEW, "support", status=403)
    asked = (
        "old=basic@1970-01-01&to=amount&amount=2480&notice_on=2026-11-30&effective_on=2026-12-31"
    )
    too_soon = desk.get(f"{NEW}?{asked.replace('12-31', '12-29')}", status=422)
    assert 'id="problem-effective_on"' in too_soon
    page = f"{NEW}?{asked}"
    shown = desk.get(page)
    for words in ("Schedule: 4 subscriptions, +¥2,000 a month", "2027-01-30", "2027-01-20"):
        assert words in shown, words
    assert "There is no price change" in desk.get("/price-moves"), "a dry run keeps nothing"
    form = desk.owner.form_of(page, NEW)
    stale = desk.owner.send("POST", NEW, data=form | {"seen_yen": "1999"})
    assert stale.status_code == 409
    assert "The figures have changed" in stale.text
    one = desk.done(page, NEW)
    assert "¥1,980 → ¥2,480" in desk.get("/price-moves", "viewer")
    detail = desk.get(one, "finance")
    assert "Withdraw it" not in detail
    assert "+¥2,000 a month" in detail
    lines = desk.who("finance").get(f"{one}/rows.csv?lang=en").text.splitlines()
    assert lines[1] == "sub-001,Active,1,1980,2480,2027-01-30"
    for role in ("support", "finance"):
        form = desk.who(role).form_of("/refunds", "/logout")
        refused = desk.who(role).send("POST", f"{one}/withdraw", data=form)
        assert refused.status_code == 403
    at = desk.shop.clock.now()
    assert tell_price_changes(desk.shop.database, desk.shop.engine.merchant, at=at) == 4
    assert desk.done(one, f"{one}/withdraw", keep_on_sale="yes") == one
    withdrawn = desk.get(one)
    for words in (
        "Withdrawn: no subscriber is moved",
        "4 had been told of the change. They are told that their price stays.",
        "Whoever signs up on Thu, 31 Dec 2026 pays ¥2,480",
    ):
        assert words in withdrawn, words
    stays = desk.shop.rows("SELECT id FROM notice WHERE kind = 'price_stays'")
    assert len(stays) == 4
    assert [kind for kind, _ in desk.audit("price_change%")] == [
        "price_change_scheduled",
        "price_change_withdrawn",
    ]
    desk.get("/price-moves/nothing", status=404)
