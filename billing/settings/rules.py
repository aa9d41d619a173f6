"""Rules that an owner may change: what each may be, the change, and its place in the audit log.

Zone and rounding of tax are not among them: the audit proves the whole past by the ones that hold.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from billing.cap.plan import CapRule
from billing.deliveries import NoticeRules, load_notice_rules, store_notice_rules
from billing.dunning import parse_schedule
from billing.store.events import write_audit_event
from billing.store.merchants import SWEEP_DAYS
from billing.store.rows import fetch, table_of
from billing.tables import CapMonthRow, ChargePermissionRow, MerchantRow
from plans import BadInput

__all__ = [
    "NOTICE_RULE_NAMES",
    "RULES",
    "CapTooLow",
    "ChangedMeanwhile",
    "Rule",
    "RuleChange",
    "change_notice_rules",
    "change_rules",
    "held_notice_rules",
    "held_rules",
    "rule_differences",
    "rules_mark",
]

_merchants = table_of(MerchantRow)
_cap_months = table_of(CapMonthRow)
_permissions = table_of(ChargePermissionRow)

MOST_YEN = 9_999_999


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and what it may be: one of `options`, else a number from `least` to `most`.

    A rule with neither is a list of days.
    """

    name: str
    options: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    @property
    def is_number(self) -> bool:
        """True for a whole number."""
        return self.most > 0


RULES = (
    Rule("charge_hour", most=23),
    Rule("cap_rule", options=tuple(CapRule)),
    Rule("cap_yen", most=MOST_YEN),
    Rule("dunning_days"),
    Rule("dunning_end", options=("pause", "cancel", "keep_open")),
    Rule("sweep_days", least=1, most=60),
    Rule("refund_approval_yen", most=MOST_YEN),
    Rule("open_authorizations", options=("one", "many")),
    Rule("cap_of_canceled", options=("kept", "released")),
    Rule("authorization_days", least=1, most=30),
    Rule("reauthorize_days", most=29),
    Rule("refunds_per_charge", least=1, most=100),
)

NOTICE_RULE_NAMES = tuple(field.name for field in fields(NoticeRules))


class ChangedMeanwhile(Exception):
    """Somebody else changed the rules since they were read."""


class CapTooLow(Exception):
    """A month has already taken more than the cap would be."""

    def __init__(self, taken_yen: int) -> None:
        super().__init__(f"a month took {taken_yen:,} yen already; the cap cannot be below it")
        self.taken_yen = taken_yen


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule before and after."""

    name: str
    before: object
    after: object


def held_rules(connection: Connection, *, merchant_id: str) -> dict[str, Any]:
    """The rules that hold for a merchant, by name."""
    names = [rule.name for rule in RULES]
    statement = select(*(_merchants.c[name] for name in names))
    [row] = fetch(connection, statement.where(_merchants.c.id == merchant_id))
    return {**row, "sweep_days": row["sweep_days"] or SWEEP_DAYS}


def held_notice_rules(connection: Connection, *, merchant_id: str) -> dict[str, Any]:
    """The rules of notices that hold for a merchant, by name."""
    rules = load_notice_rules(connection, merchant_id)
    return {name: getattr(rules, name) for name in NOTICE_RULE_NAMES}


def rules_mark(held: Mapping[str, object]) -> str:
    """A short text that differs whenever a rule does: what a form was drawn from."""
    text = json.dumps(dict(held), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rule_differences(
    held: Mapping[str, object], wanted: Mapping[str, object]
) -> tuple[RuleChange, ...]:
    """What would change, in the order of the wishes."""
    return tuple(
        RuleChange(name, held[name], value) for name, value in wanted.items() if held[name] != value
    )


def change_rules(
    connection: Connection,
    *,
    merchant_id: str,
    wanted: Mapping[str, object],
    mark: str,
    by: str,
    at: datetime,
) -> tuple[RuleChange, ...]:
    """Change rules of a merchant and note them; returns what changed.

    `mark` is `rules_mark` of what the owner saw; raises `ChangedMeanwhile` when that no longer
    holds, `CapTooLow`, and BadInput for a value that a rule cannot have.
    """
    mine = _merchants.c.id == merchant_id
    connection.execute(select(_merchants.c.id).where(mine).with_for_update())
    held = held_rules(connection, merchant_id=merchant_id)
    if rules_mark(held) != mark:
        raise ChangedMeanwhile("the rules were changed since this page was drawn; look again")
    changes = rule_differences(held, wanted)
    for change in changes:
        _check(connection, merchant_id, change)
    if changes:
        values = {change.name: change.after for change in changes}
        connection.execute(update(_merchants).where(mine).values(values))
        _note(connection, "rules_changed", merchant_id, changes, by=by, at=at)
    return changes


def change_notice_rules(
    connection: Connection,
    *,
    merchant_id: str,
    wanted: Mapping[str, object],
    mark: str,
    by: str,
    at: datetime,
) -> tuple[RuleChange, ...]:
    """Change who writes to customers, and how; `mark` is `rules_mark` of what the owner saw.

    Raises `ChangedMeanwhile`, and BadInput for what no mail could use.
    """
    held = held_notice_rules(connection, merchant_id=merchant_id)
    if rules_mark(held) != mark:
        raise ChangedMeanwhile("the notice rules were changed since this page was drawn")
    changes = rule_differences(held, wanted)
    if changes:
        given = {change.name: change.after for change in changes}
        store_notice_rules(connection, merchant_id, given)
        _note(connection, "notice_rules_changed", merchant_id, changes, by=by, at=at)
    return changes


def _check(connection: Connection, merchant_id: str, change: RuleChange) -> None:
    rule = next((rule for rule in RULES if rule.name == change.name), None)
    value = change.after
    if rule is None:
        raise _bad(change, "is no rule that an owner changes", "see docs/settings-pages.md")
    if rule.options and value not in rule.options:
        raise _bad(change, "is none of its values", "use one of " + ", ".join(rule.options))
    if rule.is_number and not (isinstance(value, int) and rule.least <= value <= rule.most):
        raise _bad(change, f"is a number from {rule.least} to {rule.most}", "write such a number")
    if rule.name == "dunning_days":
        parse_schedule(str(value))
    if rule.name == "cap_yen":
        _check_cap(connection, merchant_id, int(str(value)))


def _check_cap(connection: Connection, merchant_id: str, cap_yen: int) -> None:
    taken = (
        select(func.max(_cap_months.c.used_yen + _cap_months.c.held_yen))
        .join(_permissions, _permissions.c.id == _cap_months.c.permission_id)
        .where(_permissions.c.merchant_id == merchant_id)
    )
    taken_yen = connection.execute(taken).scalar() or 0
    if taken_yen > cap_yen:
        raise CapTooLow(taken_yen)


def _bad(change: RuleChange, rule: str, remedy: str) -> BadInput:
    return BadInput(field=change.name, value=str(change.after), rule=rule, remedy=remedy)


def _note(
    connection: Connection,
    kind: str,
    merchant_id: str,
    changes: tuple[RuleChange, ...],
    *,
    by: str,
    at: datetime,
) -> None:
    detail = {
        "before": {change.name: change.before for change in changes},
        "after": {change.name: change.after for change in changes},
    }
    write_audit_event(
        connection,
        kind=kind,
        actor=by,
        reason=", ".join(f"{each.name} {each.before} → {each.after}" for each in changes),
        at=at,
        merchant_id=merchant_id,
        detail=json.dumps(detail, sort_keys=True, ensure_ascii=False),
    )
