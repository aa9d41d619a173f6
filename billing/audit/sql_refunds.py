"""What the independent audit asks about refunds: one plain SQL statement per fault.

As in `audit_sql`: each sees one snapshot, runs on SQLite and on PostgreSQL, and shares nothing
with the code that gives money back. Parameters: `:m` the merchant, `:stale` 24 hours and
`:forgotten` 30 days before the audit.
"""

from billing.audit.sql import Check, Family

_TOO_MUCH = (
    Check(
        "refunded_above_captured",
        Family.LEDGER,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, SUM(r.amount_yen) AS yen,
        CASE WHEN a.state = 'captured' THEN a.amount_yen ELSE 0 END AS captured
        FROM refund r JOIN attempt a ON a.id = r.attempt_id
        WHERE r.merchant_id = :m AND r.state <> 'declined'
        GROUP BY a.id, a.charge_id, a.idempotency_key, a.state, a.amount_yen
        HAVING SUM(r.amount_yen) > CASE WHEN a.state = 'captured' THEN a.amount_yen ELSE 0 END""",
        "{yen} yen are given back or on their way, {captured} yen were captured",
        "{captured}円の受領に対し、返金済み・返金中の合計が{yen}円です",
    ),
    Check(
        "two_refunds_open",
        Family.STATE,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, COUNT(*) AS refunds
        FROM refund r JOIN attempt a ON a.id = r.attempt_id
        WHERE r.merchant_id = :m AND r.state NOT IN ('refunded', 'declined', 'by_hand')
        GROUP BY a.id, a.charge_id, a.idempotency_key HAVING COUNT(*) > 1""",
        "{refunds} refunds of the charge are open at once",
        "1件の課金に対し{refunds}件の返金が同時に進行しています",
    ),
    Check(
        "refund_room_differs",
        Family.LEDGER,
        """SELECT a.charge_id AS subject, SUM(x.refunded) AS refunded, SUM(x.held) AS held
        FROM (SELECT attempt_id, refunded_yen AS refunded, held_yen AS held FROM refund_room
            UNION ALL SELECT attempt_id,
            CASE WHEN state IN ('refunded', 'by_hand') THEN -amount_yen ELSE 0 END,
            CASE WHEN state IN ('refunded', 'declined', 'by_hand') THEN 0
            ELSE -amount_yen END FROM refund) x
        JOIN attempt a ON a.id = x.attempt_id WHERE a.merchant_id = :m
        GROUP BY a.id, a.charge_id HAVING SUM(x.refunded) <> 0 OR SUM(x.held) <> 0""",
        "refunded is off by {refunded} yen and held by {held} yen from the sum of its refunds",
        "返金済み額が{refunded}円、確保額が{held}円、返金の合計と違います",
    ),
    Check(
        "refund_limit_above_captured",
        Family.LEDGER,
        """SELECT a.charge_id AS subject, m.limit_yen, a.amount_yen AS yen
        FROM refund_room m JOIN attempt a ON a.id = m.attempt_id
        WHERE a.merchant_id = :m AND m.limit_yen > a.amount_yen""",
        "up to {limit_yen} yen could be given back, {yen} yen were captured",
        "{yen}円の受領に対し、返金の上限が{limit_yen}円になっています",
    ),
)

