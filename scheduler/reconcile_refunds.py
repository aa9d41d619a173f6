"""The part of a comparison after a restore that looks for refunds which the books lost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from amazonpay import (
    AmazonPayClient,
    AmazonPayError,
    Charge,
    DefiniteRefusal,
    Misconfigured,
    Refund,
)
from billing import reading, writing
from billing.restore import (
    RefundedCharge,
    book_again,
    charges_to_compare,
    name_refund,
    request_of,
    told_refund_ids,
    unknown_refund_ids,
)
from plans import BadInput
from scheduler.engine import BillingEngine
from scheduler.paced_calls import GET_CHARGE, GET_REFUND, Call, PacedCalls
from scheduler.pacing import PUBLISHED, Quota

# A refund is asked for soon after its charge; older ones need the report of Seller Central.
LOOK_BACK = timedelta(days=90)
# Under the live throttle about an hour and a half of calls; the rest is left to a report.
MOST_CHARGES = 20_000


@dataclass(frozen=True, slots=True)
class LostRefunds:
    """What was found: ids that are booked again, refunds that cannot be, and per charge the yen
    that Amazon gave back and no refund explains. `uncompared` charges could not be asked about,
    and neither could `unread` refunds."""

    booked: list[str]
    booked_yen: int
    unbooked: list[str]
    missing: dict[str, int]
    uncompared: int
    unread: list[str]


def find_lost_refunds(
    engine: BillingEngine, *, since: datetime, refund_ids: Collection[str]
) -> LostRefunds:
    """Book refunds again whose ids are known, then compare what Amazon gave back of each charge."""
    merchant = engine.merchant
    with reading(engine.database) as connection:
        told = told_refund_ids(connection, merchant, since=since)
        unknown = unknown_refund_ids(connection, merchant, {*told, *refund_ids})
    seen = _paced(engine, GET_REFUND).make([_get_refund(each) for each in unknown])
    found = sorted((each for each in seen if isinstance(each, Refund)), key=_age)
    unread = [each for each in seen if isinstance(each, str)]
    booked: list[str] = []
    unbooked = sorted(set(unknown) - {refund.refund_id for refund in found} - set(unread))
    for refund in found:
        if str(refund.state) == "Declined":
            continue  # no money moved, and nobody owes it by these books
        if _named(engine, refund):
            booked.append(refund.refund_id)
            engine.send_refunds()
            continue
        if not _booked(engine, refund):
            unbooked.append(refund.refund_id)
            continue
        booked.append(refund.refund_id)
        # Asked about at once: a charge has one open refund, and its next one may be here as well.
        engine.send_refunds(request_id=request_of(refund.refund_id))
    missing, uncompared = _missing(engine, since - LOOK_BACK)
    yen = sum(each.refund_amount_yen for each in found if each.refund_id in booked)
    return LostRefunds(booked, yen, unbooked, missing, uncompared, unread)


def _age(refund: Refund) -> tuple[str, str]:
    """The order in which they were made, which is that of their numbers and keys."""
    made = refund.created_at
    return ("" if made is None else made.isoformat(), refund.refund_id)


def _named(engine: BillingEngine, refund: Refund) -> bool:
    """The books hold it in doubt: from now on it is asked about, and its key is not sent."""
    at = engine.clock.now()
    return writing(engine.database, lambda c: name_refund(c, engine.merchant, refund, at=at))


def _booked(engine: BillingEngine, refund: Refund) -> bool:
    at = engine.clock.now()
    try:
        writing(engine.database, lambda c: book_again(c, engine.merchant, refund, at=at))
    except BadInput:
        return False
    return True


def _missing(engine: BillingEngine, since: datetime) -> tuple[dict[str, int], int]:
    """Yen per charge that Amazon gave back and our books do not know, and how many are unread."""
    missing: dict[str, int] = {}
    unread, seen, after = 0, 0, 0
    while True:
        with reading(engine.database) as connection:
            page = charges_to_compare(connection, engine.merchant, since=since, after=after)
        if not page:
            return missing, unread
        if seen >= MOST_CHARGES:
            unread += len(page)
        else:
            pairs = _read(engine, page)
            unread += sum(1 for _, charge in pairs if charge is None)
            missing |= _extra(pairs)
        seen += len(page)
        after = page[-1].attempt_id


def _read(
    engine: BillingEngine, page: Sequence[RefundedCharge]
) -> list[tuple[RefundedCharge, Charge | None]]:
    """The charges as Amazon has them. One call in many fails; a comparison of thousands would never
    be whole if each had a single try."""
    read: list[tuple[RefundedCharge, Charge | None]] = []
    wanted = list(page)
    for last in (False, False, True):
        pairs = _paced(engine, GET_CHARGE).make([_get_charge(each) for each in wanted])
        read += [pair for pair in pairs if last or pair[1] is not None]
        wanted = [ours for ours, charge in pairs if charge is None]
        if not wanted:
            break
    return read


def _extra(pairs: Collection[tuple[RefundedCharge, Charge | None]]) -> dict[str, int]:
    extra = {
        ours.charge_id: (charge.refunded_yen or 0) - ours.ours_yen
        for ours, charge in pairs
        if charge is not None
    }
    return {charge_id: yen for charge_id, yen in extra.items() if yen > 0}


def _paced(engine: BillingEngine, operation: str) -> PacedCalls[Any]:
    quota = Quota(*PUBLISHED[engine.merchant.environment]) if engine.endpoint.paced else None
    return PacedCalls(
        engine=engine.database,
        merchant_id=engine.merchant.id,
        make_client=engine.make_client,
        quota=quota,
        now=engine.clock.now,
        operation_of=lambda _result: operation,
        is_throttled=lambda _result: False,
    )


def _get_refund(refund_id: str) -> Call[Any]:
    """The refund; its id when Amazon did not say, None when Amazon has no such refund."""

    def make(client: AmazonPayClient) -> Refund | str | None:
        try:
            return client.get_refund(refund_id)
        except Misconfigured:
            return refund_id
        except DefiniteRefusal:
            return None
        except AmazonPayError:
            return refund_id

    return Call(GET_REFUND, make, lambda _error: refund_id)


def _get_charge(charge: RefundedCharge) -> Call[Any]:
    def make(client: AmazonPayClient) -> tuple[RefundedCharge, Charge | None]:
        try:
            return charge, client.get_charge(charge.charge_id)
        except AmazonPayError:
            return charge, None

    return Call(GET_CHARGE, make, lambda _error: (charge, None))
