"""Which settings `plans` has, by its code, and which of them the documents explain.

The list of settings is the code's own: what a catalogue holds, what `QuoteRules` and `Policy`
hold, what a command may say (all that their types lead to), and the keys that the reader of price
lists knows. An example counts when its block is run and asserts something. Tables that give
defaults are compared with the code, field by field.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import pytest

import billing.quotes
import plans
import plans.lifecycle
from plans import CatalogueProblems, parse_catalogue
from plans.catalogue_file import dunning, file, offers, parts, prices
from plans.catalogue_file.yaml_nodes import Fields, Value, read_fields
from support.doc_examples import Block, blocks, steps

DOORS: tuple[ModuleType, ...] = (plans, plans.lifecycle, billing.quotes)
READERS: tuple[ModuleType, ...] = (file, offers, parts, prices, dunning)
ENTRY = "docs/plans.md"
MAY_EXPLAIN = re.compile(r"plans/[\w-]+|catalogue-file|life-of-a-subscription|quotes")
LINK = re.compile(r"\]\(([^)#\s]+)\.md(?:#[^)\s]*)?\)")
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)

# What the settings hang on. Everything else is found from the types of their fields.
ROOTS: tuple[type, ...] = (
    plans.Plan,
    plans.Price,
    *plans.OFFER_TYPES.values(),
    plans.UsageWindow,
    plans.Terms,
    plans.Anchor,
    plans.lifecycle.Policy,
    *(each for each in get_args(plans.lifecycle.Command)),
    billing.quotes.QuoteRules,
)

# Words of answers: somebody reads them, nobody chooses them. They are named, not exercised.
ANSWERS: tuple[type[Enum], ...] = (
    billing.quotes.BillPurpose,
    plans.ChangeLineKind,
    plans.LineKind,
    plans.SubscriptionState,
    plans.lifecycle.Actor,
    plans.lifecycle.AddOnStep,
    plans.lifecycle.CouponStep,
    plans.lifecycle.PauseCause,
    plans.lifecycle.PermissionState,
)


class Setting(NamedTuple):
    """`owner` is an enum, a dataclass, or a place in the price list; `name` its member or field."""

    owner: str
    name: str
    word: str  # as people write it
    needs_example: bool = True

    def __str__(self) -> str:
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True, slots=True)
class Told:
    """What pages tell: words in code type outside the blocks, settings that run blocks use."""

    words: frozenset[str]
    examples: frozenset[tuple[str, str]]


# The list, from the code.


def mentioned_types(annotation: object) -> Iterator[type]:
    """The classes an annotation leads to, through unions and containers."""
    if get_origin(annotation) in (Union, UnionType, tuple, frozenset):
        for inner in get_args(annotation):
            yield from mentioned_types(inner)
    elif isinstance(annotation, type):
        yield annotation


def reached(roots: Iterable[type]) -> tuple[type, ...]:
    """Every dataclass and enum that the roots' fields lead to, the roots included."""
    found: dict[type, None] = {}
    todo = list(roots)
    while todo:
        each = todo.pop()
        if each in found or not (is_dataclass(each) or issubclass(each, Enum)):
            continue
        found[each] = None
        if is_dataclass(each):
            for annotation in get_type_hints(each).values():
                todo.extend(mentioned_types(annotation))
    return tuple(found)


def settings_of(each: type) -> Iterator[Setting]:
    """The members of an enum, the fields of a dataclass."""
    if issubclass(each, Enum):
        for member in each:
            answer = each in ANSWERS
            yield Setting(each.__name__, member.name, str(member.value), not answer)
    elif is_dataclass(each):
        for one in fields(each):
            yield Setting(each.__name__, one.name, one.name)


def key_settings(known: dict[str, set[str]]) -> Iterator[Setting]:
    """The keys of each place of a price list."""
    for place, keys in known.items():
        yield from (Setting(place, key, key) for key in sorted(keys))


def door_enums() -> set[type[Enum]]:
    named = (getattr(door, name) for door in DOORS for name in door.__all__)
    return {each for each in named if isinstance(each, type) and issubclass(each, Enum)}


# What the pages tell.


def pages(entry: Path) -> list[Path]:
    """The page and those of its links that may explain settings."""
    targets = dict.fromkeys(LINK.findall(FENCED.sub("", entry.read_text(encoding="utf-8"))))
    linked = [entry.parent / f"{name}.md" for name in targets if MAY_EXPLAIN.fullmatch(name)]
    return [entry, *linked]


def words_of(text: str) -> Iterator[str]:
    """Every word in code type outside fenced blocks."""
    for span in re.findall(r"`([^`\n]+)`", FENCED.sub("", text)):
        yield from re.findall(r"\w+", span)


