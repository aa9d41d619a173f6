"""Settlement reports: rows by column name, exact amounts, complaints that name the place."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay import (
    AmazonPayError,
    SettlementTransactionType,
    UnreadableSettlement,
    parse_settlement_report,
)

CHARGE = {
    "TransactionPostedDate": "2026-04-01T00:00:00+0900",
    "SettlementId": "S-1",
    "AmazonTransactionId": "S03-5890444-1926095-C064126",
    "SellerReferenceId": "INV-1",
    "TransactionType": "Capture",
    "AmazonOrderReferenceId": "S03-5890444-1926095",
    "SellerOrderId": "",
    "StoreName": "店",
    "CurrencyCode": "JPY",
    "TransactionDescription": "四月分",
    "TransactionAmount": "1500.00",
    "TransactionPercentageFee": "-58.00",
    "TransactionFixedFee": "0.00",
    "TotalTransactionFee": "-58.00",
    "NetTransactionAmount": "1442.00",
}
FACTS = {
    "SellerId": "A1EXAMPLE",
    "SettlementStartDate": "2026-03-18T14:37:01-0700",
    "SettlementEndDate": "2026-04-01T14:37:01Z",
}


def lines_of(facts, rows, *, columns=None):
    columns = columns or list(rows[0] if rows else CHARGE)
    head = [f"{name}\t{value}" for name, value in facts.items()]
    return [*head, "", "\t".join(columns), *("\t".join(row[c] for c in columns) for row in rows)]


def text_of(facts=FACTS, rows=(CHARGE,), end="\r\n", **options):
    return end.join(lines_of(facts, list(rows), **options)) + end


def test_a_report_with_its_rows():
    report = parse_settlement_report(text_of(rows=[CHARGE, CHARGE | {"TransactionType": "Refund"}]))
    assert report.seller_id == "A1EXAMPLE"
    assert report.settlement_start.utcoffset() == timedelta(hours=-7)
    assert report.settlement_end == datetime(2026, 4, 1, 14, 37, 1, tzinfo=UTC)
    assert report.columns == tuple(CHARGE)
    first, second = report.rows
    assert (first.line, second.line) == (6, 7)
    assert first.posted_at == datetime(2026, 3, 31, 15, tzinfo=UTC)  # midnight in Japan
    assert first.transaction_type is SettlementTransactionType.CAPTURE
    assert (first.transaction_amount_yen, first.total_transaction_fee_yen) == (1500, -58)
    assert (first.transaction_percentage_fee_yen, first.transaction_fixed_fee_yen) == (-58, 0)
    assert first.net_transaction_amount_yen == 1442 == 1500 - 58
    assert (first.seller_reference_id, first.seller_order_id) == ("INV-1", None)
    assert first.transaction_description == "四月分"
    assert second.transaction_type == "Refund"


SAME = [
    pytest.param(text_of(end="\n"), id="LF"),
    pytest.param(text_of(end="\r\n"), id="CRLF"),
    pytest.param("\ufeff" + text_of(), id="byte order mark"),
    pytest.param(text_of().encode(), id="bytes"),
    pytest.param(text_of().encode("utf-8-sig"), id="bytes with a byte order mark"),
    pytest.param(text_of() + "\n\t\t\n\n", id="empty lines at the end"),
    pytest.param(text_of().replace("S-1", '"S-1"'), id="quotes"),
    pytest.param(
        "\t".join(FACTS) + "\n" + "\t".join(FACTS.values()) + "\n" + text_of({}),
        id="facts as names above values",
    ),
]


def facts_of(report):
    return [
        (row.settlement_id, row.posted_at, row.net_transaction_amount_yen, row.seller_reference_id)
        for row in report.rows
    ] + [report.seller_id, report.settlement_start, report.columns]


@pytest.mark.parametrize("content", SAME)
def test_one_report_in_many_dresses(content):
    expected = facts_of(parse_settlement_report(text_of()))
    assert facts_of(parse_settlement_report(content)) == expected


@given(st.permutations(list(CHARGE)))
def test_the_order_of_columns_means_nothing(columns):
    (row,) = parse_settlement_report(text_of(columns=columns)).rows
    (usual,) = parse_settlement_report(text_of()).rows
    assert row == usual


def test_unknown_columns_and_facts_are_kept():
    report = parse_settlement_report(text_of(FACTS | {"Note": "n"}, [CHARGE | {"New": "四"}]))
    assert report.rows[0].others == {"New": "四"}
    assert report.header == {"Note": "n"}


def test_columns_that_may_be_missing():
    least = {n: CHARGE[n] for n in (
        "TransactionPostedDate", "SettlementId", "TransactionType", "CurrencyCode",
        "TransactionAmount", "NetTransactionAmount")}  # fmt: skip
    (row,) = parse_settlement_report(text_of(rows=[least])).rows
    assert row.total_transaction_fee is None
    assert row.total_transaction_fee_yen is None
    assert row.amazon_transaction_id is None


def test_a_report_without_transactions():
    assert parse_settlement_report(text_of(rows=())).rows == ()


def test_other_currencies_stay_exact():
    dollars = CHARGE | {"CurrencyCode": "USD", "NetTransactionAmount": "14.42"}
    (row,) = parse_settlement_report(text_of(rows=[dollars])).rows
    assert row.net_transaction_amount == Decimal("14.42")
    assert row.net_transaction_amount_yen is None


@given(st.integers(-(10**11), 10**11), st.sampled_from(["", ".0", ".00", ".000"]))
def test_yen_round_trip(yen, tail):
    (row,) = parse_settlement_report(
        text_of(rows=[CHARGE | {"TransactionAmount": f"{yen}{tail}"}])
    ).rows
    assert row.transaction_amount_yen == yen
    assert type(row.transaction_amount_yen) is int


WORDS = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), blacklist_characters='"'),
    min_size=1,
)


@given(WORDS, WORDS, WORDS)
def test_texts_round_trip(kind, store, extra):
    rows = [CHARGE | {"TransactionType": kind, "StoreName": store, "Extra": extra}]
    (row,) = parse_settlement_report(text_of(rows=rows)).rows
    assert (row.transaction_type, row.store_name) == (kind, store)
    assert row.others == {"Extra": extra}


def bad(**changes):
    return text_of(rows=[CHARGE, CHARGE | changes])


FAULTS = [
    (bad(TransactionAmount="1,500"), 7, "TransactionAmount", "1,500"),
    (bad(TransactionAmount="1500.50"), 7, "TransactionAmount", "1500.50"),
    (bad(TransactionAmount=""), 7, "TransactionAmount", ""),
    (bad(TransactionAmount="¥1500"), 7, "TransactionAmount", "¥1500"),
    (bad(TransactionAmount="1e3"), 7, "TransactionAmount", "1e3"),
    (bad(TransactionAmount="NaN"), 7, "TransactionAmount", "NaN"),
    (bad(NetTransactionAmount="１００"), 7, "NetTransactionAmount", "１００"),
    (bad(TotalTransactionFee="x"), 7, "TotalTransactionFee", "x"),
    (bad(TransactionPostedDate="yesterday"), 7, "TransactionPostedDate", "yesterday"),
    (
        bad(TransactionPostedDate="2026-04-01T00:00:00"),
        *(7, "TransactionPostedDate", "2026-04-01T00:00:00"),
    ),
    (
        bad(TransactionPostedDate="2026-02-30T00:00:00Z"),
        *(7, "TransactionPostedDate", "2026-02-30T00:00:00Z"),
    ),
    (bad(SettlementId=""), 7, "SettlementId", ""),
    (bad(TransactionType=""), 7, "TransactionType", ""),
    (bad(CurrencyCode=""), 7, "CurrencyCode", ""),
    (bad() + "cut\n", 8, None, 1),
    (bad(StoreName="a\tb"), 7, None, 16),
    (text_of(FACTS | {"SettlementEndDate": "soon"}), 3, "SettlementEndDate", "soon"),
    (text_of(FACTS | {"SellerId": ""}), 1, "SellerId", ""),
    (text_of({}), 1, "SellerId", None),
    ("SellerId\tB\n" + text_of(), 2, "SellerId", "A1EXAMPLE"),
    ("SellerId\n" + text_of(), 1, None, ["SellerId"]),
    ("\t".join(FACTS) + "\n" + text_of({}), 1, None, 1),
    ("\t".join(FACTS) + "\nA\n" + text_of({}), 2, None, 1),
    (text_of(columns=[*CHARGE, "StoreName"]), 5, "StoreName", "StoreName"),
    (text_of(columns=[c for c in CHARGE if c != "CurrencyCode"]), 5, "CurrencyCode", None),
    ("", 1, "TransactionPostedDate", None),
    ("a,b,c\n1,2,3\n", 2, "TransactionPostedDate", None),
    ("<Error>expired</Error>", 1, "TransactionPostedDate", None),
    (b"SellerId\tA\nX\t\xff\n", 2, None, b"\xff\n"),
]


@pytest.mark.parametrize(("content", "line", "column", "value"), FAULTS)
def test_a_fault_is_named_with_its_place(content, line, column, value):
    with pytest.raises(UnreadableSettlement) as caught:
        parse_settlement_report(content)
    fault = caught.value
    assert (fault.line, fault.column, fault.value) == (line, column, value)
    assert f"line {line}" in str(fault)
    assert fault.rule in str(fault)
    assert isinstance(fault, AmazonPayError)


@given(st.text(alphabet=st.sampled_from('SellerId\tTransactionPostedDate\n\r",ab\0')))
def test_any_text_is_a_report_or_unreadable(text):
    with pytest.raises(UnreadableSettlement):
        parse_settlement_report(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param('"山のコーヒー"', "山のコーヒー", id="quotes around the whole"),
        pytest.param('"say ""hi"""', 'say "hi"', id="doubled quotes inside"),
        pytest.param('"Foo" shop', '"Foo" shop', id="a name that begins with a quote"),
        pytest.param('12" pizza', '12" pizza', id="a quote inside"),
        pytest.param('"', '"', id="one quote"),
        pytest.param("line\u2028separator", "line\u2028separator", id="no line end"),
    ],
)
def test_quotes_are_a_part_of_a_cell_unless_they_enclose_it(written, meant):
    (row,) = parse_settlement_report(text_of(rows=[CHARGE | {"StoreName": written}])).rows
    assert row.store_name == meant
