"""Files from a merchant as text: decoded, normalised, and a price list read out of one.

They come from Excel as often as from programs: UTF-8 with or without BOM, or CP932, codes in
full-width digits, and sometimes no text at all. Nothing here opens a file.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass

from billing import RowRefused
from plans import Catalogue, CatalogueProblems, Problem, parse_catalogue

__all__ = [
    "FileNote",
    "Unfit",
    "as_code",
    "as_shown",
    "as_typed",
    "check_readable",
    "decode_file",
    "read_catalogue",
]

_FILE_BYTES_MAX = 64 * 1024 * 1024
_OTHER_FORMATS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "a workbook"}
_CELL_CHARACTERS_MAX = 1_000
_SHOWN_CHARACTERS = 60
_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\ufeff"))
_HYPHENS = dict.fromkeys(map(ord, "‐‑‒–—―−ー"), "-")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NOT_COMPATIBILITY_KANJI = re.compile(r"[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")


@dataclass(frozen=True, slots=True)
class FileNote:
    """What a person should know about a file that is no fault of a row."""

    en: str
    ja: str


class Unfit(ValueError):
    """A file, or a value in it, that is not what it should be; `ja` says it in Japanese."""

    def __init__(self, rule: str, remedy: str, ja: str) -> None:
        super().__init__(rule)
        self.rule, self.remedy, self.ja = rule, remedy, ja

    def of(self, column: str, typed: str) -> RowRefused:
        """Say of which column and value this is."""
        return RowRefused(column, typed, rule=self.rule, remedy=self.remedy, ja=self.ja)


_READ_AS_CP932 = FileNote(
    en="the file is not UTF-8 and was read as CP932 (Shift_JIS); check a few names",
    ja="UTF-8 ではないため CP932 (Shift_JIS) として読みました。氏名を確認してください。",
)


def read_catalogue(data: bytes) -> Catalogue:
    """Read a price list in YAML; raises CatalogueProblems, also for bytes that are no text."""
    try:
        text, _ = decode_file(data)
    except Unfit as unfit:
        problem = Problem(1, 1, "file", None, unfit.rule, unfit.remedy)
        raise CatalogueProblems((problem,)) from unfit
    return parse_catalogue(text)


def decode_file(data: bytes) -> tuple[str, tuple[FileNote, ...]]:
    """Decode UTF-8 with or without BOM, else CP932; raises Unfit for what is neither.

    A few stray bytes in UTF-8 stay in as lone surrogates, so that only their rows are at fault.
    """
    if len(data) > _FILE_BYTES_MAX:
        raise Unfit("is over 64 MiB", "split it", "64MiBを超えています。分割してください。")
    for start, kind in _OTHER_FORMATS.items():
        if data.startswith(start):
            ja = f"{kind} のファイルです。UTF-8 のテキスト (CSV など) で保存し直してください。"
            raise Unfit(f"is {kind}, not text in UTF-8", "save it as UTF-8 text", ja)
    body = data.removeprefix(codecs.BOM_UTF8)
    with suppress(UnicodeDecodeError):
        return body.decode("utf-8"), ()
    if len(body) == len(data) and not _mostly_utf8(data):
        with suppress(UnicodeDecodeError):
            return data.decode("cp932"), (_READ_AS_CP932,)
    return body.decode("utf-8", "surrogateescape"), ()


def _mostly_utf8(data: bytes) -> bool:
    """Tell a UTF-8 file with a broken row, which CP932 would turn into nonsense, from CP932."""
    told = [line for line in data.split(b"\n") if not line.isascii()]
    return 2 * sum(map(_is_utf8, told)) > len(told)


def _is_utf8(line: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return bool(line.decode("utf-8"))
    return False


def _unreadable(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or character in _BIDI_CONTROLS


def check_readable(typed: str) -> None:
    """Refuse a value that is over-long, or holds what nobody types; raises Unfit."""
    if len(typed) > _CELL_CHARACTERS_MAX:
        ja = f"{_CELL_CHARACTERS_MAX}文字を超えています。短くしてください。"
        raise Unfit(f"is over {_CELL_CHARACTERS_MAX:,} characters", "shorten it", ja)
    found = None if typed.isprintable() else next(filter(_unreadable, typed), None)
    if found is None:
        return
    if unicodedata.category(found) == "Cs":
        ja = "UTF-8 でないバイトがあります。UTF-8 で保存し直してください。"
        raise Unfit("holds bytes that are not UTF-8", "save the file as UTF-8", ja)
    code = f"U+{ord(found):04X}"
    ja = f"制御文字 {code} が含まれています。入力し直してください。"
    raise Unfit(f"holds the control character {code}", "type the value again without it", ja)


def as_code(typed: str) -> str:
    """Normalise a code or a number; a long-vowel mark is one only among Japanese letters."""
    normal = unicodedata.normalize("NFKC", typed.translate(_ZERO_WIDTH)).strip()
    folded = normal.translate(_HYPHENS)
    return folded if folded.isascii() else normal


def as_typed(typed: str) -> str:
    """Compose and trim a text, but keep the kanji people write their names with.

    NFC would replace compatibility kanji such as U+FA19 by others that look alike.
    """
    kept = typed.translate(_ZERO_WIDTH).strip()
    return _NOT_COMPATIBILITY_KANJI.sub(lambda run: unicodedata.normalize("NFC", run[0]), kept)


def as_shown(value: str) -> str:
    """Cut a value to what fits a screen, with whatever could upset a screen spelt out."""
    cut = value if len(value) <= _SHOWN_CHARACTERS else value[: _SHOWN_CHARACTERS - 1] + "…"
    return "".join(
        f"\\u{ord(character):04x}" if _unreadable(character) else character for character in cut
    )
