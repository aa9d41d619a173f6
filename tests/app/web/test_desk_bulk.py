"""Charging many again: the dry run, pressing twice, stopping, the brake, dying on the way."""

from collections.abc import Iterator
from typing import Any

import pytest
from desk_shop import DeskShop, played
from support.sandbox import Sandbox

import billing.bulk_work.charge_again as acts
from billing import charge_story, check_retry, make_due, pull_brake, reading, release_brake, writing
from billing.bulk_work import plan_charge_again, work_bulk
from plans import BadInput
from scheduler.bulk import do_bulk_work


@pytest.fixture
def desk(database_url: str, sandbox: Sandbox) -> Iterator[DeskShop]:
    with played(database_url, sandbox) as shop:
        yield shop


@pytest.fixture
def small_desk(sqlite_url: str, sandbox: Sandbox) -> Iterator[DeskShop]:
    """On one database: what is asked of it does not differ."""
    with played(sqlite_url, sandbox) as shop:
        yield shop


def drafted(desk: DeskShop, **fields: str) -> str:
    """Try everything dry; the address of the job."""
    answer = desk.owner.post_form("/failures", "/failures/try", **({"which": "all"} | fields))
    assert answer.status_code == 303
    return answer.headers["location"]


def decide(desk: DeskShop, job: str, to: str) -> int:
    return desk.owner.post_form(job, f"{job}/decide", to=to).status_code


def rows(desk: DeskShop) -> dict[str, tuple[str, str | None]]:
    found = desk.shop.rows("SELECT subject, state, reason FROM bulk_row ORDER BY position")
    return {row["subject"]: (row["state"], row["reason"]) for row in found}


def test_a_bulk_job_from_its_dry_run_to_its_end(desk: DeskShop) -> None:
    before = desk.shop.taken()
    job = drafted(desk)
    assert rows(desk) == {
        "sub-002-0010-renewal": ("waiting", None),
        "sub-006-0010-renewal": ("waiting", None),
        "sub-004-0010-renewal:2": ("left_out", "cap"),  # 0 of 50,000 are left
        "sub-005-0010-renewal": ("waiting", None),  # Amazon is asked first
    }
    page = desk.get(job)
    assert "¥8,400" in page  # 1,980 + 4,440 + 1,980
    assert do_bulk_work(desk.shop.engine) == 0, "nothing is done before somebody says yes"
    assert desk.shop.taken() == before
    form = desk.owner.form_of(job, f"{job}/decide")
    for _ in range(2):  # pressed twice
        answer = desk.owner.send("POST", f"{job}/decide", data=form | {"to": "ready"})
        assert answer.status_code == 303
    assert decide_again(desk, job) == 303, "a second tab: the same decision once more"
    assert 'hx-trigger="every 3s"' in desk.get(job)
    assert 'http-equiv="refresh"' in desk.get(job)
    assert do_bulk_work(desk.shop.engine) == 2
    assert do_bulk_work(desk.shop.engine) == 0
    assert rows(desk)["sub-005-0010-renewal"] == ("refused", "permission")
    assert set(desk.shop.taken()) - set(before) == {
        ("sub-002-0010-renewal", 1_980),
        ("sub-006-0010-renewal", 4_440),
    }
    ended = desk.get(job)
    assert "3 / 3" in ended
    assert "¥6,420" in ended
    assert "hx-trigger" not in ended
    assert len(desk.shop.rows("SELECT id FROM bulk_job")) == 1
    kinds = desk.shop.rows("SELECT kind, actor FROM audit_event WHERE kind LIKE 'bulk%'")
    assert [(row["kind"], row["actor"]) for row in kinds] == [("bulk_ready", "staff")]
    assert desk.shop.faults() == []


def decide_again(desk: DeskShop, job: str) -> int:
    form = desk.owner.form_of("/failures", "/failures/try")  # any fresh form of this browser
    return desk.owner.send("POST", f"{job}/decide", data=form | {"to": "ready"}).status_code


