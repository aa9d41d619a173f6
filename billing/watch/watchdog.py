"""What a finding of the audit stops: money that may be wrong has no budget.

The audit finds, this pulls. A finding stops charging once: whoever released the brake after it had
a reason, so only a further finding pulls it again.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, or_, select

from billing.audit.books import AuditReport, Finding
from billing.audit.sql import Family
from billing.store.brake import pull_brake, pull_global_brake
from billing.store.merchants import Merchant
from billing.store.rows import table_of
from billing.tables import AuditEventRow

__all__ = ["alarming_findings", "pull_for"]

_events = table_of(AuditEventRow)

BY = "audit"
ZERO_BUDGET = frozenset({Family.CHARGED_TWICE, Family.CAP, Family.LEDGER, Family.CHAIN})
# Amazon took money that our books cannot explain: perhaps a second charge.
ALSO = frozenset({"unknown_at_us"})
# Nothing is wrong with the books yet; the job that chains them has stopped.
NOT = frozenset({"chain_not_kept_up"})
SHOWN = 3


def alarming_findings(report: AuditReport) -> tuple[Finding, ...]:
    """Findings for which charging must stop at once: double, over the cap, ledger, chain."""
    return tuple(
        finding
        for finding in report.findings
        if (finding.family in ZERO_BUDGET and finding.kind not in NOT) or finding.kind in ALSO
    )


def pull_for(
    connection: Connection, merchant: Merchant, findings: Sequence[Finding], *, at: datetime
) -> tuple[Finding, ...]:
    """Pull the brake for those findings that never did so before; returns them.

    A broken chain concerns the whole database and stops all of its merchants.
    """
    known = _known(connection, merchant)
    fresh = tuple(finding for finding in findings if _name(finding) not in known)
    of_all = [finding for finding in fresh if finding.family is Family.CHAIN]
    own = [finding for finding in fresh if finding.family is not Family.CHAIN]
    if of_all:
        pull_global_brake(connection, by=BY, reason=_reason(of_all), at=at, detail=_detail(of_all))
    if own:
        pull_brake(connection, merchant, by=BY, reason=_reason(own), at=at, detail=_detail(own))
    return fresh


def _known(connection: Connection, merchant: Merchant) -> set[str]:
    """Names of the findings for which the audit has pulled this merchant's brake, or all."""
    concerned = or_(_events.c.merchant_id == merchant.id, _events.c.merchant_id.is_(None))
    statement = select(_events.c.detail).where(
        _events.c.kind == "brake_pulled", _events.c.actor == BY, concerned
    )
    return {
        name
        for detail in connection.execute(statement).scalars()
        if detail is not None
        for name in json.loads(detail)["findings"]
    }


def _name(finding: Finding) -> str:
    return f"{finding.kind} {finding.subject}"


def _detail(findings: Iterable[Finding]) -> str:
    return json.dumps({"findings": [_name(finding) for finding in findings]}, ensure_ascii=False)


def _reason(findings: Sequence[Finding]) -> str:
    shown = "; ".join(_name(finding) for finding in findings[:SHOWN])
    more = f" and {len(findings) - SHOWN} more" if len(findings) > SHOWN else ""
    return f"the audit found {shown}{more}"
