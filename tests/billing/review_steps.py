"""Random steps of a walk: everything people ask for that moves days or terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import strategies as st
from review_walk import Walk

from billing.quotes import plan_change
from plans import PlansError
from plans.lifecycle import (
    AddAddOn,
    Cancel,
    ChangeAddOn,
    ChangeAnchor,
    ChangeNextDate,
    ChangeQuantity,
    Command,
    Pause,
    Refund,
    RemoveAddOn,
    Resume,
    ResumeMode,
    SkipCycles,
    Timing,
    Undo,
)


@dataclass(frozen=True)
class Step:
    """Some days pass, then somebody asks for something."""

    days: int
    what: str
    number: int
    ahead: int
    timing: Timing
    mode: ResumeMode
    plan: str
    flag: bool


PLANS = ["low", "mid", "food", "seats", "long"]


def _pause(step: Step, walk: Walk) -> Command:
    on = walk.on + timedelta(days=step.ahead)
    on_date = on if step.timing is Timing.ON_DATE else None
    length = {"cycles": step.number} if step.flag else {"until": on + timedelta(days=25)}
    return Pause(step.timing, on_date, mode=step.mode, **(length if step.number < 3 else {}))


def _when(step: Step, walk: Walk) -> tuple:
    ahead = walk.on + timedelta(days=step.ahead)
    return step.timing, ahead if step.timing is Timing.ON_DATE else None


def _plan(step: Step, walk: Walk) -> Command:
    timing, on_date = _when(step, walk)
    how = {"timing": timing, "on_date": on_date}
    return plan_change(walk.view, plan_code=step.plan, on=walk.on, **how)


ASKED: dict[str, Callable[[Step, Walk], Command]] = {
    "plan": _plan,
    "seats": lambda s, w: ChangeQuantity(s.number, *_when(s, w)),
    "call": lambda s, w: AddAddOn("call", 1, *_when(s, w)),
    "snack": lambda s, w: AddAddOn("snack", s.number, *_when(s, w)),
    "snacks": lambda s, w: ChangeAddOn("snack", s.number, *_when(s, w)),
    "no snack": lambda s, w: RemoveAddOn("snack", *_when(s, w)),
    "skip": lambda s, w: SkipCycles(s.number),
    "next": lambda s, w: ChangeNextDate(w.on + timedelta(days=s.ahead)),
    "anchor": lambda s, w: ChangeAnchor(w.on + timedelta(days=s.ahead)),
    "pause": _pause,
    "resume": lambda s, w: Resume(w.on + timedelta(days=s.ahead) if s.flag else None, s.mode),
    "undo": lambda s, w: Undo(w.sub.queue[0].id if w.sub.queue else "chg-0"),
    "cancel": lambda s, w: Cancel(*_when(s, w), refund=Refund.PRORATED),
}
# Plans and pauses are where days and terms cross; the end comes seldom.
OFTEN = [*ASKED, "plan", "plan", "pause", "pause", "resume", "resume", "anchor", "next"]

steps = st.lists(
    st.builds(
        Step,
        days=st.integers(0, 35),
        what=st.sampled_from(OFTEN),
        number=st.integers(1, 3),
        ahead=st.integers(0, 70),
        timing=st.sampled_from(Timing),
        mode=st.sampled_from(ResumeMode),
        plan=st.sampled_from(PLANS),
        flag=st.booleans(),
    ),
    max_size=7,
)


def walked(walk: Walk, life: list[Step]) -> Walk:
    """Walk a life; what is refused is not done."""
    for step in life:
        walk.until(walk.on + timedelta(days=step.days))
        if walk.over:
            break
        try:
            walk.ask(ASKED[step.what](step, walk))
        except PlansError:
            continue
    return walk