def test_a_dead_worker_loses_nothing_and_doubles_nothing(
    desk: DeskShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = drafted(desk)
    assert decide(desk, job, "ready") == 303
    engine, at = desk.shop.engine, desk.shop.clock.now()
    # The first worker dies after its first slice of one row, before it has charged anything.
    writing(desk.shop.database, lambda c: work_bulk(c, engine.merchant, at=at, limit=1))
    assert rows(desk)["sub-002-0010-renewal"] == ("done", None)
    assert rows(desk)["sub-006-0010-renewal"] == ("waiting", None)
    # The second one dies inside a slice: the slice is as if it had never been.
    monkeypatch.setattr(acts, "make_due", dying)
    with pytest.raises(KeyboardInterrupt):
        do_bulk_work(engine)
    monkeypatch.undo()
    assert rows(desk)["sub-006-0010-renewal"] == ("waiting", None)
    assert do_bulk_work(engine) == 1, "the third one goes on where the first one was"
    engine.run_due()
    paid = [reference for reference, _ in desk.shop.taken()]
    assert paid.count("sub-002-0010-renewal") == paid.count("sub-006-0010-renewal") == 1
    assert desk.shop.faults() == []


def dying(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_the_staff_decides_what_is_done(small_desk: DeskShop) -> None:
    dry_run_says_what_the_retry_says(small_desk)
    only_what_is_ticked_is_tried(small_desk)
    stopped_and_braked_work_waits(small_desk)


def stopped_and_braked_work_waits(desk: DeskShop) -> None:
    engine = desk.shop.engine
    job = drafted(desk)
    decide(desk, job, "ready")
    move(desk, pull_brake, by="test")
    assert do_bulk_work(engine) == 0
    assert "The brake is pulled" in desk.get(job)
    assert decide(desk, job, "stopped") == 303
    move(desk, release_brake)
    assert do_bulk_work(engine) == 0
    assert decide_again(desk, job) == 409, "what was stopped does not begin again"
    other = drafted(desk)
    assert other != job
    assert decide(desk, other, "withdrawn") == 303
    assert do_bulk_work(engine) == 0


def move(desk: DeskShop, brake: Any, **who: str) -> None:
    at = desk.shop.clock.now()
    writing(
        desk.shop.database,
        lambda c: brake(c, desk.shop.engine.merchant, reason="test", at=at, **who),
    )


def only_what_is_ticked_is_tried(desk: DeskShop) -> None:
    number = desk.shop.slot("sub-006-0010-renewal")["id"]
    drafted(desk, which="ticked", row=str(number))
    assert rows(desk) == {"sub-006-0010-renewal": ("waiting", None)}
    nothing = desk.owner.post_form("/failures", "/failures/try", which="ticked")
    assert nothing.status_code == 422
    foreign = desk.owner.post_form("/failures", "/failures/try", which="ticked", row="999999")
    assert foreign.status_code == 422


def dry_run_says_what_the_retry_says(desk: DeskShop) -> None:
    """Every slot in every state: what is left out would be refused, but for what is the cap's."""
    merchant, at = desk.shop.engine.merchant, desk.shop.clock.now()
    slots = desk.shop.rows("SELECT id, reference, state FROM slot")
    with reading(desk.shop.database) as connection:
        found = plan_charge_again(
            connection, merchant, slot_ids=[slot["id"] for slot in slots], at=at
        )
        for planned in found.rows:
            story = charge_story(connection, merchant, reference=planned.subject)
            if planned.reason is not None and planned.reason.startswith("is_"):
                with pytest.raises(BadInput):
                    check_retry(story)
            else:
                check_retry(story)
    with pytest.raises(BadInput, match="NonChargeable"):
        writing(
            desk.shop.database,
            lambda c: make_due(c, merchant, reference="sub-005-0010-renewal", at=at),
        )
    assert found.amount_yen == 8_400
