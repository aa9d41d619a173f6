"""Tables of this room; `sandbox.schema` joins them with the others.

The book (`transactions`) is append-only and is written by triggers, inside the transaction that
moves the money: no path of the sandbox can take or give back yen and forget the row. A settlement
is a run of consecutive rows of it, so closing one writes to no row that exists. Fees are whole
yen; a negative fee was taken from the merchant, a positive one was given back.
"""

from typing import Final

# The SQL here is put together from the constants and column names of this module alone.

# How much is added before the division by 10,000, so that it rounds as the setting says.
_BEFORE_DIVISION: Final = (
    "CASE o.fee_rounding WHEN 'ceil' THEN 9999 WHEN 'half_up' THEN 5000 ELSE 0 END"
)


def _fee(amount: str, basis_points: str) -> str:
    """The SQL of the fee on an amount, as a positive number of yen."""
    return f"(({amount}) * ({basis_points}) + {_BEFORE_DIVISION}) / 10000"


_CAPTURE_ROW: Final = f"""
    SELECT NEW.changed_at, 'Capture', NEW.id, NEW.id, NEW.capture_amount, r.basis_points,
        -({_fee("NEW.capture_amount", "r.basis_points")}), NULL
    FROM settlement_options AS o, (
        SELECT basis_points FROM fee_rates WHERE effective_from <= NEW.changed_at
        ORDER BY effective_from DESC LIMIT 1
    ) AS r"""  # noqa: S608 - constants only
# Of the fee, refunds give back so much that all of them together give back what the fee on the
# refunded total would be, never more than was taken: a full refund in parts is exact.
_RETURNED: Final = f"""
    CASE o.refund_returns_fee WHEN 1 THEN
        min(-c.fee, {_fee("NEW.amount - p.amount", "c.fee_basis_points")}) - p.fee
    ELSE 0 END"""
_REFUND_ROW: Final = f"""
    SELECT NEW.changed_at, 'Refund', NEW.id, NEW.charge_id, -NEW.amount, c.fee_basis_points,
        {_RETURNED}, NULL
    FROM settlement_options AS o,
        (SELECT fee, fee_basis_points FROM transactions
            WHERE charge_id = NEW.charge_id AND type = 'Capture') AS c,
        (SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(fee), 0) AS fee
            FROM transactions WHERE charge_id = NEW.charge_id AND type = 'Refund') AS p"""  # noqa: S608 - constants only
_INTO_BOOK: Final = (
    "INSERT INTO transactions (posted_at, type, object_id, charge_id, amount, fee_basis_points, "
    "fee, description)"
)
# A file of an earlier version holds captures and refunds of which there is no row yet.
_BACKFILL: Final = f"""
{_INTO_BOOK}
SELECT b.changed_at, 'Capture', b.id, b.id, b.capture_amount, 390,
    -(b.capture_amount * 390 / 10000), NULL
FROM charges AS b
WHERE b.state = 'Captured' AND NOT EXISTS (SELECT 1 FROM transactions) ORDER BY b.changed_at;
{_INTO_BOOK}
SELECT b.changed_at, 'Refund', b.id, b.charge_id, -b.amount, 390, 0, NULL FROM refunds AS b
WHERE b.state = 'Refunded' AND NOT EXISTS (SELECT 1 FROM transactions WHERE type = 'Refund')
ORDER BY b.changed_at;
"""  # noqa: S608 - constants only

# Made when somebody first asks for what they serve: each index costs every Create Charge a page of
# the write-ahead log, and most local Amazon Pays only ever charge.
LATE_INDEXES: Final = {
    "by charge": (
        "CREATE INDEX IF NOT EXISTS transactions_of_charge ON transactions (charge_id) "
        "WHERE charge_id IS NOT NULL"
    ),
    "transactions": ("CREATE INDEX IF NOT EXISTS transactions_posted ON transactions (posted_at)"),
    "charges": "CREATE INDEX IF NOT EXISTS charges_created ON charges (created_at)",
    "permissions": "CREATE INDEX IF NOT EXISTS permissions_created ON permissions (created_at)",
}

