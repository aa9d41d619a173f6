"""A price list as an attacker or a tired hand writes it: the traps of YAML, and of size."""

import time
from datetime import date

import pytest

from plans import CatalogueProblems, parse_catalogue

LIST = """plans:
  - code: a
    name: {ja: 甲, en: A}
    price: 1980
    tax: standard
    every: {unit: month, count: 1}
"""


def told(text):
    """The fields of all faults; every fault can be printed on any screen."""
    with pytest.raises(CatalogueProblems) as refused:
        parse_catalogue(text)
    str(refused.value).encode()
    return [problem.field for problem in refused.value.problems]


@pytest.mark.parametrize(
    "written",
    [
        *("0o17", "017", "0x10", "0b1", "1_000", "1,980", "+5", "-5", "0", "190:20", "1e3"),
        *("1980.0", "'1980'", "１９８０", "yes", ".nan", ".inf", "~", "null", "", "10000001"),
        *("!!python/object:os.system 1", "!!float 5", "2026-04-01", "[1980]", "{yen: 1980}"),
    ],
)
def test_what_is_no_price(written):
    assert told(LIST.replace("price: 1980", f"price: {written}")) == ["plans[0].price"]


@pytest.mark.parametrize("written", ["1", "10000000", "!!int 1980"])
def test_what_is_a_price(written):
    (price,) = parse_catalogue(LIST.replace("1980", written)).all_prices
    assert price.amount_yen == int(written.split()[-1])


@pytest.mark.parametrize(
    "written",
    [
        *("20260401", "2026-4-1", "2026-02-30", "2026-04-01 00:00:00", "2026-04-01T00:00:00Z"),
        *("２０２６-04-01", "0001-01-01", "9999-12-31", "yes", "2026/04/01", "令和8年4月1日"),
    ],
)
def test_what_is_no_date(written):
    assert told(f"{LIST}    valid_from: {written}\n") == ["plans[0].valid_from"]


@pytest.mark.parametrize("written", ["2026-04-01", "'2026-04-01'", '"2026-04-01"'])
def test_a_date_in_quotes_is_the_same_date(written):
    (price,) = parse_catalogue(f"{LIST}    valid_from: {written}\n").all_prices
    assert price.valid_from == date(2026, 4, 1)


@pytest.mark.parametrize("code", ["no", "on", "1", "007", "1.5", "~", "2026-04-01", '"a\\n"', "甲"])
def test_what_is_no_code(code):
    assert told(LIST.replace("code: a", f"code: {code}")) == ["plans[0].code"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + LIST, id="byte order mark"),
        pytest.param(LIST.replace("\n", "\r\n"), id="lines of Windows"),
        pytest.param("---\n" + LIST + "...\n", id="document marks"),
        pytest.param("# 価格\n" + LIST, id="comment"),
    ],
)
def test_what_editors_leave_behind_is_no_fault(text):
    assert parse_catalogue(text).all_prices == parse_catalogue(LIST).all_prices


@pytest.mark.parametrize(
    ("text", "field"),
    [
        pytest.param(LIST.replace("    price", "\tprice"), "file", id="tab"),
        pytest.param(LIST + "    price: 1\n", "plans[0].price", id="a key twice"),
        pytest.param(LIST + LIST, "plans", id="a section twice"),
        pytest.param(LIST + "---\n" + LIST, "file", id="two documents"),
        pytest.param(LIST.replace("en: A", 'en: "\\UFFFFFFFF"'), "file", id="no such character"),
        pytest.param(LIST.replace("en: A", 'en: "\\U00110000"'), "file", id="one too far"),
        pytest.param(LIST.replace("en: A", 'en: "\\uD800"'), "plans[0].name.en", id="half a pair"),
        pytest.param(LIST.replace("en: A", 'en: "\\0"'), "plans[0].name.en", id="nul"),
        pytest.param("plans: \0", "file", id="bare nul"),
        pytest.param("plans: &a [*a]", "plans[0]", id="a list inside itself"),
        pytest.param("%YAML 9.9\n---\n" + LIST, "file", id="a YAML of the future"),
        pytest.param("plans: " + "[" * 2_000, "file", id="2,000 levels"),
        pytest.param(LIST + "    <<: {tax: reduced}\n", "plans[0].<<", id="merge key"),
    ],
)
def test_refused_by_name(text, field):
    assert told(text) == [field]


@pytest.mark.parametrize("key", ['"\\uD800"', "k" * 5_000])
def test_a_strange_key_is_told_short_and_printable(key):
    (field,) = told(f"{LIST}    ? {key}\n    : 1\n")
    assert field.startswith("plans[0].")
    assert len(field) < 100


def test_a_plan_inside_itself_ends():
    assert "plans[0].prices" in told("plans: [&a {prices: *a}]")
    assert told("plans: [&a {prices: [*a, *a], tax: standard}]")


def test_aliases_in_a_chain_of_any_depth_end():
    steps = "".join(f", &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 400))
    assert told(f"plans: [&a0 [1]{steps}]") == ["file"]
    steps = "".join(f", &a{n} [*a{n - 1}]" for n in range(1, 20_000))
    assert told(f"plans: [&a0 [1]{steps}]") == ["file"]


def bomb(copies):
    """Gifts in prices in plans, each list made of one entry again and again."""
    again = ", ".join(["*{}"] * copies)
    gifts = "[&g {cycle: 1, item: a, name: {ja: 甲, en: A}}, " + again.replace("{}", "g") + "]"
    prices = "[&q {valid_from: 2026-01-01, price: 1, gifts: " + gifts + "}, "
    prices += again.replace("{}", "q") + "]"
    plan = "&p {code: a, name: {ja: 甲, en: A}, tax: standard, every: {unit: month, count: 1}, "
    return f"plans: [{plan} prices: {prices}}}, {again.replace('{}', 'p')}]"


def test_aliases_that_multiply_are_refused_at_once():
    # 30 kB of text that would be read as 2,000 × 2,000 × 2,000 gifts.
    before = time.process_time()
    assert told(bomb(2_000)) == ["file"]
    assert time.process_time() - before < 5


def test_an_alias_that_saves_typing_is_welcome():
    text = LIST.replace("every: {", "every: &monthly {") + LIST.replace("plans:\n", "").replace(
        "{unit: month, count: 1}", "*monthly"
    ).replace("code: a", "code: b")
    assert [price.plan_code for price in parse_catalogue(text).all_prices] == ["a", "b"]
