"""What the independent audit asks about authorised charges, shipments and chargebacks.

As in `audit_sql`: one plain SQL statement per fault, each sees one snapshot, runs on SQLite and on
PostgreSQL, and shares nothing with the code that captures. Parameters: `:m` the merchant, `:stale`
24 hours and `:forgotten` 30 days before the audit.
"""

from billing.audit.sql import Check, Family

_TOO_MUCH = (
    Check(
        "captured_above_authorized",
        Family.CHARGED_TWICE,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, a.authorized_yen,
        CASE WHEN a.state = 'captured' THEN a.amount_yen ELSE 0 END AS yen, (
            SELECT COALESCE(SUM(x.amount_yen), 0) FROM act x WHERE x.attempt_id = a.id
            AND x.kind = 'capture' AND x.state <> 'declined') AS asked_yen
        FROM attempt a WHERE a.merchant_id = :m AND a.authorized_yen IS NOT NULL
        AND ((a.state = 'captured' AND a.amount_yen > a.authorized_yen) OR (
            SELECT COALESCE(SUM(x.amount_yen), 0) FROM act x WHERE x.attempt_id = a.id
            AND x.kind = 'capture' AND x.state <> 'declined') > a.authorized_yen)""",
        "{authorized_yen} yen were authorised, {yen} captured and {asked_yen} asked for",
        "承認額{authorized_yen}円に対し、受領額{yen}円、売上請求の依頼額{asked_yen}円です",
    ),
    Check(
        "charge_ended_twice",
        Family.CHARGED_TWICE,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, COUNT(*) AS acts
        FROM act x JOIN attempt a ON a.id = x.attempt_id
        WHERE x.merchant_id = :m AND x.state <> 'declined'
        GROUP BY a.id, a.charge_id, a.idempotency_key HAVING COUNT(*) > 1""",
        "{acts} captures or cancellations of one charge are under way or done",
        "1件の承認に対し、売上請求・取消が{acts}件あります",
    ),
    Check(
        "slot_effective_twice",
        Family.CHARGED_TWICE,
        """SELECT s.reference AS subject, COUNT(*) + 1 AS charges
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        JOIN attempt b ON b.slot_id = a.slot_id AND b.id <> a.id
        AND b.state IN ('intended', 'in_doubt', 'pending', 'authorized', 'captured')
        WHERE a.merchant_id = :m AND a.state = 'authorized'
        GROUP BY s.id, s.reference""",
        "{charges} charges of the slot are authorised, captured or under way at once",
        "請求枠に有効な課金が{charges}件あります",
    ),
)

_AGREES = (
    Check(
        "capture_not_recorded",
        Family.LOST,
        """SELECT x.reference AS subject, x.amount_yen AS yen, a.state,
        a.amount_yen AS recorded FROM act x JOIN attempt a ON a.id = x.attempt_id
        WHERE x.merchant_id = :m AND x.kind = 'capture' AND x.state = 'done'
        AND (a.state <> 'captured' OR a.amount_yen <> x.amount_yen)""",
        "Amazon captured {yen} yen, the charge is {state} with {recorded} yen",
        "Amazonは{yen}円を受領しましたが、課金は{state}・{recorded}円です",
    ),
    Check(
        "cancellation_not_recorded",
        Family.STATE,
        """SELECT x.reference AS subject, a.state FROM act x JOIN attempt a ON a.id = x.attempt_id
        WHERE x.merchant_id = :m AND x.kind = 'cancel' AND x.state = 'done'
        AND a.state <> 'canceled'""",
        "Amazon cancelled the authorisation, the charge is {state}",
        "Amazonで承認は取り消されましたが、課金は{state}です",
    ),
    Check(
        "closing_not_recorded",
        Family.STATE,
        """SELECT x.reference AS subject, p.state FROM act x
        JOIN charge_permission p ON p.id = x.permission_id
        WHERE x.merchant_id = :m AND x.kind = 'close' AND x.state = 'done'
        AND p.state <> 'Closed'""",
        "Amazon closed the charge permission, in our books it is {state}",
        "Amazonで支払い許可は終了しましたが、記録では{state}です",
    ),
    Check(
        "authorized_slot_differs",
        Family.STATE,
        """SELECT x.subject, x.state, x.charges FROM (
            SELECT s.reference AS subject, s.state, (SELECT COUNT(*) FROM attempt a
                WHERE a.slot_id = s.id AND a.state = 'authorized') AS charges
            FROM slot s WHERE s.merchant_id = :m AND s.state = 'authorized') x
        WHERE x.charges <> 1 UNION ALL
        SELECT s.reference, s.state, 1 FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND a.state = 'authorized'
        AND s.state NOT IN ('authorized', 'open', 'quarantined')""",
        "the slot is {state} and has {charges} authorised charges",
        "請求枠は{state}ですが、承認済みの課金が{charges}件あります",
    ),
    Check(
        "authorized_without_sum",
        Family.STATE,
        """SELECT COALESCE(charge_id, idempotency_key) AS subject, state FROM attempt
        WHERE merchant_id = :m AND state IN ('authorized', 'canceled')
        AND (authorized_yen IS NULL OR lapses_at IS NULL OR charge_id IS NULL)""",
        "it is {state}, but how much was authorised until when under which id is not known",
        "{state}ですが、承認額・期限・課金IDの記録がありません",
    ),
    Check(
        "shipped_not_asked_for",
        Family.LOST,
        """SELECT s.reference AS subject, s.shipped_on, s.amount_yen AS yen FROM slot s
        WHERE s.merchant_id = :m AND s.shipped_on IS NOT NULL AND s.state IN ('authorized', 'open')
        AND NOT EXISTS (SELECT 1 FROM attempt a LEFT JOIN act x ON x.attempt_id = a.id
            AND x.kind = 'capture' AND x.state <> 'declined' WHERE a.slot_id = s.id
            AND (x.id IS NOT NULL OR a.state IN ('intended', 'in_doubt', 'pending')))""",
        "goods for {yen} yen left on {shipped_on}, and nobody asks for the money",
        "{shipped_on}に出荷した{yen}円分の売上請求が行われていません",
    ),
    Check(
        "unshipped_rest_differs",
        Family.LEDGER,
        """SELECT s.reference AS subject, x.authorized_yen - x.amount_yen AS yen,
        COALESCE(SUM(-p.amount_yen), 0) AS booked
        FROM act x JOIN attempt a ON a.id = x.attempt_id JOIN slot s ON s.id = a.slot_id
        LEFT JOIN journal j ON j.merchant_id = x.merchant_id
            AND j.reference = s.reference || '/short'
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'customer_receivable'
        WHERE x.merchant_id = :m AND x.kind = 'capture'
        GROUP BY x.id, s.reference, x.authorized_yen, x.amount_yen
        HAVING COALESCE(SUM(-p.amount_yen), 0) <> x.authorized_yen - x.amount_yen""",
        "{yen} yen were not shipped, the ledger takes {booked} yen back",
        "未出荷分は{yen}円ですが、仕訳帳では{booked}円です",
    ),
)