DDL: Final = f"""
CREATE TABLE IF NOT EXISTS transactions (
    seq INTEGER PRIMARY KEY, posted_at INTEGER NOT NULL, type TEXT NOT NULL, object_id TEXT,
    charge_id TEXT, amount INTEGER NOT NULL, fee_basis_points INTEGER, fee INTEGER NOT NULL,
    description TEXT
);
CREATE TABLE IF NOT EXISTS fee_rates (
    effective_from INTEGER PRIMARY KEY, basis_points INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS settlement_options (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fee_rounding TEXT NOT NULL DEFAULT 'floor',
    refund_returns_fee INTEGER NOT NULL DEFAULT 0,
    other TEXT NOT NULL DEFAULT '{{}}'
);
INSERT OR IGNORE INTO fee_rates VALUES (0, 390);
INSERT OR IGNORE INTO settlement_options (id) VALUES (1);
CREATE TABLE IF NOT EXISTS settlements (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL, last_seq INTEGER NOT NULL, movements INTEGER NOT NULL,
    movement_yen INTEGER NOT NULL, carried_in INTEGER NOT NULL, reserve_released INTEGER NOT NULL,
    reserve_held INTEGER NOT NULL, carried_out INTEGER NOT NULL, disbursed INTEGER NOT NULL,
    disbursement_reference TEXT, scheduled INTEGER NOT NULL, idle INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS settlements_by_row ON settlements (last_seq);
CREATE INDEX IF NOT EXISTS settlements_scheduled ON settlements (number) WHERE scheduled = 1;
CREATE INDEX IF NOT EXISTS settlements_paid ON settlements (ended_at) WHERE disbursed > 0;
CREATE TABLE IF NOT EXISTS chargebacks (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, charge_id TEXT NOT NULL,
    permission_id TEXT NOT NULL, type TEXT NOT NULL, amount INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS chargebacks_of_charge ON chargebacks (charge_id);
CREATE TABLE IF NOT EXISTS refund_outcomes (
    seq INTEGER PRIMARY KEY, charge_id TEXT, outcome TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS refund_declines (
    refund_id TEXT PRIMARY KEY, reason TEXT NOT NULL, due_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_declines_due ON refund_declines (due_at);
CREATE TABLE IF NOT EXISTS reports (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, start_at INTEGER NOT NULL,
    end_at INTEGER NOT NULL, created_at INTEGER NOT NULL, ready_at INTEGER NOT NULL,
    outcome TEXT NOT NULL, settlement INTEGER
);
CREATE INDEX IF NOT EXISTS reports_created ON reports (created_at);
CREATE TABLE IF NOT EXISTS report_schedules (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL UNIQUE, frequency TEXT NOT NULL,
    next_at INTEGER NOT NULL
);
{_BACKFILL}
CREATE TRIGGER IF NOT EXISTS book_capture_at_once AFTER INSERT ON charges
WHEN NEW.state = 'Captured'
BEGIN
    {_INTO_BOOK} {_CAPTURE_ROW};
END;
CREATE TRIGGER IF NOT EXISTS book_capture_later AFTER UPDATE OF state ON charges
WHEN NEW.state = 'Captured' AND OLD.state <> 'Captured'
BEGIN
    {_INTO_BOOK} {_CAPTURE_ROW};
END;
CREATE TRIGGER IF NOT EXISTS book_refund AFTER UPDATE OF state ON refunds
WHEN NEW.state = 'Refunded' AND OLD.state <> 'Refunded'
BEGIN
    {_INTO_BOOK} {_REFUND_ROW};
END;
"""  # noqa: S608 - constants only

EMPTIED_BY_RESET: Final[tuple[str, ...]] = (
    *(
        f"DELETE FROM {table}"  # noqa: S608 - constants only
        for table in (
            *("transactions", "fee_rates", "settlement_options", "settlements", "chargebacks"),
            *("refund_outcomes", "refund_declines", "reports", "report_schedules"),
        )
    ),
    "DELETE FROM sqlite_sequence WHERE name IN ('reports', 'report_schedules')",
    "INSERT INTO fee_rates VALUES (0, 390)",
    "INSERT INTO settlement_options (id) VALUES (1)",
)
