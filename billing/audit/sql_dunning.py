"""What the independent audit asks about dunning: one plain SQL statement per fault.

As in `audit_sql`: each runs on SQLite and on PostgreSQL, and shares nothing with the code that
charges. Parameters: `:m` the merchant, `:stale` 24 hours before the audit.
"""

from billing.audit.sql import Check, Family

DUNNING_CHECKS = (
    Check(
        "dunning_not_frozen",
        Family.STATE,
        """SELECT DISTINCT i.number AS subject FROM invoice i JOIN slot s ON s.invoice_id = i.id
        WHERE i.merchant_id = :m AND i.state = 'open'
        AND (s.state = 'waiting_buyer' OR (s.state = 'due' AND s.declines > 0))
        AND NOT EXISTS (SELECT 1 FROM dunning d WHERE d.invoice_id = i.id)""",
        "it is being dunned, but under which schedule is not in the books",
        "再請求中ですが、どの再請求スケジュールによるものか記録がありません",
    ),
    Check(
        "tried_after_the_end",
        Family.STATE,
        """SELECT s.reference AS subject, a.number, a.intended_at, s.settled_at
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND s.state = 'uncollectible'
        AND s.settled_at IS NOT NULL AND a.intended_at > s.settled_at""",
        "its dunning ended at {settled_at}, and attempt {number} was made at {intended_at}",
        "再請求は{settled_at}に終わりましたが、{intended_at}に第{number}回の請求が行われました",
    ),
    Check(
        "tries_miscounted",
        Family.STATE,
        """SELECT s.reference AS subject, s.declines, COUNT(a.id) AS found
        FROM slot s LEFT JOIN attempt a ON a.slot_id = s.id AND a.state IN ('declined', 'canceled')
        WHERE s.merchant_id = :m AND s.declines > 0
        GROUP BY s.id, s.reference, s.declines HAVING COUNT(a.id) < s.declines""",
        "{declines} declines are counted, {found} attempts were declined",
        "失敗{declines}回と数えられていますが、失敗した請求は{found}回です",
    ),
)
"""Every fault of dunning that one statement can find."""
