"""Both languages say the same things; money, cadence and addresses are written correctly."""

import re
from importlib.resources import files
from string import Formatter
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amazonpay.sandbox.pages import urls, wording
from amazonpay.sandbox.pages.seals import Seals
from amazonpay.sandbox.pages.words import Words
from amazonpay.sandbox.pages.words_en import ENGLISH
from amazonpay.sandbox.pages.words_ja import JAPANESE

JA, EN = Words("ja"), Words("en")
TEMPLATES = files("amazonpay.sandbox.pages") / "templates"


def gaps(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    assert JAPANESE.keys() == ENGLISH.keys()
    different = {
        key for key in ENGLISH if gaps(ENGLISH[key]) != gaps(JAPANESE[key]) and "{" in ENGLISH[key]
    }
    assert not different


def test_every_text_that_a_template_names_exists() -> None:
    named = {
        key
        for template in TEMPLATES.iterdir()
        for key in re.findall(r'\bt\("([a-zA-Z_.]+[a-zA-Z_])"[,)]', template.read_text("utf-8"))
    }
    assert len(named) > 60
    assert named <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("unit", "count", "ja", "en"),
    [
        ("Month", "1", "毎月", "every month"),
        ("Month", "3", "3か月ごと", "every 3 months"),
        ("Week", "1", "毎週", "every week"),
        ("Day", "10", "10日ごと", "every 10 days"),
        ("Year", "1", "毎年", "every year"),
        ("Year", "2", "2年ごと", "every 2 years"),
        ("Variable", "0", "不定期", "at irregular intervals"),
    ],
)
def test_a_frequency_in_words(unit: str, count: str, ja: str, en: str) -> None:
    frequency = {"unit": unit, "value": count}
    assert wording.every(frequency, JA) == ja
    assert wording.every(frequency, EN) == en


@pytest.mark.parametrize(
    ("amount", "ja", "en"),
    [
        (0, "0円", "¥0"),
        (999, "999円", "¥999"),
        ("1980", "1,980円", "¥1,980"),
        (10_000_000, "10,000,000円", "¥10,000,000"),
    ],
)
def test_yen(amount: int | str, ja: str, en: str) -> None:
    assert wording.yen(amount, JA) == ja
    assert wording.yen(amount, EN) == en


def test_dates_are_japanese_dates() -> None:
    # 2026-03-31 15:30 UTC is half past midnight of 1 April in Japan.
    at = 1_774_971_000_000
    assert wording.day(at, JA) == "2026年4月1日"
    assert wording.moment(at, JA) == "2026年4月1日 00:30"
    assert wording.day(at, EN) == "April 1, 2026"


@pytest.mark.parametrize(
    "url",
    [
        *("https://shop.example/", "http://localhost:3000/a?b=c#d", "http://127.0.0.1:80"),
        "https://shop.example/%E3%81%82",
    ],
)
def test_a_shops_address_may_be_returned_to(url: str) -> None:
    assert urls.is_return_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *(None, "", 7, "shop.example", "/path", "//shop.example", "ftp://shop.example/"),
        *("javascript:alert(1)", "data:text/html,x", "http://", "https:///path"),
        *("https://shop.example/\n", "https://shop.example/あ", "https://a\\@b/"),
        *("http://[::1", "http://shop.example:99999/", "https://shop.example/" + "a" * 2048),
    ],
)
def test_other_addresses_may_not(url: object) -> None:
    assert not urls.is_return_url(url)


@given(value=st.text(max_size=30), query=st.sampled_from(["", "?", "?a=1", "?a=1&"]))
def test_a_parameter_is_added_without_harming_others(value: str, query: str) -> None:
    value = value.encode("utf-8", "replace").decode()
    url = urls.with_parameter(f"https://shop.example/x{query}#top", "token", value)
    parts = urlsplit(url)
    read = parse_qs(parts.query, keep_blank_values=True)
    assert read["token"] == [value]
    assert read.get("a", ["1"]) == ["1"]
    assert (parts.path, parts.fragment) == ("/x", "top")


@given(text=st.text(max_size=60))
def test_an_own_path_stays_on_this_server(text: str) -> None:
    for path in (text, "/jr/" + text, "/" + text):
        own = urls.own_path(path)
        assert own is None or (own.startswith("/") and not own.startswith(("//", "/\\")))
        assert own is None or urlsplit(own).netloc == ""


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://shop.example/a", "https://shop.example"),
        ("http://localhost:3000/a", "http://localhost:3000"),
        ("http://user@shop.example/", "http://shop.example"),
        ("http://[::1]:3000/", "http:"),
    ],
)
def test_the_origin_that_a_policy_names(url: str, named: str) -> None:
    assert urls.origin(url) == named


@given(
    value=st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.none(), max_size=4),
    position=st.integers(0, 200),
)
def test_a_sealed_value_comes_back_or_not_at_all(
    value: dict[str, str | None], position: int
) -> None:
    seals = Seals(b"k" * 32)
    text = seals.seal(value, purpose="visitor")
    assert seals.unseal(text, purpose="visitor") == value
    assert seals.unseal(text, purpose="sign-in") is None
    assert Seals(b"x" * 32).unseal(text, purpose="visitor") is None
    at = position % len(text)
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    assert seals.unseal(changed, purpose="visitor") in (None, value)
