"""A mail as values, and as the message that goes over the wire. Pure.

The same delivery gives the same bytes at every try: id, date and boundary come from the notice.
"""

import html
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from billing.deliveries.plain import one_line, without_controls
from billing.deliveries.rules import check_address

__all__ = ["OutgoingMail", "UnusableAddress", "html_of", "message_of"]

_LINK = re.compile(r"https://[^\s<>\"、。()（）]+")
_LONGEST_NAME = 100


class UnusableAddress(Exception):
    """A mail address that no server would take; the delivery is given up."""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What a sign-in link is made of, and the page that it leads to."""

    seed: str = field(repr=False)
    address: str


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail about to be sent; `tries` counts this one. Addresses stay out of its repr."""

    delivery_id: int
    tries: int
    message_id: str
    written_at: datetime
    language: str
    subject: str
    body: str = field(repr=False)
    recipient: str = field(repr=False)
    sender: str = field(repr=False)
    sender_name: str = field(repr=False)
    reply_to: str = field(repr=False)
    link: LinkFacts | None = field(default=None, repr=False)


def message_of(mail: OutgoingMail) -> EmailMessage:
    """The message with plain text and HTML; raises `UnusableAddress`."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(mail.sender, mail.sender_name)
    message["To"] = _address(mail.recipient, "")
    if mail.reply_to:
        message["Reply-To"] = _address(mail.reply_to, "")
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(mail.written_at)
    message["Message-ID"] = mail.message_id
    # Vacation responders leave automatic mail alone (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    text = without_controls(mail.body)
    message.set_content(text, cte="base64")
    message.add_alternative(html_of(text, mail.language), subtype="html", cte="base64")
    message["Content-Language"] = mail.language  # now: making parts would take it with them
    message.set_boundary("=_" + mail.message_id.strip("<>").partition("@")[0])
    return message


def _address(address: str, name: str) -> Address:
    try:
        check_address("address", address)
        local, _, domain = address.rpartition("@")
        local.encode("ascii")
        return Address(
            display_name=one_line(name)[:_LONGEST_NAME],
            username=local,
            domain=domain.encode("idna").decode(),
        )
    except (ValueError, IndexError) as error:  # BadInput is a ValueError
        raise UnusableAddress("the address cannot be used in a mail") from error


def html_of(text: str, language: str) -> str:
    """Plain text as simple HTML: its lines, and links that can be clicked."""
    paragraphs = "\n".join(
        f"<p>{'<br>'.join(_line(line) for line in block.splitlines())}</p>"
        for block in text.split("\n\n")
        if block.strip()
    )
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"></head>'
        f'<body style="font-family:sans-serif;line-height:1.6">\n{paragraphs}\n</body></html>\n'
    )


def _line(line: str) -> str:
    parts, done = [], 0
    for link in _LINK.finditer(line):
        address = html.escape(link[0])
        parts += [html.escape(line[done : link.start()]), f'<a href="{address}">{address}</a>']
        done = link.end()
    return "".join((*parts, html.escape(line[done:])))
