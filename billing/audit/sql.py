"""What the independent audit asks of the books: one plain SQL statement per fault.

Every statement sees one snapshot, so a run that charges meanwhile cannot make a false alarm, and
runs as it stands on SQLite and on PostgreSQL. A row it returns is a fault; its columns fill the
words. Parameters: `:m` the merchant, `:stale` 24 hours before the audit. Nothing here may be
imported by the charging path, nor import from it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Family(StrEnum):
    """What a fault means to the person who reads it."""

    CHARGED_TWICE = "charged_twice"
    LOST = "lost"
    CAP = "cap"
    IN_DOUBT = "in_doubt"
    LEDGER = "ledger"
    STATE = "state"
    AMAZON = "amazon"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class Check:
    """One fault: the statement that finds it, and its words with columns in braces."""

    kind: str
    family: Family
    sql: str
    en: str
    ja: str


_TWICE = (
    Check(
        "slot_charged_twice",
        Family.CHARGED_TWICE,
        """SELECT s.reference AS subject, COUNT(*) AS times, SUM(a.amount_yen) AS yen
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND a.state = 'captured'
        GROUP BY s.id, s.reference HAVING COUNT(*) > 1""",
        "the slot was captured {times} times, {yen} yen altogether; refund what is too much",
        "請求枠が{times}回受領されています(合計{yen}円)。超過分を返金してください",
    ),
    Check(
        "charge_id_used_twice",
        Family.CHARGED_TWICE,
        """SELECT charge_id AS subject, COUNT(DISTINCT slot_id) AS slots FROM attempt
        WHERE merchant_id = :m AND state = 'captured' AND charge_id IS NOT NULL
        GROUP BY charge_id HAVING COUNT(DISTINCT slot_id) > 1""",
        "one charge at Amazon pays {slots} slots",
        "Amazonの1件の課金が{slots}件の請求枠に使われています",
    ),
    Check(
        "invoice_overpaid",
        Family.CHARGED_TWICE,
        """SELECT i.number AS subject, i.total_yen, SUM(a.amount_yen) AS yen
        FROM invoice i JOIN slot s ON s.invoice_id = i.id JOIN attempt a ON a.slot_id = s.id
        WHERE i.merchant_id = :m AND a.state = 'captured'
        GROUP BY i.id, i.number, i.total_yen, i.offset_yen
        HAVING SUM(a.amount_yen) > i.total_yen - i.offset_yen
        AND COUNT(*) = COUNT(DISTINCT s.id)""",
        "{yen} yen were captured for an invoice of {total_yen} yen; refund what is too much",
        "{total_yen}円の請求書に対し{yen}円を受領しています。超過分を返金してください",
    ),
)

_LOST = (
    Check(
        "slot_not_handled",
        Family.LOST,
        """SELECT s.reference AS subject, s.due_at, s.amount_yen AS yen
        FROM slot s JOIN subscription u ON u.id = s.subscription_id
        WHERE s.merchant_id = :m AND s.state = 'due' AND s.due_at < :stale
        AND u.state IN ('trialing', 'active', 'past_due') AND NOT EXISTS (
            SELECT 1 FROM attempt a WHERE a.permission_id = s.permission_id
            AND a.state IN ('intended', 'in_doubt', 'pending', 'authorized'))""",
        "{yen} yen were due at {due_at} and nobody tried; check that a worker runs",
        "{due_at}が期日の{yen}円が未処理です。ワーカーの稼働を確認してください",
    ),
    Check(
        "subscription_not_handled",
        Family.LOST,
        """SELECT external_id AS subject, next_cycle AS cycle, due_at FROM subscription
        WHERE merchant_id = :m AND due_at < :stale""",
        "cycle {cycle} was due at {due_at} and was not opened; check that a worker runs",
        "第{cycle}期({due_at})が未処理です。ワーカーの稼働を確認してください",
    ),
    Check(
        "subscription_forgotten",
        Family.LOST,
        """SELECT u.external_id AS subject, u.next_cycle AS cycle FROM subscription u
        WHERE u.merchant_id = :m AND u.state IN ('trialing', 'active', 'past_due')
        AND u.due_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM invoice i WHERE i.subscription_id = u.id AND i.purpose = 'renewal'
            AND i.cycle = u.next_cycle AND i.state = 'open')""",
        "it goes on, but cycle {cycle} has neither a due time nor an open invoice",
        "継続中ですが、第{cycle}期に期日も未払いの請求書もありません",
    ),
    Check(
        "captured_not_booked",
        Family.LOST,
        """SELECT COALESCE(a.charge_id, a.idempotency_key) AS subject, a.amount_yen AS yen,
        COALESCE(p.amount_yen, 0) AS booked
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        LEFT JOIN journal j ON j.merchant_id = a.merchant_id
            AND j.reference = a.charge_id || '/captured' AND j.invoice_id = s.invoice_id
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'amazon_receivable'
        WHERE a.merchant_id = :m AND a.state = 'captured'
        AND COALESCE(p.amount_yen, 0) <> a.amount_yen""",
        "{yen} yen were captured, {booked} yen of it are in the ledger",
        "{yen}円を受領しましたが、仕訳帳には{booked}円しかありません",
    ),
    Check(
        "booked_not_captured",
        Family.LEDGER,
        """SELECT j.reference AS subject FROM journal j
        WHERE j.merchant_id = :m AND j.kind = 'charge_captured' AND NOT EXISTS (
            SELECT 1 FROM attempt a WHERE a.merchant_id = j.merchant_id AND a.state = 'captured'
            AND a.charge_id = replace(j.reference, '/captured', ''))""",
        "the ledger books a charge that no captured attempt has",
        "仕訳に対応する受領済みの請求試行がありません",
    ),
    Check(
        "captured_slot_not_paid",
        Family.LOST,
        """SELECT s.reference AS subject, a.amount_yen AS yen, s.state, s.amount_yen AS slot_yen
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND a.state = 'captured'
        AND (s.state <> 'paid' OR s.amount_yen <> a.amount_yen)""",
        "{yen} yen were captured, but the slot is {state} with {slot_yen} yen",
        "{yen}円を受領しましたが、請求枠は{state}・{slot_yen}円です",
    ),
    Check(
        "paid_slot_not_captured",
        Family.LOST,
        """SELECT s.reference AS subject, s.amount_yen AS yen FROM slot s
        WHERE s.merchant_id = :m AND s.state = 'paid' AND NOT EXISTS (
            SELECT 1 FROM attempt a WHERE a.slot_id = s.id AND a.state = 'captured')""",
        "the slot of {yen} yen counts as paid, but nothing was captured for it",
        "{yen}円の請求枠が支払い済みですが、受領の記録がありません",
    ),
    Check(
        "invoice_slots_differ",
        Family.LOST,
        """SELECT i.number AS subject, i.total_yen - i.offset_yen AS to_charge,
        COALESCE(SUM(s.amount_yen), 0) AS yen
        FROM invoice i LEFT JOIN slot s ON s.invoice_id = i.id
        WHERE i.merchant_id = :m AND i.state <> 'void'
        GROUP BY i.id, i.number, i.total_yen, i.offset_yen
        HAVING COALESCE(SUM(s.amount_yen), 0) <> i.total_yen - i.offset_yen""",
        "its slots sum to {yen} yen, {to_charge} yen of it are to be charged",
        "請求枠の合計は{yen}円、請求書の課金額は{to_charge}円です",
    ),
    Check(
        "invoice_paid_differs",
        Family.LOST,
        """SELECT i.number AS subject, i.paid_yen, COALESCE(SUM(s.amount_yen), 0) AS yen
        FROM invoice i LEFT JOIN slot s ON s.invoice_id = i.id AND s.state = 'paid'
        WHERE i.merchant_id = :m GROUP BY i.id, i.number, i.paid_yen
        HAVING COALESCE(SUM(s.amount_yen), 0) <> i.paid_yen""",
        "it says {paid_yen} yen are paid, its paid slots sum to {yen} yen",
        "支払い済み額は{paid_yen}円ですが、支払い済みの請求枠の合計は{yen}円です",
    ),
    # A pause, or a person's act such as a skip, may leave a gap; nothing else may.
    Check(
        "cycle_gap",
        Family.LOST,
        """WITH opened AS (
            SELECT subscription_id, cycle FROM invoice
            WHERE merchant_id = :m AND purpose = 'renewal'
            UNION ALL SELECT id, next_cycle FROM subscription
            WHERE merchant_id = :m AND due_at IS NOT NULL),
        pairs AS (SELECT subscription_id, cycle,
            LAG(cycle) OVER (PARTITION BY subscription_id ORDER BY cycle) AS prior FROM opened)
        SELECT u.external_id AS subject, pairs.prior, pairs.cycle
        FROM pairs JOIN subscription u ON u.id = pairs.subscription_id
        WHERE pairs.cycle > pairs.prior + 1 AND NOT EXISTS (
            SELECT 1 FROM subscription_event e WHERE e.subscription_id = u.id
            AND (e.state_before = 'paused' OR e.actor <> 'engine'))""",
        "cycle {cycle} follows cycle {prior}, and no pause or skip explains it",
        "第{prior}期の次が第{cycle}期です。休止やスキップの記録がありません",
    ),
)

_CAP = (
    Check(
        "cap_month_differs",
        Family.CAP,
        """SELECT p.amazon_id AS subject, x.month, SUM(x.used) AS used, SUM(x.held) AS held
        FROM (SELECT permission_id, month, used_yen AS used, held_yen AS held FROM cap_month
            UNION ALL SELECT permission_id, month,
            CASE WHEN state = 'used' THEN -amount_yen ELSE 0 END,
            CASE WHEN state = 'held' THEN -amount_yen ELSE 0 END FROM cap_hold) x
        JOIN charge_permission p ON p.id = x.permission_id WHERE p.merchant_id = :m
        GROUP BY p.amazon_id, x.month HAVING SUM(x.used) <> 0 OR SUM(x.held) <> 0""",
        "{month}: used is off by {used} yen and held by {held} yen from the sum of its attempts",
        "{month}: 使用額が{used}円、確保額が{held}円、請求試行の合計と違います",
    ),
    Check(
        "cap_hold_differs",
        Family.CAP,
        """SELECT a.idempotency_key AS subject, h.month, h.state, h.amount_yen AS yen,
        a.state AS attempt_state, a.amount_yen
        FROM cap_hold h JOIN attempt a ON a.id = h.attempt_id
        WHERE a.merchant_id = :m
        AND (h.amount_yen <> COALESCE(a.authorized_yen, a.amount_yen) OR h.state <> CASE
            WHEN a.state = 'captured' THEN 'used'
            WHEN a.state = 'canceled' AND h.state <> 'held' THEN h.state
            WHEN a.state IN ('declined', 'refused', 'canceled') THEN 'released' ELSE 'held' END)""",
        "{month}: room of {yen} yen is {state}, the attempt of {amount_yen} yen is {attempt_state}",
        "{month}: 枠{yen}円は{state}、請求試行{amount_yen}円は{attempt_state}です",
    ),
    Check(
        "cap_not_held",
        Family.CAP,
        """SELECT a.idempotency_key AS subject, a.amount_yen AS yen FROM attempt a
        WHERE a.merchant_id = :m AND a.state NOT IN ('declined', 'refused')
        AND NOT EXISTS (SELECT 1 FROM cap_hold h WHERE h.attempt_id = a.id)""",
        "{yen} yen were sent or captured without taking room under the cap",
        "{yen}円が月間上限の枠を確保せずに請求されています",
    ),
)

_IN_DOUBT = (
    Check(
        "in_doubt_too_long",
        Family.IN_DOUBT,
        """SELECT s.reference AS subject, a.amount_yen AS yen, a.intended_at, s.state
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND a.state IN ('intended', 'in_doubt', 'pending')
        AND a.intended_at < :stale""",
        "{yen} yen have no definite answer since {intended_at} (slot {state}); look at Amazon",
        "{yen}円の結果が{intended_at}から未確定です(請求枠: {state})。Amazonで確認してください",
    ),
)

_LEDGER = (
    Check(
        "journal_unbalanced",
        Family.LEDGER,
        """SELECT j.reference AS subject, SUM(p.amount_yen) AS yen
        FROM journal j JOIN posting p ON p.journal_id = j.id WHERE j.merchant_id = :m
        GROUP BY j.id, j.reference HAVING SUM(p.amount_yen) <> 0""",
        "its postings sum to {yen} yen instead of 0",
        "仕訳の貸借差額が{yen}円です(0円であるべき)",
    ),
    Check(
        "receivable_differs",
        Family.LEDGER,
        """SELECT i.number AS subject, COALESCE(SUM(p.amount_yen), 0) AS booked,
        CASE WHEN i.state IN ('open', 'paid') THEN i.total_yen - i.offset_yen - i.paid_yen
            ELSE 0 END AS yen
        FROM invoice i LEFT JOIN journal j ON j.invoice_id = i.id
        LEFT JOIN posting p ON p.journal_id = j.id AND p.account = 'customer_receivable'
        WHERE i.merchant_id = :m
        GROUP BY i.id, i.number, i.state, i.total_yen, i.offset_yen, i.paid_yen
        HAVING COALESCE(SUM(p.amount_yen), 0) <>
        CASE WHEN i.state IN ('open', 'paid') THEN i.total_yen - i.offset_yen - i.paid_yen
            ELSE 0 END""",
        "the customer owes {yen} yen, the ledger says {booked} yen",
        "未収額は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "amazon_receivable_differs",
        Family.LEDGER,
        """SELECT 'amazon_receivable' AS subject, b.yen AS booked, c.yen FROM
        (SELECT COALESCE(SUM(p.amount_yen), 0) AS yen FROM journal j
            JOIN posting p ON p.journal_id = j.id AND p.account = 'amazon_receivable'
            WHERE j.merchant_id = :m AND j.kind = 'charge_captured') b CROSS JOIN
        (SELECT COALESCE(SUM(amount_yen), 0) AS yen FROM attempt
            WHERE merchant_id = :m AND state = 'captured') c WHERE b.yen <> c.yen""",
        "{yen} yen were captured, the ledger books {booked} yen",
        "受領額は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "credit_differs",
        Family.LEDGER,
        """SELECT u.external_id AS subject, x.yen AS booked, COALESCE(a.credit_yen, 0) AS yen
        FROM (SELECT i.subscription_id, -SUM(p.amount_yen) AS yen FROM posting p
            JOIN journal j ON j.id = p.journal_id JOIN invoice i ON i.id = j.invoice_id
            WHERE j.merchant_id = :m AND p.account = 'customer_credit'
            GROUP BY i.subscription_id) x
        JOIN subscription u ON u.id = x.subscription_id
        LEFT JOIN agreement a ON a.subscription_id = x.subscription_id
        WHERE x.yen <> COALESCE(a.credit_yen, 0)""",
        "the customer has {yen} yen of credit, the ledger says {booked} yen",
        "お預かり金は{yen}円ですが、仕訳帳では{booked}円です",
    ),
    Check(
        "income_differs",
        Family.LEDGER,
        """SELECT i.number AS subject, x.account, SUM(x.yen) AS yen FROM (
            SELECT invoice_id, 'sales:' || tax_category AS account, net_yen AS yen
            FROM invoice_tax UNION ALL
            SELECT invoice_id, 'consumption_tax:' || tax_category, tax_yen
            FROM invoice_tax UNION ALL
            SELECT j.invoice_id, p.account, p.amount_yen
            FROM journal j JOIN posting p ON p.journal_id = j.id
            WHERE j.merchant_id = :m AND j.kind = 'invoice_issued'
            AND p.account <> 'customer_receivable') x
        JOIN invoice i ON i.id = x.invoice_id WHERE i.merchant_id = :m
        GROUP BY i.number, x.account HAVING SUM(x.yen) <> 0""",
        "{account} in the ledger differs by {yen} yen from the tax rows of the invoice",
        "仕訳帳の{account}が請求書の税額行と{yen}円違います",
    ),
    Check(
        "invoice_tax_differs",
        Family.LEDGER,
        """SELECT i.number AS subject, i.total_yen, COALESCE(SUM(t.gross_yen), 0) AS yen
        FROM invoice i LEFT JOIN invoice_tax t ON t.invoice_id = i.id
        WHERE i.merchant_id = :m GROUP BY i.id, i.number, i.total_yen
        HAVING COALESCE(SUM(t.gross_yen), 0) <> i.total_yen""",
        "its tax rows sum to {yen} yen, its total is {total_yen} yen",
        "税率別の合計は{yen}円、請求書の合計は{total_yen}円です",
    ),
    Check(
        "invoice_lines_differ",
        Family.LEDGER,
        """SELECT i.number AS subject, x.tax_category, SUM(x.yen) AS yen FROM (
            SELECT invoice_id, tax_category, gross_yen AS yen FROM invoice_tax UNION ALL
            SELECT invoice_id, tax_category, -amount_yen FROM invoice_line) x
        JOIN invoice i ON i.id = x.invoice_id WHERE i.merchant_id = :m
        GROUP BY i.number, x.tax_category HAVING SUM(x.yen) <> 0""",
        "{tax_category}: the tax row differs by {yen} yen from the sum of the lines",
        "{tax_category}: 税額行が明細の合計と{yen}円違います",
    ),
)

_STATE = (
    Check(
        "paid_invoice_unpaid_slot",
        Family.STATE,
        """SELECT i.number AS subject, s.reference, s.state FROM invoice i
        JOIN slot s ON s.invoice_id = i.id
        WHERE i.merchant_id = :m AND i.state = 'paid' AND s.state <> 'paid'""",
        "the invoice is paid, its slot {reference} is {state}",
        "支払い済みの請求書に{state}の請求枠{reference}があります",
    ),
    Check(
        "invoice_state_wrong",
        Family.STATE,
        """SELECT number AS subject, state, paid_yen, total_yen - offset_yen AS to_charge
        FROM invoice WHERE merchant_id = :m
        AND ((state = 'paid' AND paid_yen <> total_yen - offset_yen)
        OR (state <> 'paid' AND paid_yen = total_yen - offset_yen))""",
        "it is {state} with {paid_yen} of {to_charge} yen paid",
        "{to_charge}円中{paid_yen}円の支払いで{state}になっています",
    ),
    Check(
        "open_slot_without_attempt",
        Family.STATE,
        """SELECT s.reference AS subject FROM slot s
        WHERE s.merchant_id = :m AND s.state = 'open' AND NOT EXISTS (
            SELECT 1 FROM attempt a WHERE a.slot_id = s.id
            AND a.state IN ('intended', 'in_doubt', 'pending', 'authorized'))""",
        "the slot waits for an answer, but nothing is in flight",
        "結果待ちの請求枠に進行中の請求試行がありません",
    ),
    Check(
        "attempt_without_open_slot",
        Family.STATE,
        """SELECT s.reference AS subject, a.state, s.state AS slot_state
        FROM attempt a JOIN slot s ON s.id = a.slot_id
        WHERE a.merchant_id = :m AND a.state IN ('intended', 'in_doubt', 'pending')
        AND s.state NOT IN ('open', 'quarantined')""",
        "an attempt is {state}, but its slot is {slot_state}",
        "請求試行は{state}ですが、請求枠は{slot_state}です",
    ),
    Check(
        "cycle_not_advanced",
        Family.STATE,
        """SELECT i.number AS subject, i.state, u.state AS agreement, u.next_cycle
        FROM invoice i JOIN subscription u ON u.id = i.subscription_id
        WHERE i.merchant_id = :m AND i.purpose = 'renewal' AND i.cycle >= u.next_cycle
        AND (i.state = 'paid'
        OR (i.state = 'uncollectible' AND u.state IN ('trialing', 'active', 'past_due')))""",
        "the invoice is {state}, but the {agreement} subscription has cycle {next_cycle} next",
        "請求書は{state}ですが、契約({agreement})の次回は第{next_cycle}期のままです",
    ),
    Check(
        "change_without_charge",
        Family.STATE,
        """SELECT u.external_id AS subject, a.pending_quote_id AS quote, q.state
        FROM agreement a JOIN subscription u ON u.id = a.subscription_id
        LEFT JOIN quote q ON q.merchant_id = a.merchant_id AND q.id = a.pending_quote_id
        WHERE a.merchant_id = :m AND a.pending_quote_id IS NOT NULL
        AND (COALESCE(q.state, '') <> 'charging' OR NOT EXISTS (
            SELECT 1 FROM invoice i WHERE i.subscription_id = u.id
            AND i.purpose <> 'renewal' AND i.state = 'open'))""",
        "a change waits for the charge of quote {quote} ({state}), and nothing is to be charged",
        "見積{quote}の変更が課金を待っていますが、課金の予定がありません",
    ),
    Check(
        "canceled_but_due",
        Family.STATE,
        """SELECT external_id AS subject, due_at FROM subscription
        WHERE merchant_id = :m AND state = 'canceled' AND due_at IS NOT NULL""",
        "it is canceled, but due at {due_at}: it would be charged",
        "解約済みですが期日({due_at})が残っています",
    ),
    Check(
        "charged_after_cancellation",
        Family.STATE,
        """SELECT s.reference AS subject, a.amount_yen AS yen, a.intended_at, ended.at
        FROM subscription u JOIN (
            SELECT subscription_id, MAX(at) AS at FROM subscription_event
            WHERE merchant_id = :m AND state_after = 'canceled' AND state_before <> 'canceled'
            GROUP BY subscription_id) ended ON ended.subscription_id = u.id
        JOIN slot s ON s.subscription_id = u.id JOIN attempt a ON a.slot_id = s.id
        WHERE u.merchant_id = :m AND u.state = 'canceled' AND s.purpose NOT LIKE 'end-%'
        AND a.intended_at > ended.at AND a.charge_id IS NOT NULL""",
        "it was canceled at {at}, and {yen} yen of it were charged at {intended_at}",
        "{at}に解約済みですが、{intended_at}に{yen}円が請求されました",
    ),
    Check(
        "wait_not_ended",
        Family.STATE,
        """SELECT s.reference AS subject, s.due_at FROM slot s
        JOIN merchant m ON m.id = s.merchant_id JOIN charge_permission p ON p.id = s.permission_id
        LEFT JOIN dunning d ON d.invoice_id = s.invoice_id
        WHERE s.merchant_id = :m AND s.state = 'waiting_buyer' AND s.due_at < :stale
        AND COALESCE(CASE WHEN p.state = 'Closed' THEN d.ends_closed_by ELSE d.ends_by END,
            m.dunning_end) <> 'keep_open'""",
        "the buyer had until {due_at}, and nobody ended the wait; check that a worker runs",
        "お客様対応の期限({due_at})を過ぎています。ワーカーの稼働を確認してください",
    ),
)

CHECKS = (*_TWICE, *_LOST, *_CAP, *_IN_DOUBT, *_LEDGER, *_STATE)
"""Every fault that one statement can find."""
