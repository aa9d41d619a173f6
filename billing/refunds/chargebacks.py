"""Money that banks or Amazon took back, booked as a person tells it: Amazon has no API for it.

Nothing moves by this, and nothing is ever given back because of it. Where refunds and chargebacks
together are more than was captured, people are told: somebody may have the money twice.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from billing.books import ledger
from billing.dates import civil_date
from billing.refunds import RefundableCharge, refundable_charges
from billing.store.merchants import Merchant
from billing.store.notices import notice_row, write_notices
from billing.store.rows import fetch, insert_many, is_word, table_of
from billing.tables import AttemptRow, ChargebackRow, RefundRow, SlotRow
from plans import BadInput

chargebacks = table_of(ChargebackRow)
refunds = table_of(RefundRow)
attempts = table_of(AttemptRow)
slots = table_of(SlotRow)

LONGEST_CASE_ID = 64


@dataclass(frozen=True, slots=True)
class BookedChargeback:
    """A chargeback in the books. `returned_yen` is all that went back of the charge, refunds under
    way included; `repeated` when the case was booked before."""

    reference: str
    charge_id: str
    case_id: str
    amount_yen: int
    captured_yen: int
    returned_yen: int
    repeated: bool

    @property
    def is_too_much(self) -> bool:
        """More went back than came in."""
        return self.returned_yen > self.captured_yen


def book_chargeback(
    connection: Connection,
    merchant: Merchant,
    *,
    charge_id: str,
    amount_yen: int,
    on: date,
    reason: str,
    actor: str,
    at: datetime,
    case_id: str | None = None,
) -> BookedChargeback:
    """Book what was taken back of a captured charge on a day; without an id the day is the case.

    The same case of a charge is booked once. Raises `BadInput` for an amount above what was
    captured, a day before the charge or after today, and a case told differently before.
    """
    (charge,) = refundable_charges(connection, merchant, charge_id=charge_id, lock=True)
    case = case_id or on.isoformat()
    today = civil_date(at=at, timezone=merchant.timezone)
    charged_on = civil_date(at=charge.charged_at, timezone=merchant.timezone)
    days = charged_on, today
    _check(charge, amount_yen=amount_yen, on=on, reason=reason, case_id=case, days=days)
    known = fetch(
        connection,
        select(chargebacks).where(
            chargebacks.c.attempt_id == charge.attempt_id, chargebacks.c.case_id == case
        ),
    )
    if known:
        if (known[0]["amount_yen"], known[0]["happened_on"]) != (amount_yen, on):
            raise BadInput(
                field="case",
                value=case,
                rule=f"was booked before, as {known[0]['amount_yen']} yen of "
                f"{known[0]['happened_on']}",
                remedy="give another chargeback an id of its own with --case",
            )
        return _booked(connection, charge, case, amount_yen, repeated=True)
    row = {
        "merchant_id": merchant.id,
        "attempt_id": charge.attempt_id,
        "case_id": case,
        "amount_yen": amount_yen,
        "happened_on": on,
        "reason": reason,
        "actor": actor,
        "booked_at": at,
    }
    insert_many(connection, chargebacks, [row])
    journal = ledger.charge_taken_back(
        merchant_id=merchant.id,
        invoice_id=charge.invoice_id,
        reference=f"{charge.charge_id}/{case}",
        on=on,
        amount_yen=amount_yen,
    )
    ledger.book(connection, [journal])
    booked = _booked(connection, charge, case, amount_yen, repeated=False)
    if booked.is_too_much:
        _alert(connection, merchant, charge, booked, at)
    return booked


def _check(
    charge: RefundableCharge,
    *,
    amount_yen: int,
    on: date,
    reason: str,
    case_id: str,
    days: tuple[date, date],
) -> None:
    if not 1 <= amount_yen <= charge.captured_yen:
        raise BadInput(
            field="amount_yen",
            value=amount_yen,
            rule=f"of {charge.reference} {charge.captured_yen} yen were captured",
            remedy="give what was taken back of this charge",
        )
    charged_on, today = days
    if not charged_on <= on <= today:
        raise BadInput(
            field="on",
            value=on.isoformat(),
            rule=f"is not between the charge of {charged_on} and today",
            remedy="give the day of the chargeback, as Seller Central shows it",
        )
    for field, text in (("reason", reason), ("case", case_id)):
        if not text.strip() or len(text) > (LONGEST_CASE_ID if field == "case" else 1_000):
            raise BadInput(
                field=field,
                value=text,
                rule="says why and which, in a text that is neither empty nor too long",
                remedy=f"give one, a case with at most {LONGEST_CASE_ID} characters",
            )


def _booked(
    connection: Connection, charge: RefundableCharge, case: str, amount_yen: int, *, repeated: bool
) -> BookedChargeback:
    back = select(func.coalesce(func.sum(chargebacks.c.amount_yen), 0)).where(
        chargebacks.c.attempt_id == charge.attempt_id
    )
    given = select(func.coalesce(func.sum(refunds.c.amount_yen), 0)).where(
        refunds.c.attempt_id == charge.attempt_id, ~is_word(refunds.c.state, "declined")
    )
    returned = sum(int(connection.execute(s).scalar_one()) for s in (back, given))
    return BookedChargeback(
        reference=charge.reference,
        charge_id=charge.charge_id,
        case_id=case,
        amount_yen=amount_yen,
        captured_yen=charge.captured_yen,
        returned_yen=returned,
        repeated=repeated,
    )


def _alert(
    connection: Connection,
    merchant: Merchant,
    charge: RefundableCharge,
    booked: BookedChargeback,
    at: datetime,
) -> None:
    slot = {
        "merchant_id": merchant.id,
        "subscription_id": charge.subscription_id,
        "reference": charge.reference,
        "amount_yen": booked.returned_yen - booked.captured_yen,
    }
    reason = f"{booked.returned_yen} of {booked.captured_yen} yen went back"
    write_notices(
        connection,
        [
            notice_row(
                slot, kind="returned_too_much", at=at, reason=reason, step=booked.returned_yen
            )
        ],
    )
