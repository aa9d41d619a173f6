"""Proofs as rows: written once, never changed, read back as values or as a story."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from billing.evidence.rule import Proof, ProofKind, Verdict
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, insert_many, table_of
from billing.tables import ProofRow

proofs = table_of(ProofRow)

JANITOR = "janitor"
DECISION = "decision"
"""The kind of a person's decision: not a proof by itself, but kept with them."""


@dataclass(frozen=True, slots=True)
class KeptProof:
    """A proof as it stands in the books; `what` holds the figures that were seen."""

    kind: str
    verdict: str
    seen_at: datetime
    what: Mapping[str, Any]
    actor: str
    amazon_id: str | None

    def as_proof(self) -> Proof:
        """What the rule weighs."""
        return Proof(ProofKind(self.kind), Verdict(self.verdict), self.seen_at, self.amazon_id)


def proof_row(
    merchant: Merchant,
    *,
    kind: str,
    verdict: Verdict,
    at: datetime,
    what: Mapping[str, Any],
    actor: str = JANITOR,
    attempt_id: int | None = None,
    refund_row_id: int | None = None,
    amazon_id: str | None = None,
) -> dict[str, Any]:
    """A row of `proof`; give one of `attempt_id` and `refund_row_id`."""
    return {
        "merchant_id": merchant.id,
        "attempt_id": attempt_id,
        "refund_row_id": refund_row_id,
        "kind": str(kind),
        "verdict": str(verdict),
        "seen_at": at,
        "what": json.dumps(what, ensure_ascii=False, sort_keys=True),
        "actor": actor,
        "amazon_id": amazon_id,
    }


def write_proofs(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Append proofs."""
    insert_many(connection, proofs, rows)


def proofs_of(connection: Connection, attempt_ids: Sequence[int]) -> dict[int, list[KeptProof]]:
    """All proofs of the attempts, oldest first, decisions among them."""
    return _kept(connection, proofs.c.attempt_id, attempt_ids)


def proofs_of_refunds(
    connection: Connection, refund_ids: Sequence[int]
) -> dict[int, list[KeptProof]]:
    """All proofs of the refunds (row ids), oldest first, decisions among them."""
    return _kept(connection, proofs.c.refund_row_id, refund_ids)


def _kept(connection: Connection, column: Any, ids: Sequence[int]) -> dict[int, list[KeptProof]]:
    found: dict[int, list[KeptProof]] = {key: [] for key in ids}
    if ids:
        statement = select(proofs).where(column.in_(list(ids))).order_by(proofs.c.id)
        for row in fetch(connection, statement):
            found[row[column.name]].append(_proof(row))
    return found


def _proof(row: Row) -> KeptProof:
    return KeptProof(
        kind=row["kind"],
        verdict=row["verdict"],
        seen_at=row["seen_at"],
        what=json.loads(row["what"]),
        actor=row["actor"],
        amazon_id=row["amazon_id"],
    )


def weighed(kept: Sequence[KeptProof]) -> list[Proof]:
    """What the rule may weigh: everything but decisions."""
    return [proof.as_proof() for proof in kept if proof.kind != DECISION]


def is_news(row: Mapping[str, Any], kept: Sequence[KeptProof], *, since: datetime) -> bool:
    """Whether a look adds something: another verdict, or the first one after `since`.

    A janitor looks every hour for days; the books keep what changed, not every look.
    """
    same = [proof for proof in kept if proof.kind == row["kind"]]
    if not same or same[-1].verdict != row["verdict"]:
        return True
    seen_at: datetime = row["seen_at"]
    return same[-1].seen_at < since <= seen_at
