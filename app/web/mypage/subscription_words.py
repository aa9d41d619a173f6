"""Waiting changes and questions in the customer's words; the words are in the catalogues."""

from collections.abc import Mapping
from typing import assert_never

from app.web.shell import Words
from plans import Catalogue
from plans.lifecycle import (
    AddAddOn,
    AddOnChange,
    Cancellation,
    Change,
    ChangeAddOn,
    ChangeNextDate,
    ChangePlan,
    ChangeQuantity,
    Command,
    CouponChange,
    Pause,
    PauseCause,
    PauseChange,
    PlanChange,
    QuantityChange,
    RemoveAddOn,
    Resume,
    SkipCycles,
    Undo,
)


def waiting_words(change: Change, catalogue: Catalogue, words: Words) -> str:
    """What waits for its day, as one clause."""
    match change:
        case PlanChange(plan_code=code):
            return words("my.waiting.plan", plan=plan_name(code, catalogue, words))
        case QuantityChange(quantity=quantity):
            return words("my.waiting.quantity", quantity=f"{quantity:,}")
        case AddOnChange(step=step, code=code, quantity=quantity):
            name = add_on_name(code, catalogue, words)
            return words(f"my.waiting.add_on.{step.value}", name=name, quantity=f"{quantity:,}")
        case CouponChange(step=step, code=code):
            return words(f"my.waiting.coupon.{step.value}", code=code)
        case PauseChange(cause=PauseCause.SKIP, until=until) if until is not None:
            return words("my.waiting.skip", until=words.day(until))
        case PauseChange(until=until):
            if until is None:
                return words("my.waiting.pause")
            return words("my.waiting.pause_until", until=words.day(until))
        case Cancellation():
            return words("my.waiting.cancel")
        case _:
            assert_never(change)


def asked_words(command: Command, catalogue: Catalogue, words: Words) -> str:
    """What a quote answers, as a heading."""
    key, figures = _asked(command, catalogue, words)
    return words(key, **figures)


def _asked(command: Command, catalogue: Catalogue, words: Words) -> tuple[str, Mapping[str, str]]:
    match command:
        case ChangePlan(plan_code=code):
            return "my.asked.plan", {"plan": plan_name(code, catalogue, words)}
        case ChangeQuantity(quantity=quantity):
            return "my.asked.quantity", {"quantity": f"{quantity:,}"}
        case AddAddOn(code=code, quantity=quantity) | ChangeAddOn(code=code, quantity=quantity):
            name = add_on_name(code, catalogue, words)
            return "my.asked.add_on", {"name": name, "quantity": f"{quantity:,}"}
        case RemoveAddOn(code=code):
            return "my.asked.without_add_on", {"name": add_on_name(code, catalogue, words)}
        case SkipCycles(count=count):
            return "my.asked.skip", {"number": f"{count:,}"}
        case ChangeNextDate(to=to):
            return "my.asked.move", {"day": words.day(to)}
        case Pause(until=until):
            if until is None:
                return "my.asked.pause", {}
            return "my.asked.pause_until", {"until": words.day(until)}
        case Resume(on_date=day):
            if day is None:
                return "my.asked.resume", {}
            return "my.asked.resume_on", {"day": words.day(day)}
        case Undo():
            return "my.asked.undo", {}
        case _:
            return f"my.asked.{command.kind}", {}


def plan_name(code: str, catalogue: Catalogue, words: Words) -> str:
    """The name of a plan; its code when the price list has it no more."""
    plan = catalogue.plans.get(code)
    return code if plan is None else words.pick(ja=plan.name_ja, en=plan.name_en)


def add_on_name(code: str, catalogue: Catalogue, words: Words) -> str:
    """The name of an add-on by its newest version."""
    versions = catalogue.add_ons.get(code, ())
    return words.pick(ja=versions[-1].name_ja, en=versions[-1].name_en) if versions else code
