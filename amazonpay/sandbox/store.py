"""The SQLite file in which the local Amazon Pay keeps its objects, and the few queries on it.

One process, one connection, one transaction per API call. WAL with `synchronous=NORMAL` survives a
killed process; a power cut may lose the last calls, which is fair for a sandbox.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amazonpay.sandbox.rows import Charge, LoggedRequest, Permission, Refund, StoredAnswer
from amazonpay.sandbox.schema import (
    DDL,
    EMPTIED_BY_RESET,
    FROM_VERSION_1,
    ROOMS,
    SCHEMA_VERSION,
)

NEVER_MS = 1 << 62
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA cache_size = -16000",
    "PRAGMA wal_autocheckpoint = 4000",
)


class StoreRefused(RuntimeError):
    """The state file cannot be used; the message says what to do."""


class Store:
    """Typed reads and writes. `horizon_ms` is a lower bound of the next timer.

    `awaits_money` says that no settlement is due before money moves: the timers must be asked again
    as soon as it does, and need not be asked after every charge.
    """

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        try:
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            self.connection.close()
            raise StoreRefused(
                f"{path} cannot be read ({error}); choose another --dir or delete that directory"
            ) from None
        self._sequences = {
            table: self._last_seq(table) for table in ("permissions", "charges", "refunds")
        }
        self.horizon_ms = 0
        self.awaits_money = True

    def _prepare(self, path: Path) -> None:
        for pragma in _PRAGMAS:
            self.connection.execute(pragma)
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self.connection.executescript(
                f"BEGIN; {DDL} {ROOMS} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version == 1:
            self.connection.executescript(
                f"BEGIN; {FROM_VERSION_1} {ROOMS} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise StoreRefused(
                f"{path} was written by another version of the local Amazon Pay (schema {version}, "
                f"this one needs {SCHEMA_VERSION}); choose another --dir or delete that directory"
            )

    def _last_seq(self, table: str) -> int:
        # The table name is one of the three literals above.
        query = f"SELECT coalesce(max(seq), 0) FROM {table}"  # noqa: S608
        return int(self.connection.execute(query).fetchone()[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all when an exception leaves it."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            self.horizon_ms = 0
            raise
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file; the write-ahead log is folded in."""
        self.connection.close()

    def next_seq(self, table: str) -> int:
        """The next number of a table, from which ids are made."""
        self._sequences[table] += 1
        return self._sequences[table]

    def reset(self) -> None:
        """Forgets all objects, answers and requests; identity and clock stay."""
        for statement in EMPTIED_BY_RESET:
            self.connection.execute(statement)
        self._sequences = dict.fromkeys(self._sequences, 0)
        self.horizon_ms = 0

    # meta
    def meta(self, key: str) -> str | None:
        """A stored setting, None when it was never stored."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put_meta(self, key: str, value: str) -> None:
        """Stores a setting."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # permissions
    def permission(self, permission_id: str) -> Permission | None:
        """The Charge Permission of that id."""
        row = self.connection.execute(
            "SELECT * FROM permissions WHERE id = ?", (permission_id,)
        ).fetchone()
        return None if row is None else Permission(*row)

    def add_permission(self, row: Permission) -> None:
        """Stores a new Charge Permission."""
        self.connection.execute(
            "INSERT INTO permissions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row.seq, row.id, row.buyer_id, row.kind, row.state),
                *(row.reason_code, row.reason_description),
                *(row.changed_at, row.created_at, row.expires_at),
                *(row.amount_limit, row.recurring, row.metadata, row.behaviour, row.details),
            ),
        )
        self.expect(row.expires_at)

    def save_permission(self, row: Permission) -> None:
        """Writes back what can change in a Charge Permission."""
        self.connection.execute(
            "UPDATE permissions SET state = ?, reason_code = ?, reason_description = ?, "
            "changed_at = ?, expires_at = ?, amount_limit = ?, recurring = ?, metadata = ?, "
            "behaviour = ?, details = ? WHERE seq = ?",
            (
                *(row.state, row.reason_code, row.reason_description),
                *(row.changed_at, row.expires_at, row.amount_limit),
                *(row.recurring, row.metadata, row.behaviour, row.details, row.seq),
            ),
        )
        self.expect(row.expires_at)

    # charges
    def charge(self, charge_id: str) -> Charge | None:
        """The Charge of that id."""
        row = self.connection.execute("SELECT * FROM charges WHERE id = ?", (charge_id,)).fetchone()
        return None if row is None else Charge(*row)

    def open_charges(self, permission_id: str) -> list[Charge]:
        """The Charges of a permission that can still be canceled."""
        rows = self.connection.execute(
            "SELECT * FROM charges WHERE permission_id = ? "
            "AND state IN ('AuthorizationInitiated', 'Authorized') ORDER BY seq",
            (permission_id,),
        )
        return [Charge(*row) for row in rows]

    def add_charge(self, row: Charge) -> None:
        """Stores a new Charge."""
        self.connection.execute(
            "INSERT INTO charges VALUES "
            "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row.seq, row.id, row.permission_id, row.amount),
                *(row.state, row.reason_code, row.reason_description),
                *(row.changed_at, row.created_at, row.expires_at, row.authorized_at),
                *(row.capture_now, row.capture_amount),
                *(row.refund_reserved, row.refunded, row.refund_count, row.cap_month),
                *(row.idempotency_key, row.merchant_reference_id, row.details),
                *(row.due_at, row.due_state, row.due_reason),
            ),
        )
        self.expect(row.due_at)
        self._expect_close(row)

    def save_charge(self, row: Charge) -> None:
        """Writes back what can change in a Charge."""
        self.connection.execute(
            "UPDATE charges SET state = ?, reason_code = ?, reason_description = ?, "
            "changed_at = ?, authorized_at = ?, capture_amount = ?, refund_reserved = ?, "
            "refunded = ?, refund_count = ?, due_at = ?, due_state = ?, due_reason = ? "
            "WHERE seq = ?",
            (
                *(row.state, row.reason_code, row.reason_description),
                *(row.changed_at, row.authorized_at, row.capture_amount, row.refund_reserved),
                *(row.refunded, row.refund_count, row.due_at, row.due_state, row.due_reason),
                row.seq,
            ),
        )
        self.expect(row.due_at)
        self._expect_close(row)

    def _expect_close(self, row: Charge) -> None:
        """The first money of a resting account sets the next settlement, perhaps for soon."""
        if row.state == "Captured" and self.awaits_money:
            self.expect(row.changed_at)

    # refunds
    def refund(self, refund_id: str) -> Refund | None:
        """The Refund of that id."""
        row = self.connection.execute("SELECT * FROM refunds WHERE id = ?", (refund_id,)).fetchone()
        return None if row is None else Refund(*row)

    def add_refund(self, row: Refund) -> None:
        """Stores a new Refund."""
        self.connection.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(row.seq, row.id, row.charge_id, row.amount),
                *(row.state, row.reason_code, row.reason_description),
                *(row.changed_at, row.created_at, row.idempotency_key, row.due_at),
            ),
        )
        self.expect(row.due_at)

    def save_refund(self, row: Refund) -> None:
        """Writes back what can change in a Refund."""
        self.connection.execute(
            "UPDATE refunds SET state = ?, reason_code = ?, reason_description = ?, "
            "changed_at = ?, due_at = ? WHERE seq = ?",
            (
                *(row.state, row.reason_code, row.reason_description),
                *(row.changed_at, row.due_at, row.seq),
            ),
        )

    # cap months
    def cap_used(self, permission_id: str, month: str) -> int:
        """Yen of the monthly cap that are used up."""
        row = self.connection.execute(
            "SELECT used FROM cap_months WHERE permission_id = ? AND month = ?",
            (permission_id, month),
        ).fetchone()
        return 0 if row is None else int(row[0])

    def use_cap(self, permission_id: str, month: str, yen: int) -> None:
        """Uses up, or with a negative figure gives back, room of a month."""
        self.connection.execute(
            "INSERT INTO cap_months VALUES (?1, ?2, max(?3, 0)) "
            "ON CONFLICT DO UPDATE SET used = max(used + ?3, 0)",
            (permission_id, month, yen),
        )

    # answers and requests
    def answer(self, key: str) -> StoredAnswer | None:
        """The answer kept under an idempotency key."""
        row = self.connection.execute(
            "SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)
        ).fetchone()
        return None if row is None else StoredAnswer(*row)

    def keep_answer(self, key: str, kept: StoredAnswer) -> None:
        """Keeps an answer under its idempotency key for ever."""
        self.connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?)",
            (key, kept.fingerprint, kept.status, kept.body),
        )

    def log(self, line: LoggedRequest) -> None:
        """Adds a line to the request log."""
        self.connection.execute(
            "INSERT INTO requests VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(line.at, line.operation, line.idempotency_key, line.body_sha256, line.status),
                *(line.replayed, line.reason_code, line.fault, line.request_id, line.object_id),
            ),
        )

    # timers
    def expect(self, due_at: int | None) -> None:
        """Says that a timer is set; every write that sets one must say so."""
        if due_at is not None and due_at < self.horizon_ms:
            self.horizon_ms = due_at

    def due_charge(self) -> Charge | None:
        """The Charge whose timer fires next."""
        row = self.connection.execute(
            "SELECT * FROM charges WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1"
        ).fetchone()
        return None if row is None else Charge(*row)

    def due_refund(self) -> Refund | None:
        """The Refund whose timer fires next."""
        row = self.connection.execute(
            "SELECT * FROM refunds WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1"
        ).fetchone()
        return None if row is None else Refund(*row)

    def due_permission(self) -> Permission | None:
        """The Charge Permission that expires next."""
        row = self.connection.execute(
            "SELECT * FROM permissions WHERE state <> 'Closed' ORDER BY expires_at LIMIT 1"
        ).fetchone()
        return None if row is None else Permission(*row)
