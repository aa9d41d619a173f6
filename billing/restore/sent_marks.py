"""What a machine remembers outside the books: the newest attempt that it has seen committed.

Books that do not know it went back in time, whatever they say about themselves.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from billing.store.rows import table_of
from billing.tables import AttemptRow, RestorationRow

_attempts = table_of(AttemptRow)
_restorations = table_of(RestorationRow)


@dataclass(frozen=True, slots=True)
class SentMark:
    """The newest attempt that a machine has seen committed, kept outside the books.

    `restorations` is how many the books had then: after a further one an older mark says nothing.
    """

    attempt_id: int
    idempotency_key: str
    restorations: int

    def as_json(self) -> dict[str, Any]:
        """The mark for a file."""
        return {
            "attempt_id": self.attempt_id,
            "idempotency_key": self.idempotency_key,
            "restorations": self.restorations,
        }


def newest_sent(connection: Connection) -> SentMark | None:
    """The newest attempt of the books, all merchants; None for books that never sent."""
    statement = select(_attempts.c.id, _attempts.c.idempotency_key)
    found = connection.execute(statement.order_by(_attempts.c.id.desc()).limit(1)).first()
    if found is None:
        return None
    return SentMark(found.id, found.idempotency_key, _restorations_so_far(connection))


def is_known(connection: Connection, remembered: SentMark) -> bool:
    """False when the books are older than the mark: they do not have the attempt it names."""
    so_far = _restorations_so_far(connection)
    if so_far != remembered.restorations:
        return so_far > remembered.restorations
    key = select(_attempts.c.idempotency_key).where(_attempts.c.id == remembered.attempt_id)
    return connection.execute(key).scalar() == remembered.idempotency_key


def _restorations_so_far(connection: Connection) -> int:
    newest = select(func.coalesce(func.max(_restorations.c.number), 0))
    return int(connection.execute(newest).scalar_one())
