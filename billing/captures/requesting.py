"""Records shipments: what was shipped is owed, and the capture of its money is intended.

A shipment is a fact of the merchant's, so it is written at once, whatever Amazon answers later.
Where less was shipped than was authorised, the customer owes only that: the rest of the invoice
is taken back, and its part of the authorisation ends with the capture. Amazon captures a charge
once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from billing.books import ledger
from billing.captures.authorized import AT_A_TIME, authorized_charges, lock_permissions
from billing.captures.intending import act_row, write_acts
from billing.captures.unshipped import taken_back
from billing.dates import civil_date
from billing.store.merchants import Merchant
from billing.store.rows import Row, fetch, table_of, update_many
from billing.tables import InvoiceRow, InvoiceTaxRow, SlotRow
from plans import BadInput

slots = table_of(SlotRow)
invoices = table_of(InvoiceRow)
invoice_taxes = table_of(InvoiceTaxRow)

EARLIEST = date(2000, 1, 1)

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Shipment:
    """Goods of one charge that left on a day; `amount_yen` None is all that was authorised."""

    reference: str
    shipped_on: date
    amount_yen: int | None = None


@dataclass(frozen=True, slots=True)
class RecordedShipment:
    """What became of a shipment that was told; `repeated` when it was known before. Yen."""

    reference: str
    shipped_on: date
    amount_yen: int
    capture: str
    repeated: bool


class ShipmentsRefused(Exception):
    """Some shipments cannot be recorded, so none was; `problems` has one `BadInput` for each."""

    def __init__(self, problems: Sequence[BadInput]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


def record_shipments(
    connection: Connection,
    merchant: Merchant,
    shipments: Sequence[Shipment],
    *,
    actor: str,
    at: datetime,
) -> list[RecordedShipment]:
    """Record what was shipped and intend its captures; nothing is sent here.

    Raises `ShipmentsRefused`, and writes nothing, when one of them cannot be: not authorised
    (yet), more than was authorised, told differently before, or named twice.
    """
    problems = _named_twice(shipments)
    known = _slots(connection, merchant, [shipment.reference for shipment in shipments])
    lock_permissions(connection, {row["permission_id"] for row in known.values()})
    # Read again: only now nobody else ships or cancels them.
    known = _slots(connection, merchant, list(known))
    charges = _charges(connection, merchant, list(known))
    made: list[RecordedShipment] = []
    new: list[tuple[Shipment, Row]] = []
    today = civil_date(at=at, timezone=merchant.timezone)
    for shipment in shipments:
        try:
            slot, charge = known.get(shipment.reference), charges.get(shipment.reference)
            made.append(_judged(shipment, slot, charge, today=today))
        except BadInput as problem:
            problems.append(problem)
            continue
        if charge is not None and not made[-1].repeated:
            new.append((shipment, charge))
    if problems:
        raise ShipmentsRefused(problems)
    _write(connection, merchant, new, actor=actor, at=at)
    return made


def _named_twice(shipments: Sequence[Shipment]) -> list[BadInput]:
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for shipment in shipments:
        if shipment.reference in seen:
            twice[shipment.reference] = None
        seen.add(shipment.reference)
    rule = "is named twice, and Amazon captures a charge once"
    return [_problem(reference, rule, "give the sum of what was shipped") for reference in twice]


def _slots(connection: Connection, merchant: Merchant, references: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for some in _parts(references):
        statement = select(slots).where(
            slots.c.merchant_id == merchant.id, slots.c.reference.in_(some)
        )
        found |= {row["reference"]: row for row in fetch(connection, statement)}
    return found


def _charges(
    connection: Connection, merchant: Merchant, references: Sequence[str]
) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for some in _parts(references):
        statement = authorized_charges(merchant).where(slots.c.reference.in_(some))
        found |= {row["reference"]: row for row in fetch(connection, statement)}
    return found


def _parts(names: Sequence[Name]) -> Iterator[Sequence[Name]]:
    for start in range(0, len(names), AT_A_TIME):
        yield names[start : start + AT_A_TIME]


def _judged(
    shipment: Shipment, slot: Row | None, charge: Row | None, *, today: date
) -> RecordedShipment:
    """The shipment as it is to be recorded, or was before; raises `BadInput`."""
    if slot is None:
        remedy = "see what waits to be shipped with: autopay shipment list"
        raise _problem(shipment.reference, "is no charge of this merchant", remedy)
    if not EARLIEST <= shipment.shipped_on <= today:
        raise BadInput(
            field="shipped_on",
            value=shipment.shipped_on.isoformat(),
            rule=f"a shipment of {shipment.reference} is told once it has left, by {today} at most",
            remedy="give the day on which it left",
        )
    if slot["shipped_on"] is not None:
        return _repeated(shipment, slot)
    if charge is None:
        raise _problem(shipment.reference, *_why_not(slot))
    if charge["invoice_state"] != "open" or charge["owner_state"] == "canceled":
        rule = "its agreement ended, and the authorisation is being cancelled"
        raise _problem(shipment.reference, rule, "do not ship it; or agree anew with the customer")
    amount_yen = _shipped_yen(shipment, charge)
    if not 1 <= amount_yen <= charge["amount_yen"]:
        raise BadInput(
            field="amount",
            value=amount_yen,
            rule=f"at most {charge['amount_yen']} yen are authorised for {shipment.reference}",
            remedy="give what was shipped of it, or leave the amount out for all of it",
        )
    return _recorded(shipment, charge, amount_yen, repeated=False)


def _shipped_yen(shipment: Shipment, charge: Row) -> int:
    authorized_yen: int = charge["amount_yen"]
    # Not `or`: nothing shipped is not the same as nothing said.
    return authorized_yen if shipment.amount_yen is None else shipment.amount_yen


def _recorded(
    shipment: Shipment, charge: Row, amount_yen: int, *, repeated: bool
) -> RecordedShipment:
    capture = f"{charge['reference']}/{charge['attempt']}/capture"
    return RecordedShipment(shipment.reference, shipment.shipped_on, amount_yen, capture, repeated)


def _repeated(shipment: Shipment, slot: Row) -> RecordedShipment:
    same = shipment.amount_yen in (None, slot["amount_yen"])
    if slot["shipped_on"] != shipment.shipped_on or not same:
        rule = f"was told to be shipped on {slot['shipped_on']} with {slot['amount_yen']} yen"
        raise _problem(shipment.reference, rule, "a shipment is told once; refund what is too much")
    told = {"reference": slot["reference"], "attempt": slot["attempts"]}
    return _recorded(shipment, told, slot["amount_yen"], repeated=True)


_STATES = {
    "due": ("is not authorised yet", "ship it once a run has authorised it"),
    "open": (
        "has no definite answer from Amazon yet, or is being cancelled",
        "ship it once it is authorised: autopay shipment list",
    ),
    "authorized": (
        "has a capture or a cancellation that a person was asked about",
        "first: autopay doubt list",
    ),
    "waiting_buyer": ("waits for its buyer: nothing is authorised", "do not ship it"),
    "paid": ("is paid already: its money was taken with the charge", "there is nothing to tell"),
    "quarantined": (
        "is set aside for a person",
        "look at it first: autopay charge show",
    ),
}
_GIVEN_UP = ("was given up: nothing is authorised", "do not ship it")


def _why_not(slot: Row) -> tuple[str, str]:
    return _STATES.get(slot["state"], _GIVEN_UP)


def _problem(reference: str, rule: str, remedy: str) -> BadInput:
    return BadInput(field="reference", value=reference, rule=rule, remedy=remedy)


def _write(
    connection: Connection,
    merchant: Merchant,
    new: Sequence[tuple[Shipment, Row]],
    *,
    actor: str,
    at: datetime,
) -> None:
    amounts = [_shipped_yen(shipment, charge) for shipment, charge in new]
    write_acts(
        connection,
        [
            act_row(
                charge,
                merchant,
                kind="capture",
                cause="shipment",
                amount_yen=amount_yen,
                actor=actor,
                at=at,
            )
            for (_, charge), amount_yen in zip(new, amounts, strict=True)
        ],
        [
            {
                "id": charge["id"],
                "state": "open",
                "amount_yen": amount_yen,
                "shipped_on": shipment.shipped_on,
            }
            for (shipment, charge), amount_yen in zip(new, amounts, strict=True)
        ],
    )
    short = [
        (charge, charge["amount_yen"] - amount_yen)
        for (_, charge), amount_yen in zip(new, amounts, strict=True)
        if amount_yen < charge["amount_yen"]
    ]
    _take_back(connection, merchant, short, at=at)


def _take_back(
    connection: Connection, merchant: Merchant, short: Sequence[tuple[Row, int]], *, at: datetime
) -> None:
    """What was not shipped is not owed: the rest of its invoice, with sales and tax."""
    taxes = _taxes(connection, [charge["invoice_id"] for charge, _ in short])
    on = civil_date(at=at, timezone=merchant.timezone)
    journals = [
        ledger.shipment_short(
            merchant_id=merchant.id,
            invoice_id=charge["invoice_id"],
            reference=charge["reference"],
            on=on,
            taxes=taken_back(rest_yen, taxes[charge["invoice_id"]]),
        )
        for charge, rest_yen in short
    ]
    ledger.book(connection, journals)
    offsets = {charge["invoice_id"]: charge["offset_yen"] for charge, _ in short}
    rests: Counter[int] = Counter()
    for charge, rest_yen in short:
        rests[charge["invoice_id"]] += rest_yen
    update_many(
        connection,
        invoices,
        [{"id": key, "offset_yen": offsets[key] + rest_yen} for key, rest_yen in rests.items()],
    )


def _taxes(connection: Connection, invoice_ids: Sequence[int]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for some in _parts(invoice_ids):
        statement = (
            select(invoice_taxes)
            .where(invoice_taxes.c.invoice_id.in_(set(some)))
            .order_by(invoice_taxes.c.invoice_id, invoice_taxes.c.tax_category)
        )
        rows = fetch(connection, statement)
        found |= {row["invoice_id"]: [] for row in rows}
        for row in rows:
            found[row["invoice_id"]].append(row)
    return found
