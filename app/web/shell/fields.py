"""Reads the fields of a form one by one; each fault gets words of its own beside its field.

A handler reads every field first and then asks `if form.problems`: until then a field that could
not be read holds a harmless stand-in. What was typed stays in `form.typed`, but for passwords.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from app.web.shell.formats import file_size
from app.web.shell.forms import SentFile, SentForm

FIRST_YEAR, LAST_YEAR = 2000, 2100
MOST_LETTERS = 200
MOST_YEN = 999_999_999
HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−ー－ｰ", "-"))
NOT_A_DAY = date.min
DAY = re.compile(
    r"(令和|平成|昭和|[RHSrhs])?([0-9]{1,4}|元)[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?", re.ASCII
)
_REIWA, _HEISEI, _SHOWA = date(2019, 5, 1), date(1989, 1, 8), date(1926, 12, 25)
ERAS: Mapping[str, tuple[date, date | None]] = {
    **dict.fromkeys(("令和", "R"), (_REIWA, None)),
    **dict.fromkeys(("平成", "H"), (_HEISEI, _REIWA)),
    **dict.fromkeys(("昭和", "S"), (_SHOWA, _HEISEI)),
}
"""First day of each era, and the day after its last; by its name and by its letter in forms."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A field that cannot be used: the key of the words that say why, and their figures."""

    field: str
    key: str
    figures: Mapping[str, object]


