"""How a subscription with all that belongs to it is shown to people and to programs."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.output import say, write_table
from billing import EventStory, NextCharge, SlotStory, SubscriptionStory
from plans import canonical_form
from plans.lifecycle import (
    AddOnChange,
    Cancellation,
    Change,
    CouponChange,
    PauseChange,
    PlanChange,
    QuantityChange,
    ScheduledChange,
    Subscription,
)

__all__ = ["queue_line", "show_story", "story_record"]

Language = Literal["ja", "en"]

_STATES = {
    "pending": "開始待ち",
    "trialing": "無料期間中",
    "active": "契約中",
    "past_due": "支払い遅延",
    "paused": "休止中",
    "canceled": "解約済み",
}
_FACT_COLUMNS = {"ja": ("項目", "内容"), "en": ("What", "Answer")}
_QUEUE_COLUMNS = {
    "ja": ("変更ID", "変更日", "内容", "依頼者", "理由"),
    "en": ("Change", "Takes effect", "What", "Asked by", "Reason"),
}
_CHARGE_COLUMNS = {
    "ja": ("請求枠", "期日", "円", "状態", "理由コード"),
    "en": ("Reference", "Due", "Yen", "State", "Reason"),
}
_EVENT_COLUMNS = {
    "ja": ("日時", "できごと", "状態", "実行者", "理由"),
    "en": ("At", "Event", "State", "By", "Reason"),
}


def show_story(story: SubscriptionStory, timezone: str, language: Language) -> None:
    """A subscription for people: facts, waiting changes, last charges, timeline."""
    write_table(_FACT_COLUMNS[language], _facts(story, language))
    following = story.next_charge
    if following is not None:
        for japanese, english in following.why:
            say(f"・{japanese}" if language == "ja" else f"- {english}")
    if story.value.queue:
        rows = [
            (each.id, each.on, change_words(each.change), each.actor.value, each.reason)
            for each in story.value.queue
        ]
        write_table(_QUEUE_COLUMNS[language], rows)
    charges = [
        (each.reference, _local(each.due_at, timezone), each.amount_yen, each.state, each.reason)
        for each in story.charges
    ]
    write_table(_CHARGE_COLUMNS[language], charges)
    write_table(_EVENT_COLUMNS[language], [_event_row(each, timezone) for each in story.events])


def _facts(story: SubscriptionStory, language: Language) -> Iterator[tuple[str, object]]:
    """The facts with their labels, Japanese or English."""
    value, terms = story.value, story.terms
    names = [_NAMES_JA[key] if language == "ja" else _NAMES_EN[key] for key in _NAMES_JA]
    state = value.state.value
    name = terms.plan.name_ja if language == "ja" else terms.plan.name_en
    price = f"{terms.price.amount_yen:,} / {terms.price.interval.count} "
    price += terms.price.interval.unit.value + (" × seat" if terms.price.per_seat else "")
    answers = (
        f"{story.customer_id} {story.customer_name}",
        f"{_STATES[state]} ({state})" if language == "ja" else state,
        f"{value.plan_code} ({name}), {price}, {value.price_ref}",
        value.quantity,
        ", ".join(f"{held.code} × {held.quantity}" for held in value.add_ons) or "-",
        ", ".join(held.code for held in value.coupons) or "-",
        _next_words(story.next_charge),
        _deadline(story.next_charge),
        _pause_words(value),
        f"{value.cycles_done} / {value.minimum_cycles} ({story.owed_cycles})",
        f"{value.permission.id} {value.permission.state.value} {value.permission.reason}".rstrip(),
        value.paid_through or "-",
        f"{sum(lot.amount_yen for lot in story.credit):,}",
        story.pending_quote_id or "-",
    )
    return zip(names, answers, strict=True)


_NAMES_JA = {
    "customer": "お客様",
    "state": "状態",
    "plan": "プラン",
    "quantity": "数量",
    "add_ons": "オプション",
    "coupons": "クーポン",
    "next_charge": "次回のご請求",
    "deadline": "変更締切",
    "pause": "休止",
    "term": "最低利用 (済/回数、残り)",
    "permission": "お支払い許可",
    "paid_through": "お支払い済み期間の終わり (この日の前日まで)",
    "credit": "お預かり金 (円)",
    "pending": "お支払い待ちの変更 (見積番号)",
}
_NAMES_EN = {
    "customer": "Customer",
    "state": "State",
    "plan": "Plan",
    "quantity": "Quantity",
    "add_ons": "Add-ons",
    "coupons": "Coupons",
    "next_charge": "Next charge",
    "deadline": "Can be changed until",
    "pause": "Pause",
    "term": "Minimum term: done / cycles (still owed)",
    "permission": "Charge permission",
    "paid_through": "First day that is not paid",
    "credit": "Credit, yen",
    "pending": "Change that waits for its charge (quote)",
}


def _next_words(following: NextCharge | None) -> str:
    if following is None:
        return "-"
    reference = f" ({following.reference})" if following.reference else ""
    return f"{following.on} {following.amount_yen:,}{reference}"


def _deadline(following: NextCharge | None) -> str:
    if following is None or following.deadline is None:
        return "-"
    return f"{following.deadline:%Y-%m-%d %H:%M}"


def _pause_words(value: Subscription) -> str:
    pause = value.pause
    if pause is None:
        return "-"
    banked = f", {pause.banked_days} days banked" if pause.banked_days else ""
    return f"{pause.began_on} → {pause.until or '…'} ({pause.cause.value}{banked})"


def change_words(change: Change) -> str:
    """A waiting change in a few words."""
    match change:
        case PlanChange(plan_code=code, quantity=quantity):
            return f"plan → {code}" + (f" × {quantity}" if quantity else "")
        case QuantityChange(quantity=quantity):
            return f"quantity → {quantity}"
        case AddOnChange(step=step, code=code, quantity=quantity):
            return f"add-on {code}: {step.value}" + (f" × {quantity}" if quantity else "")
        case CouponChange(step=step, code=code):
            return f"coupon {code}: {step.value}"
        case PauseChange(until=until, cause=cause):
            return f"{'skip' if cause.value == 'skip' else 'pause'} → {until or '…'}"
        case Cancellation(refund=refund):
            return f"cancel (refund: {refund.value})"


def queue_line(value: Subscription) -> str:
    """The waiting changes of a subscription on one line, for refusals."""
    return "; ".join(f"{each.id} ({each.on}, {change_words(each.change)})" for each in value.queue)


def _event_row(event: EventStory, timezone: str) -> tuple[object, ...]:
    same = event.state_before == event.state_after
    state = event.state_after if same else f"{event.state_before} → {event.state_after}"
    overridden = () if event.event is None else event.event.overridden
    aside = f" [{', '.join(overridden)}]" if overridden else ""
    return (_local(event.at, timezone), event.kind, state, event.actor, event.reason + aside)


def story_record(story: SubscriptionStory, timezone: str) -> dict[str, Any]:
    """A subscription for programs; instants are in the merchant's zone, yen are whole."""
    value = story.value
    pause, permission = value.pause, value.permission
    return {
        "subscription": value.id,
        "customer": {
            "id": story.customer_id,
            "name": story.customer_name,
            "email": story.email,
        },
        "state": value.state.value,
        "state_ja": _STATES[value.state.value],
        **_terms_record(story),
        "started_on": _day(value.started_on),
        "trial_ends_on": None if value.trial is None else _day(value.trial.ends_on),
        "next_cycle": value.next_cycle,
        "next_charge": _next_record(story.next_charge),
        "period": canonical_form(value.period),
        "paid_through": _day(value.paid_through),
        "queue": [_queue_record(each, timezone) for each in value.queue],
        "pause": None if pause is None else canonical_form(pause),
        "minimum_term": {
            "cycles": value.minimum_cycles,
            "done": value.cycles_done,
            "owed": story.owed_cycles,
        },
        "charge_permission": {
            "id": permission.id,
            "state": permission.state.value,
            "reason": permission.reason,
        },
        "credit": sum(lot.amount_yen for lot in story.credit),
        "pending_quote_id": story.pending_quote_id,
        "charges": [_charge_record(each, timezone) for each in story.charges],
        "events": [_event_record(each, timezone) for each in story.events],
    }


