"""The words of the pages, from the catalogues under `app/web/locale`: one file per room.

A message id such as `charges.title` names a text; `{name}` in a text is filled in. A text with
`msgid_plural` is chosen by its figure `number`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = ("ja", "en")
DEFAULT_LANGUAGE = "ja"

Text = str | tuple[str, ...]

# The colour that goes with a state's word; a state not named here is neither good nor bad.
TONES = {
    "受領済み": "good",
    "課金失敗": "bad",
    "リトライ終了": "bad",
    "リトライ待ち": "warn",
    "お客様対応待ち": "warn",
    "結果未確定": "warn",
    "上限超過": "warn",
}


class Said(str):
    """A text of ours that knows what it says: it can be said again in another language."""

    key: str
    figures: Mapping[str, object]

    @classmethod
    def of(cls, text: str, key: str, figures: Mapping[str, object]) -> "Said":
        """`text` is what `key` says with these figures."""
        made = cls(text)
        made.key, made.figures = key, figures
        return made


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; call it with a key and the figures to fill in."""

    language: str

    def __call__(self, key: str, /, **figures: object) -> str:
        """The text of the key; a missing key or figure is a fault and raises `KeyError`."""
        text = catalogue(self.language)[key]
        if isinstance(text, tuple):
            is_one = self.language == "en" and str(figures["number"]) == "1"
            text = text[0] if is_one else text[-1]
        return Said.of(text.format_map(figures), key, figures)

    def knows(self, key: str) -> bool:
        """True when there is a text of this key."""
        return key in catalogue(self.language)

    def state(self, state_ja: str) -> str:
        """The state of a charge; `billing` says it in Japanese, its word is the key."""
        return self._named("state", state_ja)

    def tone(self, state_ja: str) -> str:
        """The colour of the state: good, bad, warn or plain; it never speaks alone."""
        return TONES.get(state_ja, "plain")

    def reason(self, code: str | None) -> str:
        """Amazon's or our own reason code in plain words; a code new to us is shown as it is."""
        return self._named("reason", code) if code else ""

    def pick(self, *, ja: str, en: str) -> str:
        """The one of two stored texts that is in this language."""
        return ja if self.language == "ja" else en

    def day(self, day: date | datetime) -> str:
        """2026年12月1日(火), or Tue, 1 Dec 2026: for sentences; tables say 2026-12-01."""
        return self("format.day", **_parts(self, day))

    def month(self, day: date) -> str:
        """2026年12月, or December 2026."""
        return self("format.month", **_parts(self, day))

    def _named(self, kind: str, name: str) -> str:
        text = catalogue(self.language).get(f"{kind}.{name}", name)
        return text if isinstance(text, str) else text[-1]


def _parts(words: Words, day: date) -> dict[str, object]:
    return {
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "weekday": words(f"format.weekday.{day.weekday()}"),
        "month_name": words(f"format.month.{day.month}"),
        "month_short": words(f"format.month_short.{day.month}"),
    }


@cache
def catalogue(language: str) -> dict[str, Text]:
    """All texts of a language by their keys; raises `ValueError` for a key given twice."""
    texts: dict[str, Text] = {}
    for file in catalogue_files(language):
        for key, text in read_catalogue(file).items():
            if key in texts:
                raise ValueError(f"{file.name} gives {key!r}, which another file gives already")
            texts[key] = text
    return texts


def catalogue_files(language: str) -> list[Path]:
    """The catalogues of a language, one per room."""
    return sorted((LOCALE / language / "LC_MESSAGES").glob("*.po"))


def read_catalogue(file: Path) -> dict[str, Text]:
    """The texts of one catalogue."""
    with file.open("rb") as opened:
        read = read_po(opened, abort_invalid=True)
    found: dict[str, Text] = {}
    for message in read:
        key = message.id if isinstance(message.id, str) else message.id[0]
        if key:
            text = message.string
            found[key] = text if isinstance(text, str) else tuple(text or ())
    return found
