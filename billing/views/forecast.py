"""Every coming charge: when, how much, why, whether the cap takes it, and what will make it fail.

The same rules that charge say what is coming: lines of a cycle, the cap plan of a permission. It
assumes that what comes is paid on time, unless it already knows better (`expected_failure`). Where
several parts of one permission meet on the same 1st, the run may share the room in another order.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count, groupby
from operator import attrgetter

from sqlalchemy import Connection, select

from billing.agreements.ahead import AgreementsAhead
from billing.cap.plan import CapPart, PlannedCharge, Verdict, plan_charges
from billing.catalogue.price_moves import PriceMoves, load_price_moves, terms_in_force
from billing.catalogue.terms import Terms, terms_of
from billing.dates import civil_date
from billing.quotes.agreement import Agreement, agreements_of_merchant
from billing.store.cap_room import effective_limit_yen
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of
from billing.tables import (
    CapMonthRow,
    ChargePermissionRow,
    CustomerRow,
    InvoiceLineRow,
    InvoiceRow,
    SlotRow,
    SubscriptionRow,
)
from plans import (
    BadInput,
    Line,
    Month,
    Period,
    cycle_after_resume,
    cycle_lines,
    cycle_period,
    cycle_start,
)

__all__ = ["ComingCharge", "DayTotal", "Forecast", "forecast"]

MAX_DAYS = 3_660
UNPAID_SLOTS = ("due", "open", "waiting_buyer", "refused", "quarantined")
GOING_ON = ("trialing", "active", "past_due")

slots = table_of(SlotRow)
subscriptions = table_of(SubscriptionRow)
customers = table_of(CustomerRow)
permissions = table_of(ChargePermissionRow)
cap_months = table_of(CapMonthRow)
invoices = table_of(InvoiceRow)
invoice_lines = table_of(InvoiceLineRow)


@dataclass(frozen=True, slots=True)
class ComingCharge:
    """One charge to come. `on` is when it is due; `parts` say when the cap lets it happen.

    `expected_failure` is None, or why it will not succeed unless somebody acts.
    """

    on: date
    subscription: str
    customer_name: str
    plan_code: str
    cycle: int
    amount_yen: int
    why_ja: str
    why_en: str
    charge_permission_id: str
    verdict: Verdict
    parts: tuple[CapPart, ...]
    expected_failure: str | None


@dataclass(frozen=True, slots=True)
class DayTotal:
    """One day's parts: how many, their yen, and how much of that is expected to fail."""

    on: date
    charges: int
    amount_yen: int
    expected_to_fail_yen: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Coming charges by due date, from `first` to `last`, both included."""

    first: date
    last: date
    charges: tuple[ComingCharge, ...]

    def days(self) -> tuple[DayTotal, ...]:
        """Totals per day on which money moves; parts moved past `last` are counted there too."""
        parts = [(part, charge) for charge in self.charges for part in charge.parts]
        parts.sort(key=lambda pair: pair[0].on)
        return tuple(
            _day_total(on, list(group)) for on, group in groupby(parts, key=lambda p: p[0].on)
        )


def _day_total(on: date, pairs: Sequence[tuple[CapPart, ComingCharge]]) -> DayTotal:
    failing = [part.amount_yen for part, charge in pairs if charge.expected_failure is not None]
    return DayTotal(on, len(pairs), sum(part.amount_yen for part, _ in pairs), sum(failing))


@dataclass(frozen=True, slots=True)
class _Coming:
    """A charge to come before the cap has been asked."""

    on: date
    owner: Row
    terms: Terms
    cycle: int
    amount_yen: int
    why_ja: str
    why_en: str
    failure: str | None


@dataclass(slots=True)
class _View:
    """What is read once and looked up per subscription."""

    merchant: Merchant
    first: date
    last: date
    terms: dict[int, Terms]
    moves: PriceMoves
    ahead: AgreementsAhead
    changed: dict[int, Agreement]
    slots: dict[int, list[Row]] = field(default_factory=dict)
    words: dict[int, tuple[str, str]] = field(default_factory=dict)
    taken: dict[int, list[Row]] = field(default_factory=dict)


def forecast(connection: Connection, merchant: Merchant, *, at: datetime, days: int) -> Forecast:
    """Every charge due from the merchant's date of `at` to `days` days later, both included.

    What is overdue counts as due on the first day. Raises BadInput for days outside 0 to 3660.
    """
    if not 0 <= days <= MAX_DAYS:
        raise BadInput(
            field="days",
            value=days,
            rule=f"a forecast looks from 0 to {MAX_DAYS} days ahead",
            remedy="ask for fewer days",
        )
    first = civil_date(at=at, timezone=merchant.timezone)
    owners = _owners(connection, merchant)
    terms = terms_of(connection, {row["price_id"] for row in owners})
    moves = load_price_moves(connection, merchant.id)
    last = first + timedelta(days=days)
    ahead = AgreementsAhead(connection, merchant, on=first, until=last + timedelta(days=1))
    changed = agreements_of_merchant(connection, merchant.id)
    view = _View(merchant, first, last, terms, moves, ahead, changed)
    _load(connection, view)
    charges = [
        charge
        for _, group in groupby(owners, key=lambda row: row["permission_id"])
        for charge in _of_permission(list(group), view)
    ]
    charges.sort(key=attrgetter("on", "subscription", "cycle"))
    return Forecast(view.first, view.last, tuple(charges))


def _owners(connection: Connection, merchant: Merchant) -> list[Row]:
    statement = (
        select(
            subscriptions,
            customers.c.name.label("customer_name"),
            permissions.c.amazon_id,
            permissions.c.amount_limit_yen,
            permissions.c.expires_at,
            permissions.c.state.label("permission_state"),
            permissions.c.state_reason,
        )
        .join(customers, customers.c.id == subscriptions.c.customer_id)
        .join(permissions, permissions.c.id == subscriptions.c.permission_id)
        .where(subscriptions.c.merchant_id == merchant.id)
        .where(subscriptions.c.state.in_((*GOING_ON, "paused")))
        .order_by(subscriptions.c.permission_id, subscriptions.c.id)
    )
    return fetch(connection, statement)


def _load(connection: Connection, view: _View) -> None:
    """Unpaid slots with the words of their invoices, and what is taken of each cap month."""
    unpaid = (slots.c.merchant_id == view.merchant.id, slots.c.state.in_(UNPAID_SLOTS))
    view.slots = _grouped(
        fetch(connection, select(slots).where(*unpaid).order_by(slots.c.due_at, slots.c.id)),
        "subscription_id",
    )
    lines = (
        select(invoice_lines)
        .where(invoice_lines.c.invoice_id.in_(select(slots.c.invoice_id).where(*unpaid)))
        .order_by(invoice_lines.c.invoice_id, invoice_lines.c.position)
    )
    words = _grouped(fetch(connection, lines), "invoice_id")
    view.words = {invoice_id: _stored_words(rows) for invoice_id, rows in words.items()}
    months = (
        select(cap_months)
        .join(permissions, permissions.c.id == cap_months.c.permission_id)
        .where(permissions.c.merchant_id == view.merchant.id)
        .where(cap_months.c.month >= str(Month.of(view.first)))
    )
    view.taken = _grouped(fetch(connection, months), "permission_id")


def _grouped(rows: Sequence[Row], name: str) -> dict[int, list[Row]]:
    groups: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[name]].append(row)
    return dict(groups)


def _stored_words(rows: Sequence[Row]) -> tuple[str, str]:
    ja = "、".join(_why_ja(r["description_ja"], r["quantity"], r["unit_yen"]) for r in rows)
    en = "; ".join(_why_en(r["description_en"], r["quantity"], r["unit_yen"]) for r in rows)
    return ja, en


def _line_words(lines: Sequence[Line]) -> tuple[str, str]:
    ja = "、".join(_why_ja(line.description_ja, line.quantity, line.unit_yen) for line in lines)
    en = "; ".join(_why_en(line.description_en, line.quantity, line.unit_yen) for line in lines)
    return ja, en


def _why_ja(description: str, quantity: int, unit_yen: int) -> str:
    if quantity == 1:
        return f"{description} {unit_yen:,}円"
    return f"{description} {unit_yen:,}円×{quantity}={unit_yen * quantity:,}円"


def _why_en(description: str, quantity: int, unit_yen: int) -> str:
    if quantity == 1:
        return f"{description}: {unit_yen:,} yen"
    return f"{description}: {unit_yen:,} yen × {quantity} = {unit_yen * quantity:,} yen"


def _of_permission(owners: Sequence[Row], view: _View) -> Iterator[ComingCharge]:
    """All charges of one permission: they share its cap, and what is open comes first."""
    coming = [charge for owner in owners for charge in _open_slots(owner, view)]
    coming += [charge for owner in owners for charge in _cycles(owner, view)]
    limit_yen = effective_limit_yen(
        merchant=view.merchant, amount_limit_yen=owners[0]["amount_limit_yen"]
    )
    verdicts = plan_charges(
        limit_yen=limit_yen,
        used_yen_by_month=_used(view.taken.get(owners[0]["permission_id"], ()), limit_yen),
        rule=view.merchant.cap_rule,
        charges=[PlannedCharge(str(n), c.on, c.amount_yen) for n, c in enumerate(coming)],
    )
    for charge, verdict in zip(coming, verdicts, strict=True):
        yield _judged(charge, verdict.verdict, verdict.parts)


def _used(rows: Sequence[Row], limit_yen: int) -> dict[Month, int]:
    """What is taken per month; a lower limit learnt from Amazon counts as taken."""
    used: dict[Month, int] = {}
    for row in rows:
        learned = row["learned_limit_yen"]
        lowered = 0 if learned is None else max(0, limit_yen - learned)
        year, month = row["month"].split("-")
        used[Month(int(year), int(month))] = row["used_yen"] + row["held_yen"] + lowered
    return used


def _judged(charge: _Coming, verdict: Verdict, parts: tuple[CapPart, ...]) -> ComingCharge:
    owner = charge.owner
    return ComingCharge(
        on=charge.on,
        subscription=owner["external_id"],
        customer_name=owner["customer_name"],
        plan_code=charge.terms.plan.code,
        cycle=charge.cycle,
        amount_yen=charge.amount_yen,
        why_ja=charge.why_ja,
        why_en=charge.why_en,
        charge_permission_id=owner["amazon_id"],
        verdict=verdict,
        parts=parts,
        expected_failure=charge.failure or _permission_failure(owner, parts, charge.on),
    )


def _permission_failure(owner: Row, parts: Sequence[CapPart], on: date) -> str | None:
    if owner["permission_state"] != "Chargeable":
        reason = owner["state_reason"]
        return f"permission {owner['permission_state']}" + (f" ({reason})" if reason else "")
    expires_at = owner["expires_at"]
    # A part that falls on the very day of expiry may come too late.
    if expires_at is not None and expires_at.date() <= (parts[-1].on if parts else on):
        return f"permission expires on {expires_at.date()}"
    return None


def _open_slots(owner: Row, view: _View) -> Iterator[_Coming]:
    """Invoiced and unpaid: due again on a known day, or as soon as the buyer has acted."""
    resumes = _resumes_on(owner, view)
    if owner["state"] == "paused" and resumes is None:
        return
    for slot in view.slots.get(owner["id"], ()):
        if slot["state"] not in ("due", "waiting_buyer"):
            continue
        waits = slot["state"] == "waiting_buyer"
        due_on = civil_date(at=slot["due_at"], timezone=view.merchant.timezone)
        on = max(view.first, view.first if waits else due_on, resumes or view.first)
        if on > view.last:
            continue
        ja, en = view.words.get(slot["invoice_id"], ("", ""))
        part_ja, part_en = _which_part(slot)
        yield _Coming(
            on=on,
            owner=owner,
            terms=_terms_of_cycle(owner, _period(owner, slot["cycle"], view), view),
            cycle=slot["cycle"],
            amount_yen=slot["amount_yen"],
            why_ja=ja + part_ja,
            why_en=en + part_en,
            failure=f"waits for the buyer ({slot['reason']})" if waits else None,
        )


def _which_part(slot: Row) -> tuple[str, str]:
    ja = en = ""
    if slot["part"] > 1 or slot["cap_moves"]:
        ja, en = "(月間上限による繰越・分割)", " (moved or split by the monthly cap)"
    if slot["declines"]:
        ja, en = ja + f"(再請求{slot['declines']}回目)", en + f" (retry {slot['declines']})"
    return ja, en


def _cycles(owner: Row, view: _View) -> Iterator[_Coming]:
    """The cycles not invoiced yet whose day comes within the horizon."""
    if owner["id"] in view.changed:
        yield from _bills(owner, view)
        return
    terms = view.terms[owner["price_id"]]
    anchor = terms.anchor(owner["anchor_year"], owner["anchor_month"], owner["anchor_day"])
    failure = _blocked(view.slots.get(owner["id"], ()))
    first_cycle = _first_cycle(owner, terms, view)
    if first_cycle is None:
        return
    for cycle in count(first_cycle):
        on = cycle_start(anchor=anchor, interval=terms.price.interval, cycle=cycle)
        if cycle == owner["next_cycle"] and owner["state"] != "paused":
            # The scheduler goes by the due time; it is the cycle's start unless somebody moved it.
            on = civil_date(at=owner["due_at"], timezone=view.merchant.timezone)
        if on > view.last:
            return
        coming = _coming_cycle(owner, cycle, max(on, view.first), failure, view)
        if coming.amount_yen:  # A free cycle asks Amazon for nothing.
            yield coming


def _bills(owner: Row, view: _View) -> Iterator[_Coming]:
    """What an agreement that somebody changed will be charged, changes that wait counted in."""
    failure = _blocked(view.slots.get(owner["id"], ()))
    agreement = view.changed[owner["id"]]
    for bill in view.ahead.charges(agreement, first_cycle=owner["first_cycle"]):
        yield _Coming(
            on=max(bill.on, view.first),
            owner=owner,
            terms=view.terms[owner["price_id"]],
            cycle=owner["next_cycle"] if bill.cycle is None else bill.cycle,
            amount_yen=bill.charge_yen,
            why_ja="、".join(line.text_ja for line in bill.lines),
            why_en="; ".join(line.text_en for line in bill.lines),
            failure=failure,
        )


def _blocked(unpaid: Sequence[Row]) -> str | None:
    """A cycle is opened once the one before it is paid; these wait for somebody to act."""
    waiting = ("waiting_buyer", "refused", "quarantined")
    stuck = [slot for slot in unpaid if slot["state"] in waiting]
    return f"cycle {stuck[0]['cycle']} is unpaid ({stuck[0]['state']})" if stuck else None


def _first_cycle(owner: Row, terms: Terms, view: _View) -> int | None:
    """The first cycle that has no invoice yet, or None when no charge will come."""
    if owner["cancel_at_period_end"]:
        return None
    if owner["state"] == "paused":
        resume_on = _resumes_on(owner, view)
        if resume_on is None:
            return None
        return cycle_after_resume(
            anchor=terms.anchor(owner["anchor_year"], owner["anchor_month"], owner["anchor_day"]),
            interval=terms.price.interval,
            next_cycle=owner["next_cycle"],
            resume_on=resume_on,
        )
    # Without a due time the next cycle is invoiced already, and its slot is unpaid.
    next_cycle: int = owner["next_cycle"]
    return next_cycle if owner["due_at"] is not None else next_cycle + 1


def _resumes_on(owner: Row, view: _View) -> date | None:
    if owner["state"] != "paused" or owner["due_at"] is None:
        return None
    resume_on: date | None = owner["resume_on"]
    return resume_on or civil_date(at=owner["due_at"], timezone=view.merchant.timezone)


def _coming_cycle(owner: Row, cycle: int, on: date, failure: str | None, view: _View) -> _Coming:
    period = _period(owner, cycle, view)
    terms = _terms_of_cycle(owner, period, view)
    lines = cycle_lines(
        plan=terms.plan,
        price=terms.price,
        quantity=owner["quantity"],
        cycle=cycle,
        first_cycle=owner["first_cycle"],
        period=period,
    )
    ja, en = _line_words(lines)
    amount_yen = sum(line.amount_yen for line in lines)
    return _Coming(on, owner, terms, cycle, amount_yen, ja, en, failure)


def _period(owner: Row, cycle: int, view: _View) -> Period:
    """The days of a cycle: by the calendar agreed, whatever price it has moved to."""
    terms = view.terms[owner["price_id"]]
    anchor = terms.anchor(owner["anchor_year"], owner["anchor_month"], owner["anchor_day"])
    return cycle_period(anchor=anchor, interval=terms.price.interval, cycle=cycle)


def _terms_of_cycle(owner: Row, period: Period, view: _View) -> Terms:
    return terms_in_force(
        agreed=view.terms[owner["price_id"]],
        moves=view.moves,
        subscribed_on=owner["started_on"],
        on=period.start,
    )
