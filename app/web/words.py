"""The words of the pages: one dict per language, no text in code or templates."""

from dataclasses import dataclass

from app.web.words_en import ENGLISH, ENGLISH_REASONS, ENGLISH_STATES
from app.web.words_ja import JAPANESE, JAPANESE_REASONS

DEFAULT_LANGUAGE = "ja"
CATALOGUE = {"ja": JAPANESE, "en": ENGLISH}
REASONS = {"ja": JAPANESE_REASONS, "en": ENGLISH_REASONS}
LANGUAGES = tuple(CATALOGUE)

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


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; call it with a key and the figures to fill in."""

    language: str

    def __call__(self, key: str, /, **figures: object) -> str:
        """The text of the key; a missing key or figure is a fault and raises `KeyError`."""
        return CATALOGUE[self.language][key].format_map(figures)

    def state(self, state_ja: str) -> str:
        """The state of a charge; `billing` says it in Japanese, its word is the key."""
        if self.language == "ja":
            return state_ja
        return ENGLISH_STATES.get(state_ja, state_ja)

    def tone(self, state_ja: str) -> str:
        """The colour of the state: good, bad, warn or plain; it never speaks alone."""
        return TONES.get(state_ja, "plain")

    def reason(self, code: str | None) -> str:
        """Amazon's or our own reason code in plain words; a code new to us is shown as it is."""
        return REASONS[self.language].get(code, code) if code else ""

    def pick(self, *, ja: str, en: str) -> str:
        """The one of two stored texts that is in this language."""
        return ja if self.language == "ja" else en
