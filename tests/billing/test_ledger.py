"""Journals sum to zero, whatever the tax; nothing is booked twice, and nothing half."""

from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prepared import migrated, one_invoice
from small_books import MERCHANT, SmallBooks
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError

from billing.books.ledger import Journal, book, charge_captured, invoice_issued, invoice_written_off
from billing.store.database import reading, writing
from billing.tables import metadata

ON = date(2026, 11, 20)
# 1,100 yen at 10 % and 1,080 yen at 8 %, tax included.
TWO_RATES = [("standard", 1_000, 100), ("reduced", 1_000, 80)]
ISSUED = {
    "customer_receivable": 2_180,
    "sales:standard": -1_000,
    "sales:reduced": -1_000,
    "consumption_tax:standard": -100,
    "consumption_tax:reduced": -80,
}


def issued(taxes: list[tuple[str, int, int]], invoice_id: int = 1) -> Journal:
    return invoice_issued(
        merchant_id=MERCHANT, invoice_id=invoice_id, number="one-0001", on=ON, taxes=taxes
    )


def written_off(taxes: list[tuple[str, int, int]], open_yen: int) -> Journal:
    return invoice_written_off(
        merchant_id=MERCHANT,
        invoice_id=1,
        number="one-0001",
        on=ON,
        open_yen=open_yen,
        taxes=taxes,
    )


def captured(amount_yen: int, charge_id: str = "C1") -> Journal:
    return charge_captured(
        merchant_id=MERCHANT, invoice_id=1, charge_id=charge_id, on=ON, amount_yen=amount_yen
    )


def test_an_issued_invoice_is_owed_by_the_customer_and_earned_per_rate() -> None:
    journal = issued(TWO_RATES)
    assert dict(journal.postings) == ISSUED
    assert (journal.reference, journal.kind) == ("one-0001/issued", "invoice_issued")


def test_a_capture_moves_the_debt_from_the_customer_to_amazon() -> None:
    journal = captured(2_180)
    assert dict(journal.postings) == {"amazon_receivable": 2_180, "customer_receivable": -2_180}
    assert (journal.reference, journal.kind) == ("C1/captured", "charge_captured")


def test_a_wholly_unpaid_invoice_is_reversed_rate_by_rate() -> None:
    assert dict(written_off(TWO_RATES, 2_180).postings) == {
        account: -amount for account, amount in ISSUED.items()
    }


@pytest.mark.parametrize("open_yen", [1, 180, 2_179])
def test_the_rest_of_a_partly_paid_invoice_goes_to_write_off(open_yen: int) -> None:
    assert dict(written_off(TWO_RATES, open_yen).postings) == {
        "customer_receivable": -open_yen,
        "write_off": open_yen,
    }


def test_a_journal_that_does_not_sum_to_zero_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="sums to 1 yen, not to 0"):
        Journal(MERCHANT, "r", "k", ON, 1, (("sales:standard", -99), ("customer_receivable", 100)))


rates = st.lists(
    st.tuples(
        st.sampled_from(["standard", "reduced", "exempt"]),
        st.integers(-(10**9), 10**9),
        st.integers(-(10**8), 10**8),
    ),
    max_size=3,
    unique_by=lambda rate: rate[0],
)


@given(taxes=rates, part=st.integers(1, 10**9))
def test_every_journal_sums_to_zero_and_holds_no_empty_posting(
    taxes: list[tuple[str, int, int]], part: int
) -> None:
    total = sum(net + tax for _, net, tax in taxes)
    for journal in (issued(taxes), written_off(taxes, total), written_off(taxes, part)):
        amounts = [amount for _, amount in journal.postings]
        assert sum(amounts) == 0
        assert 0 not in amounts
        accounts = [account for account, _ in journal.postings]
        assert len(accounts) == len(set(accounts))


@given(taxes=rates)
def test_an_invoice_and_its_full_write_off_leave_no_account_open(
    taxes: list[tuple[str, int, int]],
) -> None:
    total = sum(net + tax for _, net, tax in taxes)
    balances: dict[str, int] = {}
    for journal in (issued(taxes), written_off(taxes, total)):
        for account, amount in journal.postings:
            balances[account] = balances.get(account, 0) + amount
    assert not any(balances.values())


@pytest.fixture
def books(database_url: str) -> Iterator[tuple[Engine, int]]:
    """Migrated books with one invoice, and the id of the invoice."""
    with migrated(database_url) as engine:
        yield engine, writing(engine, lambda c: one_invoice(SmallBooks(c), total_yen=2_180))[2]


def counts(engine: Engine) -> tuple[int, int, int]:
    """Number of journals and of postings, and the sum of all postings."""
    journal, posting = metadata.tables["journal"], metadata.tables["posting"]
    with reading(engine) as connection:
        journals = connection.scalar(select(func.count()).select_from(journal))
        totals = select(func.count(), func.coalesce(func.sum(posting.c.amount_yen), 0))
        return journals, *connection.execute(totals).one()


def test_booked_journals_are_all_there_and_sum_to_zero(books: tuple[Engine, int]) -> None:
    engine, invoice = books
    journals = [issued(TWO_RATES, invoice), captured(2_000), captured(180, "C2")]
    writing(engine, lambda c: book(c, journals))
    assert counts(engine) == (3, 5 + 2 + 2, 0)


def test_nothing_to_book_is_no_error(books: tuple[Engine, int]) -> None:
    engine, _ = books
    writing(engine, lambda c: book(c, []))
    assert counts(engine) == (0, 0, 0)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param([captured(2_180)], id="later"),
        pytest.param([captured(180, "C2"), captured(2_180)], id="behind a new one"),
        pytest.param([captured(180, "C2"), captured(180, "C2")], id="twice in one go"),
    ],
)
def test_a_reference_booked_twice_is_refused_and_leaves_nothing(
    books: tuple[Engine, int], again: list[Journal]
) -> None:
    engine, _ = books
    writing(engine, lambda c: book(c, [captured(2_180)]))
    before = counts(engine)
    with pytest.raises(IntegrityError):
        writing(engine, lambda c: book(c, again))
    assert counts(engine) == before == (1, 2, 0)