_BOOKED = (
    Check(
        "refund_not_booked",
        Family.LEDGER,
        """SELECT r.reference AS subject, r.amount_yen AS yen, COALESCE(p.amount_yen, 0) AS booked
        FROM refund r JOIN attempt a ON a.id = r.attempt_id JOIN slot s ON s.id = a.slot_id
        LEFT JOIN journal j ON j.merchant_id = r.merchant_id
            AND j.reference = r.refund_id || '/refunded' AND j.invoice_id = s.invoice_id
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'refund_payable'
        WHERE r.merchant_id = :m AND r.state = 'refunded'
        AND COALESCE(p.amount_yen, 0) <> r.amount_yen""",
        "{yen} yen were given back, {booked} yen of it are in the ledger",
        "{yen}円を返金しましたが、仕訳帳には{booked}円しかありません",
    ),
    Check(
        "refunds_booked_differ",
        Family.LEDGER,
        """SELECT i.number AS subject, SUM(x.booked) AS booked, SUM(x.yen) AS yen FROM (
            SELECT j.invoice_id, -p.amount_yen AS booked, 0 AS yen
            FROM journal j JOIN posting p ON p.journal_id = j.id
            AND p.account = 'amazon_receivable'
            WHERE j.merchant_id = :m AND j.kind = 'charge_refunded' UNION ALL
            SELECT s.invoice_id, 0, r.amount_yen FROM refund r
            JOIN attempt a ON a.id = r.attempt_id JOIN slot s ON s.id = a.slot_id
            WHERE r.merchant_id = :m AND r.state = 'refunded') x
        JOIN invoice i ON i.id = x.invoice_id GROUP BY i.id, i.number
        HAVING SUM(x.booked) <> SUM(x.yen)""",
        "{yen} yen were given back, the ledger books {booked} yen",
        "返金額は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "by_hand_not_booked",
        Family.LEDGER,
        """SELECT r.reference AS subject, r.amount_yen AS yen, COALESCE(p.amount_yen, 0) AS booked
        FROM refund r LEFT JOIN refund_by_hand h ON h.refund_row_id = r.id
        LEFT JOIN journal j ON j.merchant_id = r.merchant_id
            AND j.reference = r.reference || '/by_hand'
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'refund_payable'
        WHERE r.merchant_id = :m AND r.state = 'by_hand'
        AND (h.refund_row_id IS NULL OR COALESCE(p.amount_yen, 0) <> r.amount_yen)""",
        "{yen} yen were paid by hand, {booked} yen of it are in the ledger, or nobody said how",
        "{yen}円を手作業で返金しましたが、仕訳は{booked}円、または振込の記録がありません",
    ),
    Check(
        "by_hand_sent_to_amazon",
        Family.LEDGER,
        """SELECT reference AS subject, amount_yen AS yen FROM refund
        WHERE merchant_id = :m AND state = 'by_hand' AND (sends > 0 OR refund_id IS NOT NULL)""",
        "{yen} yen were paid by hand and asked of Amazon as well",
        "{yen}円を手作業で返金した上、Amazonにも返金を依頼しています",
    ),
    Check(
        "refund_debt_differs",
        Family.LEDGER,
        """SELECT r.reference AS subject, r.amount_yen - r.owed_before_yen AS yen,
        COALESCE(SUM(-p.amount_yen), 0) AS booked FROM refund r
        LEFT JOIN journal j ON j.merchant_id = r.merchant_id
            AND j.reference = r.reference || '/owed'
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'refund_payable'
        WHERE r.merchant_id = :m
        GROUP BY r.id, r.reference, r.amount_yen, r.owed_before_yen
        HAVING COALESCE(SUM(-p.amount_yen), 0) <> r.amount_yen - r.owed_before_yen""",
        "it newly owes {yen} yen, the ledger says {booked} yen",
        "新たな返金債務は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "refund_owed_without_refund",
        Family.LEDGER,
        """SELECT j.reference AS subject FROM journal j
        WHERE j.merchant_id = :m AND j.kind = 'refund_owed' AND NOT EXISTS (
            SELECT 1 FROM refund r WHERE r.merchant_id = j.merchant_id
            AND r.reference || '/owed' = j.reference)""",
        "the ledger owes money back that no refund gives back",
        "返金債務の仕訳に対応する返金がありません",
    ),
)

_WAITING = (
    Check(
        "refund_in_doubt_too_long",
        Family.IN_DOUBT,
        """SELECT reference AS subject, amount_yen AS yen, requested_at, state FROM refund
        WHERE merchant_id = :m AND state IN ('intended', 'in_doubt', 'quarantined')
        AND requested_at < :stale""",
        "{yen} yen are to be given back since {requested_at} and are {state}; look at Amazon",
        "{requested_at}に依頼された{yen}円の返金が{state}のままです。Amazonで確認してください",
    ),
    Check(
        "refund_pending_too_long",
        Family.IN_DOUBT,
        """SELECT reference AS subject, amount_yen AS yen, requested_at, refund_id FROM refund
        WHERE merchant_id = :m AND state = 'pending' AND requested_at < :forgotten""",
        "Amazon works on {yen} yen ({refund_id}) since {requested_at}; ask its support",
        "{requested_at}からの返金{yen}円({refund_id})が完了しません。"
        "Amazonのサポートに問い合わせてください",
    ),
)

REFUND_CHECKS = (*_TOO_MUCH, *_BOOKED, *_WAITING)
"""Every fault of refunds that one statement can find."""

REFUND_SPLITS = """SELECT reference AS subject, amount_yen - owed_before_yen AS yen, taxes
FROM refund WHERE merchant_id = :m"""
"""What every refund newly reversed, and its split over tax rates as JSON."""