def _terms_record(story: SubscriptionStory) -> dict[str, Any]:
    value, price = story.value, story.terms.price
    return {
        "plan": {
            "code": value.plan_code,
            "name": {"ja": story.terms.plan.name_ja, "en": story.terms.plan.name_en},
        },
        "price": {
            "ref": value.price_ref,
            "amount": price.amount_yen,
            "per_seat": price.per_seat,
            "tax": price.tax_category.value,
            "every": {"unit": price.interval.unit.value, "count": price.interval.count},
        },
        "quantity": value.quantity,
        "add_ons": [{"code": each.code, "quantity": each.quantity} for each in value.add_ons],
        "coupons": [{"code": each.code, "cycles_used": each.cycles_used} for each in value.coupons],
    }


def _next_record(following: NextCharge | None) -> dict[str, Any] | None:
    if following is None:
        return None
    return {
        "on": following.on.isoformat(),
        "amount": following.amount_yen,
        "cycle": following.cycle,
        "why": [{"ja": japanese, "en": english} for japanese, english in following.why],
        "reference": following.reference,
        "deadline": None if following.deadline is None else following.deadline.isoformat(),
    }


def _queue_record(entry: ScheduledChange, timezone: str) -> dict[str, Any]:
    return {
        "id": entry.id,
        "on": entry.on.isoformat(),
        "change": canonical_form(entry.change),
        "words": change_words(entry.change),
        "actor": entry.actor.value,
        "reason": entry.reason,
        "quote_id": entry.quote_id,
        "asked_at": _iso(entry.asked_at, timezone),
    }


def _charge_record(slot: SlotStory, timezone: str) -> dict[str, Any]:
    return {
        "reference": slot.reference,
        "cycle": slot.cycle,
        "purpose": slot.purpose,
        "amount": slot.amount_yen,
        "state": slot.state,
        "reason": slot.reason,
        "due_at": _iso(slot.due_at, timezone),
    }


def _event_record(event: EventStory, timezone: str) -> dict[str, Any]:
    own = event.event
    return {
        "at": _iso(event.at, timezone),
        "kind": event.kind,
        "state_before": event.state_before,
        "state_after": event.state_after,
        "actor": event.actor,
        "reason": event.reason,
        "quote_id": event.quote_id,
        "overridden": [] if own is None else list(own.overridden),
        "sequence": None if own is None else own.sequence,
    }


def _local(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def _iso(at: datetime, timezone: str) -> str:
    return at.astimezone(ZoneInfo(timezone)).isoformat()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
