"""What mails say: golden texts in both languages, own words, names that try to break things."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_samples import INVOICE, RULES, file_of, sample, text_of

from billing.deliveries import KINDS, NoticeRules, OwnWords, Template
from billing.deliveries.mail_words import addressed
from billing.deliveries.reasons import reason_words
from billing.deliveries.templates import check_template, fill
from billing.deliveries.words_en import WORDS_EN
from billing.deliveries.words_ja import WORDS_JA
from billing.dunning import BUYER_MUST_ACT, RETRYABLE
from plans import BadInput


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_of_mail_says_what_was_looked_at(kind: str, language: str) -> None:
    """To write the files anew: python tests/billing/mail_samples.py"""
    assert text_of(sample(kind, language)) == file_of(kind, language).read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [WORDS_JA, WORDS_EN], ids=["ja", "en"])
def test_the_programs_words_are_complete_and_sendable(words: dict[str, Template]) -> None:
    assert set(words) == set(KINDS)
    for kind, template in words.items():
        check_template(template, allowed=KINDS[kind].placeholders)


def test_no_golden_text_has_an_open_placeholder_or_an_unknown_reason() -> None:
    for kind in KINDS:
        for language in ("ja", "en"):
            said = text_of(sample(kind, language))
            assert "{" not in said
            assert "None" not in said


@pytest.mark.parametrize("code", sorted(RETRYABLE | BUYER_MUST_ACT))
def test_every_reason_for_a_decline_has_words(code: str) -> None:
    ja, en = reason_words(code)
    assert ja.endswith("。")
    assert en.endswith(".")
    assert code not in ja + en  # Amazon's codes are for staff


def test_a_mail_about_a_failure_links_to_amazons_page_of_this_permission() -> None:
    page = "https://pay.amazon.com/jp/jr/your-account/ba/B03-1234567-1234567"
    for kind in ("failed", "payment_method_needed", "change_declined", "upcoming"):
        assert page in sample(kind, "ja").body
    other = replace(RULES, buyer_url="https://amazon.example/{charge_permission_id}/pay")
    assert (
        "https://amazon.example/B03-1234567-1234567/pay" in sample("failed", "en", rules=other).body
    )


def test_after_the_last_try_no_next_date_is_promised() -> None:
    mail = sample("failed", "ja", next_try_at=None)
    assert "次回のご請求日" not in mail.body
    assert "までに" not in mail.body


@pytest.mark.parametrize(
    ("invoice", "amount", "said"),
    [
        # 98,000 in two parts: 50,000 now
        pytest.param(
            {"total_yen": 98_000, "offset_yen": 0},
            50_000,
            "ご請求98,000円のうち今回分50,000円(分割)",
            id="a part",
        ),
        # 5,520 - 520 of credit = 5,000
        pytest.param(
            {"total_yen": 5_520, "offset_yen": 520},
            5_000,
            "合計5,520円のうち520円はお預かり金を充当",
            id="credit pays a part",
        ),
        pytest.param(INVOICE, 5_520, "", id="all of it"),
    ],
)
def test_an_amount_that_is_not_the_invoices_total_is_explained(
    invoice: dict[str, int], amount: int, said: str
) -> None:
    body = sample("charged", "ja", invoice=invoice, amount_yen=amount).body
    assert said in body
    assert ("のうち" in body) == bool(said)


@pytest.mark.parametrize(
    ("name", "ja"),
    [
        ("山田 太郎", "山田 太郎 様"),
        ("株式会社山田", "株式会社山田 御中"),
        ("（有）山田商店", "（有）山田商店 御中"),
        ("山田太郎様", "山田太郎様"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "ﾔﾏﾀﾞ ﾀﾛｳ 様"),
        ("𠮷野家", "𠮷野家 様"),
        ("", "お客様各位"),
    ],
)
def test_whom_a_letter_is_to(name: str, ja: str) -> None:
    assert addressed(name, "ja") == ja


def test_staff_read_the_merchants_language_and_customers_their_own() -> None:
    assert sample("quarantined", "en").recipient == "staff@shop.example"
    mail = sample("charged", "ja", customer_language="en")
    assert (mail.language, mail.recipient) == ("en", "hanako@mail.example")


# Own words.


def own(kind: str, subject: str, body: str) -> OwnWords:
    return OwnWords({(kind, "ja"): Template(subject, body, version=3)})


def test_own_words_replace_the_programs_and_the_imprint_stays() -> None:
    words = own("charged", "{plan}のお支払い", "{name}\n{amount}でした。")
    mail = sample("charged", "ja", words=words)
    assert mail.subject == "チームのお支払い"
    assert mail.body.startswith("髙橋 花子 様\n5,520円でした。\n")
    assert "特定商取引法に基づく表記" in mail.body
    assert mail.version == 3


@pytest.mark.parametrize(
    ("subject", "body", "field", "rule"),
    [
        ("x", "{nmae}", "body", "{nmae}"),
        ("{old_amount}", "x", "subject", "{old_amount}"),
        ("x", "{}", "body", "no placeholder"),
        ("x", "{ name }", "body", "no placeholder"),
        ("x", "a { b", "body", "stands alone"),
        ("x", "a } b", "body", "stands alone"),
        ("", "x", "subject", "1 to 200"),
        ("x", " \n", "body", "1 to 20,000"),
        ("x" * 201, "x", "subject", "1 to 200"),
        ("x\r\nBcc: all@example.jp", "x", "subject", "one line"),
        ("x\u202ey", "x", "subject", "one line"),
        ("x", "\x00", "body", "1 to"),
    ],
)
def test_words_that_could_not_be_sent_are_refused(
    subject: str, body: str, field: str, rule: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check_template(Template(subject, body), allowed=KINDS["charged"].placeholders)
    assert refused.value.field == field
    assert rule in str(refused.value)


def test_a_refusal_names_what_may_be_used() -> None:
    with pytest.raises(BadInput, match=r"use one of .*\{amount\}.*\{tax\}"):
        check_template(Template("x", "{what}"), allowed=KINDS["charged"].placeholders)


def test_a_value_is_put_in_once_and_never_read_as_a_placeholder() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "x"}) == "{b} x"


def test_lines_without_their_facts_vanish() -> None:
    text = "head\n\nnext: {next}\n{both}{next}\n\n\ntail {set}"
    assert fill(text, {"next": "", "both": "", "set": "1"}) == "head\n\ntail 1"


# Names that try to break things (failure mode 92).

NAMES = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    [
        "a\r\nBcc: victim@example.jp",
        "a\u2028b\u0085c",
        "\u202eevil\u202c",
        "{amount}{name}",
        "<script>alert(1)</script>",
        "\ud800 lone",
        "か\u3099",
        "👨\u200d👩\u200d👧",
        "\x00\x07",
    ]
)


@given(name=NAMES, plan=NAMES)
def test_any_name_gives_one_line_of_subject_and_only_its_own_line_of_body(
    name: str, plan: str
) -> None:
    words = own("charged", "{customer} {plan}", "{name}\nend")
    mail = sample("charged", "ja", words=words, customer_name=name, plan_ja=plan)
    assert not set(mail.subject) & set("\r\n\x00\u2028\u202e\ud800")
    assert mail.body.splitlines()[1] == "end"
    mail.subject.encode()
    mail.body.encode()


# The merchant's rules.


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mail_from": "not an address"}, "mail_from"),
        ({"mail_from": "a@b.example\r\nBcc: c@d.example"}, "mail_from"),
        ({"mail_from": "a@b.example,c@d.example"}, "mail_from"),
        ({"staff_email": "a@b"}, "staff_email"),
        ({"mail_name": "x\ny"}, "mail_name"),
        ({"seller_postal_code": "15300"}, "seller_postal_code"),
        ({"buyer_url": "https://amazon.example/"}, "buyer_url"),
        ({"language": "fr"}, "language"),
        ({"upcoming_days": 61}, "upcoming_days"),
        ({"upcoming_days": -1}, "upcoming_days"),
    ],
)
def test_rules_that_no_mail_could_use_are_refused(given: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        NoticeRules(**given)  # type: ignore[arg-type] # one of them is of the wrong shape
    assert refused.value.field == field