_WAITING = (
    Check(
        "authorization_lapsed",
        Family.LOST,
        """SELECT s.reference AS subject, a.authorized_yen AS yen, a.lapses_at
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        JOIN subscription u ON u.id = s.subscription_id
        WHERE a.merchant_id = :m AND a.state = 'authorized' AND a.lapses_at < :stale
        AND s.state = 'authorized'""",
        "{yen} yen were authorised until {lapses_at}; nobody shipped or authorised again",
        "{yen}円の承認は{lapses_at}に失効しました。出荷も再承認も行われていません",
    ),
    Check(
        "act_in_doubt_too_long",
        Family.IN_DOUBT,
        """SELECT reference AS subject, kind, state, requested_at FROM act
        WHERE merchant_id = :m AND state IN ('intended', 'in_doubt', 'quarantined')
        AND requested_at < :stale""",
        "the {kind} of {requested_at} is {state}; look at Amazon",
        "{requested_at}の{kind}が{state}のままです。Amazonで確認してください",
    ),
    Check(
        "act_pending_too_long",
        Family.IN_DOUBT,
        """SELECT reference AS subject, kind, requested_at FROM act
        WHERE merchant_id = :m AND state = 'pending' AND requested_at < :forgotten""",
        "Amazon works on the {kind} since {requested_at}; ask its support",
        "{requested_at}からの{kind}が完了しません。Amazonのサポートに問い合わせてください",
    ),
)

_BACK = (
    Check(
        "chargeback_not_booked",
        Family.LEDGER,
        """SELECT a.charge_id AS subject, c.case_id, c.amount_yen AS yen,
        COALESCE(p.amount_yen, 0) AS booked
        FROM chargeback c JOIN attempt a ON a.id = c.attempt_id
        LEFT JOIN journal j ON j.merchant_id = c.merchant_id
            AND j.reference = a.charge_id || '/' || c.case_id || '/taken_back'
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'chargebacks'
        WHERE c.merchant_id = :m AND COALESCE(p.amount_yen, 0) <> c.amount_yen""",
        "case {case_id} took {yen} yen back, the ledger says {booked} yen",
        "チャージバック{case_id}は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "chargeback_of_nothing",
        Family.STATE,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, a.state
        FROM chargeback c JOIN attempt a ON a.id = c.attempt_id
        WHERE c.merchant_id = :m AND a.state <> 'captured'""",
        "money of a charge that is {state} cannot be taken back",
        "{state}の課金にチャージバックが記録されています",
    ),
    Check(
        "returned_above_captured",
        Family.STATE,
        """SELECT a.charge_id AS subject, a.amount_yen AS captured, SUM(x.yen) AS yen FROM (
            SELECT attempt_id, amount_yen AS yen FROM chargeback WHERE merchant_id = :m
            UNION ALL SELECT attempt_id, amount_yen FROM refund
            WHERE merchant_id = :m AND state <> 'declined') x
        JOIN attempt a ON a.id = x.attempt_id
        GROUP BY a.id, a.charge_id, a.amount_yen, a.state
        HAVING SUM(x.yen) > a.amount_yen AND EXISTS (
            SELECT 1 FROM chargeback c WHERE c.attempt_id = a.id)""",
        "{yen} yen went back of {captured} yen, by refunds and chargebacks together; contest it",
        "受領{captured}円に対し、返金とチャージバックの合計が{yen}円です。異議申立てを検討してください",
    ),
)

CAPTURE_CHECKS = (*_TOO_MUCH, *_AGREES, *_WAITING, *_BACK)
"""Every fault of authorised charges, shipments and chargebacks that one statement can find."""