class Examples:
    """Gathers what run blocks use: members, fields, keys; and the keys that the reader knows."""

    def __init__(self, classes: Iterable[type]) -> None:
        self.classes = {each.__name__: each for each in classes}
        self.found: set[tuple[str, str]] = set()
        self.known_keys: dict[str, set[str]] = {}

    def add(self, block: Block) -> None:
        """Look at one block; it must run, succeed and check something to count."""
        if block.language == "console" and not {"skip", "exit"} & set(block.options):
            for step in steps(block):
                for document in re.findall(r"<<EOF\n(.*?)^EOF", step.command, re.M | re.S):
                    self._price_list(document)
        elif block.language == "python":
            tree = ast.parse(block.text)
            if any(isinstance(node, ast.Assert) for node in ast.walk(tree)):
                self._python(tree)

    def _python(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(ast.Name(owner), name) if owner in self.classes:
                    self.found.add((owner, name))
                case ast.Call(ast.Name(owner), given, named) if owner in self.classes:
                    self._call(self.classes[owner], given, named)
                case ast.Constant(str(text)) if "plans:" in text:
                    self._price_list(text)

    def _call(self, made: type, given: list[ast.expr], named: list[ast.keyword]) -> None:
        names = [one.name for one in fields(made)] if is_dataclass(made) else []
        self.found.update((made.__name__, name) for name in names[: len(given)])
        self.found.update((made.__name__, each.arg) for each in named if each.arg)

    def _price_list(self, text: str) -> None:
        seen: list[tuple[str, tuple[str, ...], Fields]] = []

        def noted(value: Value, *, known: Iterable[str]) -> Fields | None:
            keys = tuple(known)
            given = read_fields(value, known=keys)
            if given is not None:
                seen.append((place_of(value), keys, given))
            return given

        with pytest.MonkeyPatch.context() as patch:
            for reader in READERS:
                patch.setattr(reader, "read_fields", noted)
            try:
                catalogue = parse_catalogue(text)
            except CatalogueProblems:
                return
        for place, keys, given in seen:
            self.known_keys.setdefault(place, set()).update(keys)
            self.found.update((place, key) for key in given.values)
        for part in (*catalogue.plans.values(), *catalogue.all_prices, *catalogue.offers):
            self._value(part)

    def _value(self, value: object) -> None:
        if isinstance(value, Enum):
            self.found.add((type(value).__name__, value.name))
        elif isinstance(value, tuple | frozenset):
            for each in value:
                self._value(each)
        elif is_dataclass(value):
            for one in fields(value):
                given = getattr(value, one.name)
                if given != default_of(one):
                    self.found.add((type(value).__name__, one.name))
                    self._value(given)


def place_of(value: Value) -> str:
    """Name the place of a key: `plans.usage`; a dated price has the keys of a plan."""
    path = re.sub(r"\[\d+\]", "", value.path)
    return re.sub(r"^plans\.prices\b", "plans", path) or "file"


def default_of(one: Field[Any]) -> object:
    return one.default if one.default_factory is MISSING else one.default_factory()


def told_by(texts: Iterable[str], examples: Examples) -> Told:
    words: set[str] = set()
    for text in texts:
        words.update(words_of(text))
        for block in blocks(text, file=Path(ENTRY)):
            examples.add(block)
    return Told(frozenset(words), frozenset(examples.found))


def unexplained(settings: Iterable[Setting], told: Told) -> list[str]:
    """Say which settings are not explained, and what each of them lacks."""
    found = []
    for setting in settings:
        owner = setting.owner.rpartition(".")[2]
        for word in (setting.word, owner):
            # The file itself is the one place without a key.
            if word not in told.words and word != "file":
                found.append(f"{setting}: no page names `{word}`")
        if setting.needs_example and (setting.owner, setting.name) not in told.examples:
            found.append(f"{setting}: no executed example with an assert uses it")
    return sorted(set(found))


# The tables that give defaults.


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The cells of each table outside fenced blocks: its head, then its rows."""
    for table in re.findall(r"(?:^\|.*\n)+", FENCED.sub("", text) + "\n", re.M):
        rows = [
            [cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in table.splitlines()
        ]
        yield rows[0], rows[2:]


def default_text(given: object) -> str:
    """Write a default as the tables do."""
    match given:
        case None | ():
            return "none"
        case bool():
            return "yes" if given else "no"
        case Enum():
            return str(given.value)
        case frozenset():
            members: list[Any] = sorted(given)
            whole = bool(members) and set(members) == set(members[0].__class__)
            return "all" if whole else ", ".join(members)
        case int() | str():
            return str(given)
    return "its defaults" if is_dataclass(given) else "none"


def table_of_defaults(text: str) -> Iterator[tuple[str, str, str]]:
    """Give class, field and default of every row below "field of `Class`"."""
    for head, rows in tables(text):
        about = re.fullmatch(r"field of `(\w+)`", head[0])
        if about and "default" in head:
            column = head.index("default")
            for row in rows:
                for name in re.findall(r"`(\w+)`", row[0]):
                    yield about[1], name, row[column].replace("`", "").partition(":")[0]


def wrong_defaults(texts: Iterable[str], classes: Iterable[type]) -> list[str]:
    """Say where a table of defaults differs from the class, or leaves a field out."""
    known = {each.__name__: each for each in classes}
    given = [row for text in texts for row in table_of_defaults(text)]
    found = []
    for owner in dict.fromkeys(owner for owner, _, _ in given):
        told = {name: default for each, name, default in given if each == owner}
        real = {one.name: default_text(default_of(one)) for one in fields(known[owner])}
        for name in told.keys() | real.keys():
            if told.get(name) != real.get(name):
                found.append(f"{owner}.{name}: page {told.get(name)}, code {real.get(name)}")
    return sorted(found)
