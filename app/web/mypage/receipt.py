"""A receipt of one paid charge, to be printed, with a name of the reader's choice on it."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.web.mypage.charges import charge_of
from app.web.mypage.subscription_mine import Mine
from app.web.shell import CUSTOMERS, FormReader, Room, SentForm
from app.web.shell.tables import TABLES
from billing import ChargeStory, charge_story
from billing.deliveries import NoticeRules, load_notice_rules

RECEIPT = "/my/charges/{charge_id}/receipt"
MOST_LETTERS = 100
GIVEN_BACK = ("refunded", "by_hand")

invoices = TABLES["invoice"]
lines = TABLES["invoice_line"]
taxes = TABLES["invoice_tax"]


@dataclass(frozen=True, slots=True)
class Paid:
    """What a receipt tells: the invoice as it was written, and what was given back of it."""

    story: ChargeStory
    seller: NoticeRules
    total_yen: int
    lines: tuple[tuple[str, str, int], ...]
    taxes: tuple[tuple[str, str, int, int], ...]

    @property
    def refunded_yen(self) -> int:
        """What was given back of this charge."""
        refunds = self.story.refunds
        return sum(each.amount_yen for each in refunds if each.state in GIVEN_BACK)


def add_receipt(room: Room, mine: Mine) -> None:
    """Declare the route of receipts."""

    def receipt(request: Request, charge_id: str) -> Response:
        """The receipt; the name on it is asked for with `?to=`."""
        charge = charge_of(mine, request, charge_id)
        if charge.received_at is None:
            raise HTTPException(404)
        sent = SentForm(fields=tuple(request.query_params.multi_items()))
        form = FormReader(sent)
        typed = form.text("to", most=MOST_LETTERS, required=False)
        paid, name = mine.shell.read(
            lambda c: (_paid(c, mine, charge.reference), mine.card(c, request).name)
        )
        form.typed.setdefault("to", name)
        return mine.page(
            request,
            "receipt.html",
            status=422 if form.problems else 200,
            charge=charge,
            paid=paid,
            form=form,
            to=typed if sent.fields and "to" in dict(sent.fields) else name,
            action=RECEIPT.replace("{charge_id}", str(charge.id)),
        )

    room.get(RECEIPT, receipt, access=CUSTOMERS)


def _paid(connection: Connection, mine: Mine, reference: str) -> Paid:
    merchant = mine.merchant(connection)
    story = charge_story(connection, merchant, reference=reference)
    chosen = (invoices.c.merchant_id == merchant.id, invoices.c.number == story.invoice)
    invoice = connection.execute(select(invoices.c.id, invoices.c.total_yen).where(*chosen)).one()
    told = select(lines.c.description_ja, lines.c.description_en, lines.c.amount_yen)
    rates = select(taxes.c.tax_category, taxes.c.rate_percent, taxes.c.gross_yen, taxes.c.tax_yen)
    return Paid(
        story=story,
        seller=load_notice_rules(connection, merchant.id),
        total_yen=invoice.total_yen,
        lines=tuple(
            (ja, en, yen)
            for ja, en, yen in connection.execute(
                told.where(lines.c.invoice_id == invoice.id).order_by(lines.c.position)
            )
        ),
        taxes=tuple(
            (category, str(percent), gross, tax)
            for category, percent, gross, tax in connection.execute(
                rates.where(taxes.c.invoice_id == invoice.id).order_by(taxes.c.tax_category)
            )
        ),
    )
