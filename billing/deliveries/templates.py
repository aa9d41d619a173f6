"""Mail words as data: a subject and a body with {placeholders}, checked before they are kept.

A line whose placeholders are all empty is left out, so that one text serves with and without the
facts it mentions. Values are put in once; braces inside a value mean nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from billing.deliveries.plain import one_line
from plans import BadInput

__all__ = ["LANGUAGES", "Template", "check_template", "fill"]

LANGUAGES = ("ja", "en")
LONGEST_SUBJECT = 200
LONGEST_BODY = 20_000

_PLACEHOLDER = re.compile(r"\{([^{}\n]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """Words of one kind in one language; version 0 came with the program."""

    subject: str
    body: str
    version: int = 0


def check_template(template: Template, *, allowed: Iterable[str]) -> None:
    """Refuse words that could not be sent; raises BadInput naming what to change."""
    _check_text("subject", template.subject, LONGEST_SUBJECT)
    _check_text("body", template.body, LONGEST_BODY)
    if template.subject != one_line(template.subject):
        raise BadInput(
            field="subject",
            value=template.subject,
            rule="is one line without control characters",
            remedy="leave line breaks and invisible characters out",
        )
    names = sorted(set(allowed))
    for field, text in (("subject", template.subject), ("body", template.body)):
        _check_placeholders(field, text, names)


def _check_text(field: str, text: str, longest: int) -> None:
    if not text.strip() or len(text) > longest or "\x00" in text:
        raise BadInput(
            field=field,
            value=text,
            rule=f"is a text of 1 to {longest:,} characters",
            remedy="shorten it, or write something",
        )


def _check_placeholders(field: str, text: str, names: list[str]) -> None:
    for found in _PLACEHOLDER.finditer(text):
        if found[1] not in names:
            raise BadInput(
                field=field,
                value=found[0],
                rule="is no placeholder of this kind of notice",
                remedy="use one of " + ", ".join(f"{{{name}}}" for name in names),
            )
    rest = _PLACEHOLDER.sub("", text)
    for brace in "{}":
        if brace in rest:
            raise BadInput(
                field=field,
                value=brace,
                rule="stands alone; braces enclose placeholders, such as {amount}",
                remedy="close it, or leave it out",
            )


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in; lines with nothing but empty placeholders vanish, with double blank lines."""
    lines = [_filled(line, values) for line in text.splitlines()]
    kept = "\n".join(line.rstrip() for line in lines if line is not None)
    return re.sub(r"\n{3,}", "\n\n", kept).strip("\n")


def _filled(line: str, values: Mapping[str, str]) -> str | None:
    names = _PLACEHOLDER.findall(line)
    if names and not any(values.get(name) for name in names):
        return None
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], ""), line)