class FormReader:
    """The fields of one form; made without `sent` it shows the form for the first time."""

    def __init__(
        self, sent: SentForm | None = None, *, start: Mapping[str, object] | None = None
    ) -> None:
        self._sent = sent or SentForm()
        self.problems: dict[str, Problem] = {}
        self.typed: dict[str, str] = {name: str(value) for name, value in (start or {}).items()}
        self.chosen: dict[str, list[str]] = {}
        self.was_sent = sent is not None
        self.was_restored = False
        self.consents: set[str] = set()
        if sent is not None:
            self.typed |= dict(sent.fields)

    def refuse(self, field: str, key: str, **figures: object) -> None:
        """Say that a field cannot be used, in the words of `key`; the first fault stays."""
        self.problems.setdefault(field, Problem(field, key, figures))

    def restore(self, fields: Collection[tuple[str, str]], problems: Mapping[str, Problem]) -> None:
        """Show again what was sent before, and what was wrong with it.

        What a page starts with stays where nothing was sent, but for boxes: one that was not
        ticked is not sent.
        """
        self.typed |= dict(fields)
        self.chosen = {}
        for name, value in fields:
            self.chosen.setdefault(name, []).append(value)
        self.problems = dict(problems) or self.problems
        self.was_sent = self.was_restored = True

    def text(self, field: str, *, most: int = MOST_LETTERS, required: bool = True) -> str:
        """One line as it was typed, without spaces around it."""
        return self._letters(field, most=most, required=required, several_lines=False)

    def lines(self, field: str, *, most: int = 4000, required: bool = True) -> str:
        """Text of several lines."""
        return self._letters(field, most=most, required=required, several_lines=True)

    def secret(self, field: str, *, most: int = 1024) -> str:
        """A password: nothing is taken away from it, and it is never shown again."""
        self.typed.pop(field, None)
        typed = self._sent.get(field)
        if not typed:
            self.refuse(field, "field.required")
        elif len(typed) > most:
            self.refuse(field, "field.too_long", most=most, length=len(typed))
        return typed

    def code(self, field: str, *, most: int = 64, required: bool = True) -> str:
        """An id or a code: full-width letters count as the narrow ones they mean."""
        typed = self.text(field, most=most, required=required)
        return unicodedata.normalize("NFKC", typed).strip()

    def email(self, field: str, *, required: bool = True) -> str:
        """An address that mail can be sent to."""
        typed = self.code(field, most=254, required=required)
        if typed and not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}", typed):
            self.refuse(field, "field.email", value=typed)
        return typed

    def whole(
        self, field: str, *, least: int = 0, most: int = MOST_YEN, required: bool = True
    ) -> int:
        """A whole number such as 1,234 or １２３４; 0 stands in for a fault or for nothing."""
        typed = self.text(field, required=required)
        if not typed:
            return 0
        plain = unicodedata.normalize("NFKC", typed.translate(HYPHENS))
        digits = re.sub(r"[,、，\s円¥￥]", "", plain)
        if not re.fullmatch(r"-?\d{1,12}", digits, re.ASCII):
            self.refuse(field, "field.whole", value=typed)
            return 0
        if not least <= int(digits) <= most:
            self.refuse(field, "field.range", least=f"{least:,}", most=f"{most:,}")
            return 0
        return int(digits)

    def yen(self, field: str, *, least: int = 1, most: int = MOST_YEN) -> int:
        """An amount in whole yen."""
        return self.whole(field, least=least, most=most)

    def day(self, field: str, *, first: date | None = None, last: date | None = None) -> date:
        """A day such as 2026-12-01 or ２０２６／１２／１; `date.min` stands in for a fault."""
        return self.optional_day(field, first=first, last=last, required=True) or NOT_A_DAY

    def optional_day(
        self,
        field: str,
        *,
        first: date | None = None,
        last: date | None = None,
        required: bool = False,
    ) -> date | None:
        """A day, or None where none was given."""
        typed = self.text(field, required=required)
        if not typed:
            return None
        found = read_day(typed)
        if found is None:
            self.refuse(field, "field.day", value=typed)
        elif not FIRST_YEAR <= found.year <= LAST_YEAR:
            self.refuse(field, "field.year", value=typed)
        elif (first and found < first) or (last and found > last):
            self.refuse(field, "field.day_range", first=first or "…", last=last or "…")
        return found

    def choice(self, field: str, known: Collection[str], *, required: bool = True) -> str:
        """One of the known values; an empty text where none was needed."""
        typed = self._sent.get(field).strip()
        if not typed and not required:
            return ""
        if typed not in known:
            self.refuse(field, "field.choice")
            return ""
        return typed

    def choices(self, field: str, known: Collection[str], *, least: int = 0) -> list[str]:
        """Those of the known values that were ticked, in the order of the page."""
        ticked = self._sent.all(field)
        self.chosen[field] = ticked
        if any(value not in known for value in ticked):
            self.refuse(field, "field.choice")
        elif len(ticked) < least:
            self.refuse(field, "field.tick", least=least)
        return [value for value in known if value in ticked]

    def flag(self, field: str, *, must: bool = False) -> bool:
        """A box that is ticked; with `must` it has to be."""
        ticked = bool(self._sent.get(field))
        if must:
            self.consents.add(field)
        if must and not ticked:
            self.refuse(field, "field.must")
        return ticked

    def file(
        self,
        field: str,
        *,
        most_bytes: int,
        required: bool = True,
        too_large: str = "field.file_large",
    ) -> SentFile:
        """A file that was chosen; it has to be chosen again whenever the form is shown again.

        `too_large` are the words for a file of more than `most_bytes`.
        """
        found = self._sent.files.get(field, SentFile("", b""))
        if found.size > most_bytes or found.too_large:
            self.refuse(field, too_large, size=file_size(found.size), most=file_size(most_bytes))
        elif required and not found.content:
            self.refuse(field, "field.file")
        return found

    def _letters(self, field: str, *, most: int, required: bool, several_lines: bool) -> str:
        typed = unicodedata.normalize("NFC", self._sent.get(field)).strip(" \t\r\n\u3000\u00a0")
        typed = typed.replace("\u200b", "").replace("\ufeff", "").replace("\r\n", "\n")
        allowed = ("\n", "\t") if several_lines else ()
        if required and not typed:
            self.refuse(field, "field.required")
        elif len(typed) > most:
            self.refuse(field, "field.too_long", most=most, length=len(typed))
        # PostgreSQL holds no NUL, and nobody's name holds a control character.
        elif any(unicodedata.category(c) in ("Cc", "Cs") and c not in allowed for c in typed):
            self.refuse(field, "field.letters")
        else:
            return typed
        return ""


def read_day(typed: str) -> date | None:
    """The day that somebody wrote, also as ２０２６／１２／１, 2026年12月1日, 令和8年12月1日 …

    None for no day, and for a day outside of its era.
    """
    plain = unicodedata.normalize("NFKC", typed.strip().translate(HYPHENS)).replace(" ", "")
    parts = DAY.fullmatch(plain)
    if parts is None:
        return None
    era, year, month, day = parts.groups()
    first, last = ERAS.get(era.upper() if era else "", (None, None))
    count = 1 if year == "元" else int(year)
    if (first is None) == bool(era) or (first is None and len(year) != 4) or count == 0:
        return None
    try:
        found = date(count if first is None else first.year + count - 1, int(month), int(day))
    except ValueError:
        return None
    within = first is None or (first <= found and (last is None or found < last))
    return found if within else None
