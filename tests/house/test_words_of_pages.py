"""The words of the pages: every id in both languages, none missing, none unused, no text elsewhere.

Ids are found as texts in the syntax trees of code and templates. One that is put together, as in
`t("role." ~ role)`, is found by its beginning, which ends in a dot.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import nodes
from support.house import ROOT, modules

from app.web.shell.rendering import environment
from app.web.shell.words import LANGUAGES, catalogue, catalogue_files, read_catalogue

WEB = ROOT / "app" / "web"
TEMPLATES = sorted(WEB.glob("*/templates/**/*.html"))
FILLED = re.compile(r"{(\w*)}")
# What may stand in a template as it is: signs between words, and Amazon's own names of things.
PLAIN = re.compile(r"[\s·—/|()\[\]:;,.…›‹%×+\-–→←#0-9]*")
# State and reason codes come from the engine and from Amazon, as do the parts of a date.
NAMED_ELSEWHERE = ("state.", "reason.", "format.", "error.")


def parsed(file: Path) -> nodes.Template:
    return environment().parse(file.read_text(encoding="utf-8"))


@cache
def texts_in_templates() -> frozenset[str]:
    return frozenset(
        node.value
        for file in TEMPLATES
        for node in parsed(file).find_all(nodes.Const)
        if isinstance(node.value, str)
    )


@cache
def texts_in_code() -> frozenset[str]:
    trees = [module.tree for module in modules("app") if module.is_under("app.web")]
    return frozenset(
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def asked_for(file: Path) -> Iterator[str]:
    """Ids that a template asks for by name: `t("…")`, also with `if` and `else` inside."""
    for call in parsed(file).find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "t" and call.args):
            continue
        asked = [call.args[0]]
        while asked:
            node = asked.pop()
            if isinstance(node, nodes.CondExpr):
                asked += [part for part in (node.expr1, node.expr2) if part is not None]
            elif isinstance(node, nodes.Const):
                yield str(node.value)


def figures_of(text: str | tuple[str, ...]) -> set[str]:
    return {
        name
        for form in ((text,) if isinstance(text, str) else text)
        for name in FILLED.findall(form)
    }


def test_there_are_catalogues_of_every_language() -> None:
    names = [{file.name for file in catalogue_files(language)} for language in LANGUAGES]
    assert names[0] == names[1]
    assert len(names[0]) >= 3


@pytest.mark.parametrize("name", sorted(file.name for file in catalogue_files(LANGUAGES[0])))
def test_both_languages_say_the_same_things(name: str) -> None:
    japanese, english = (
        read_catalogue(WEB / "locale" / language / "LC_MESSAGES" / name) for language in LANGUAGES
    )
    assert japanese.keys() == english.keys()
    for key, text in japanese.items():
        assert text, key
        assert english[key], key
        if not key.startswith("format."):  # each language puts a date together in its own way
            assert figures_of(text) == figures_of(english[key]), key


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parts[-3]}/{file.name}")
def test_templates_ask_only_for_words_that_are_there(file: Path) -> None:
    assert [key for key in asked_for(file) if key not in catalogue("ja")] == []


def test_no_words_are_left_that_nobody_uses() -> None:
    texts = texts_in_templates() | texts_in_code()
    beginnings = tuple(text for text in texts if re.fullmatch(r"[a-z_.]+\.", text))
    unused = [
        key
        for key in catalogue("ja")
        if key not in texts and not key.startswith((*beginnings, *NAMED_ELSEWHERE))
    ]
    assert not unused, f"remove from the catalogues: {unused}"


class TextOf(HTMLParser):
    """Collects what a reader would see of a template's own text, and attributes read aloud."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [v for k, v in attrs if v and k in ("title", "alt", "aria-label")]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: f"{file.parts[-3]}/{file.name}")
def test_templates_hold_no_text_of_their_own(file: Path) -> None:
    text = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    reader = TextOf()
    reader.feed(
        re.sub(r'^ [a-z-]+="[^"]*".*$', "", text, flags=re.MULTILINE)
    )  # macros of attributes
    assert [piece.strip() for piece in reader.found if not PLAIN.fullmatch(piece)] == []


def test_code_holds_no_japanese() -> None:
    """Japanese in code would be a text without a catalogue; states come from the engine so."""
    found = [
        (str(module.path), node.value)
        for module in modules("app")
        if module.is_under("app.web") and module.path.name not in ("words.py", "fields.py")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"[ぁ-んァ-ヶ一-龥]", node.value)
    ]
    assert found == []
