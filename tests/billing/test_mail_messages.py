"""The message that goes over the wire: headers that nothing breaks out of, the same every time."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.deliveries import OutgoingMail, UnusableAddress, message_of
from billing.deliveries.mails import html_of

MAIL: dict[str, Any] = {
    "delivery_id": 1,
    "tries": 1,
    "message_id": "<0123456789abcdef0123456789abcdef@shop.example>",
    "written_at": datetime(2026, 11, 30, 0, 0, 5, tzinfo=UTC),
    "language": "ja",
    "subject": "お支払い完了のお知らせ(5,520円)",
    "body": "髙橋 花子 様\n\n金額: 5,520円\nhttps://pay.example/ba/B03-1\n",
    "recipient": "hanako@mail.example",
    "sender": "billing@shop.example",
    "sender_name": "花と珈琲の店",
    "reply_to": "help@shop.example",
}
HEADERS = {
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Content-Language"),
    *("Auto-Submitted", "MIME-Version", "Content-Type"),
}


def wire(**changes: Any) -> bytes:
    return message_of(OutgoingMail(**(MAIL | changes))).as_bytes()


def test_a_message_has_its_headers_its_text_and_its_html() -> None:
    message = message_from_bytes(wire(), policy=default)
    assert message["Subject"] == MAIL["subject"]
    assert message["From"] == "花と珈琲の店 <billing@shop.example>"
    assert message["To"] == "hanako@mail.example"
    assert message["Message-ID"] == MAIL["message_id"]
    assert message["Date"] == "Mon, 30 Nov 2026 00:00:05 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    text = message.get_body(("plain",)).get_content()
    assert text.replace("\r\n", "\n") == MAIL["body"]
    page = message.get_body(("html",)).get_content()
    assert '<a href="https://pay.example/ba/B03-1">' in page
    assert '<html lang="ja">' in page


def test_a_repetition_is_the_same_to_the_byte() -> None:
    assert wire() == wire(tries=7)
    assert all(len(line) <= 998 for line in wire().split(b"\r\n"))
    wire().decode("ascii")  # goes through any server


TEXT = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["a\r\nBcc: victim@example.jp", "\ud800", "\u202e", "x" * 2_000, "髙" * 500, '"<a@b.example>']
)


@given(subject=TEXT, name=TEXT, body=TEXT)
def test_nothing_breaks_out_of_its_header(subject: str, name: str, body: str) -> None:
    raw = wire(subject=subject, sender_name=name, body=body)
    message = message_from_bytes(raw, policy=default)
    assert set(message.keys()) == HEADERS
    assert message["To"] == "hanako@mail.example"
    assert message["From"].addresses[0].addr_spec == "billing@shop.example"


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("", id="empty"),
        pytest.param("nobody", id="no domain"),
        pytest.param("花子@mail.example", id="local part beyond ASCII"),
        pytest.param("a@b.example, c@d.example", id="two"),
        pytest.param("a b@c.example", id="space"),
        pytest.param("a@" + "x" * 80 + ".example", id="label too long"),
        pytest.param("\ud800@mail.example", id="half a character"),
    ],
)
def test_an_address_that_no_server_would_take_is_refused(address: str) -> None:
    with pytest.raises(UnusableAddress):
        wire(recipient=address)


def test_a_line_break_in_an_address_adds_no_recipient() -> None:
    with pytest.raises(UnusableAddress):
        wire(recipient="a@b.example\r\nBcc: victim@example.jp")


def test_a_japanese_domain_is_written_in_punycode() -> None:
    assert b"To: hanako@xn--o9ju24rdjav80c.example" in wire(recipient="hanako@花と珈琲.example")


def test_html_is_escaped_and_links_only_https() -> None:
    page = html_of("<b>&\"' javascript:alert(1) http://x.example https://y.example/?a=1&b=2", "ja")
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;&quot;&#x27;" in page
    assert page.count("<a ") == 1
    assert 'href="https://y.example/?a=1&amp;b=2"' in page
