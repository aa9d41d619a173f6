"""docs/plans.md, with the pages it links, names every setting and executes an example of it.

What counts as a setting, as named and as an example: `support.explained_settings`.
"""

from dataclasses import MISSING, field, fields, make_dataclass
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest
from support.explained_settings import (
    ANSWERS,
    ENTRY,
    ROOTS,
    Examples,
    door_enums,
    key_settings,
    pages,
    reached,
    settings_of,
    table_of_defaults,
    tables,
    told_by,
    unexplained,
    wrong_defaults,
)
from support.house import ROOT

import plans.lifecycle
from plans.catalogue_file import file, offers, prices

# The pages as they are.


def test_every_setting_is_named_and_has_an_executed_example() -> None:
    classes = reached((*ROOTS, *ANSWERS))
    texts = [page.read_text(encoding="utf-8") for page in pages(ROOT / ENTRY)]
    examples = Examples(classes)
    told = told_by(texts, examples)
    settings = [each for one in classes for each in settings_of(one)]
    settings += key_settings(examples.known_keys)
    assert len(settings) > 250, "the list of settings has shrunk: is it still read from the code?"
    missing = unexplained(settings, told)
    assert not missing, f"{ENTRY} and its pages leave out:\n" + "\n".join(missing)


def test_the_defaults_on_the_pages_are_those_of_the_code() -> None:
    texts = [page.read_text(encoding="utf-8") for page in pages(ROOT / ENTRY)]
    assert wrong_defaults(texts, reached(ROOTS)) == []
    told = {owner for text in texts for owner, _, _ in table_of_defaults(text)}
    assert told >= {"Anchor", "ChangeRule", "Interval", "Policy", "ProrationRule", "QuoteRules"}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(each, id=each.__name__)
        for each in get_args(plans.lifecycle.Command)
        if fields(each)
    ],
)
def test_the_table_of_commands_says_what_each_must_and_may_say(command: type) -> None:
    page = (ROOT / "docs/life-of-a-subscription.md").read_text(encoding="utf-8")
    (rows,) = [rows for head, rows in tables(page) if head[1:2] == ["must say"]]
    (row,) = [row for row in rows if f"`{command.__name__}`" in row[0]]
    for one in fields(command):
        column = 1 if one.default is MISSING else 2
        assert f"`{one.name}`" in row[column], f"{command.__name__}.{one.name}: {row[column]}"


def test_every_enum_of_the_doors_is_a_setting_or_an_answer() -> None:
    lost = door_enums() - set(reached(ROOTS)) - set(ANSWERS)
    names = sorted(each.__name__ for each in lost)
    assert not names, f"say in this test whether {names} are settings (ROOTS) or ANSWERS"


def test_the_places_of_a_price_list_are_found_by_reading_it() -> None:
    examples = Examples(())
    told_by([page.read_text(encoding="utf-8") for page in pages(ROOT / ENTRY)], examples)
    assert set(prices.PLAN_KEYS) == examples.known_keys["plans"]
    assert {"plans", *offers.SECTIONS} == examples.known_keys["file"]
    assert {"up_to", "unit_price"} == examples.known_keys["plans.usage.tiers"]


# The checker itself, shown on settings that are planted.


class Shade(StrEnum):
    DARK = "dark"


Paint = make_dataclass("Paint", [("shade", Shade), ("litres", int, field(default=1))])
GOOD = """`dark` `shade` `litres` `Paint` `Shade`

```python
assert Paint(Shade.DARK, litres=2)
```
"""


def faults(text: str) -> list[str]:
    examples = Examples((Shade, Paint))
    settings = [each for one in (Shade, Paint) for each in settings_of(one)]
    return unexplained(settings, told_by([text], examples))


def test_a_page_that_names_and_runs_everything_passes() -> None:
    assert faults(GOOD) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(GOOD.replace("`litres`", "litres"), "names `litres`", id="not named"),
        pytest.param(GOOD.replace(", litres=2", ""), "Paint.litres: no executed", id="not used"),
        pytest.param(GOOD.replace("Shade.DARK", "1"), "Shade.DARK: no executed", id="no choice"),
        pytest.param(GOOD.replace("assert ", ""), "Paint.shade: no executed", id="no assert"),
        pytest.param(GOOD.replace("python", "text"), "Paint.shade: no executed", id="not run"),
        pytest.param(GOOD.replace("`dark` ", ""), "Shade.DARK: no page", id="only in the block"),
    ],
)
def test_what_is_not_explained_is_named(text: str, fault: str) -> None:
    assert any(fault in each for each in faults(text)), faults(text)


@pytest.mark.parametrize(
    ("rows", "faults"),
    [
        pytest.param("| `shade` | none |\n| `litres` | 1 |", [], id="true"),
        pytest.param(
            "| `shade` | none: say it |\n| `litres` | 2 |",
            ["Paint.litres: page 2, code 1"],
            id="another default",
        ),
        pytest.param("| `litres` | 1 |", ["Paint.shade: page None, code none"], id="left out"),
        pytest.param(
            "| `shade`, `litres`, `tin` | 1 |",
            ["Paint.shade: page 1, code none", "Paint.tin: page 1, code None"],
            id="made up",
        ),
    ],
)
def test_a_false_default_is_named(rows: str, faults: list[str]) -> None:
    text = f"| field of `Paint` | default |\n|---|---|\n{rows}\n"
    assert wrong_defaults([text], (Paint,)) == faults


def test_a_class_that_no_page_names_is_told_with_its_settings() -> None:
    nameless = GOOD.replace("`Paint` ", "")
    assert faults(nameless) == [
        "Paint.litres: no page names `Paint`",
        "Paint.shade: no page names `Paint`",
    ]


PRICE_LIST = """`plans` `code` `name` `ja` `en` `price` `tax` `every` `unit` `count`

```python
text = '''plans:
  - {code: a, name: {ja: あ, en: A}, price: 1, tax: standard, every: {unit: month, count: 1}}'''
assert text
```
"""


def key_faults(text: str) -> list[str]:
    examples = Examples(())
    told = told_by([text], examples)
    return unexplained(key_settings(examples.known_keys), told)


def test_a_key_that_the_reader_knows_and_no_page_shows_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(file, "PLAN_KEYS", (*prices.PLAN_KEYS, "surprise"))
    found = key_faults(PRICE_LIST)
    assert "plans.surprise: no page names `surprise`" in found
    assert "plans.surprise: no executed example with an assert uses it" in found
    assert not [each for each in found if each.startswith(("plans.every.", "plans.name."))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("price: 1,", "price: 0,", id="a price list with a fault"),
        pytest.param("```python", "```console exit=1", id="a command that fails"),
        pytest.param("assert text", "text", id="no assert"),
    ],
)
def test_an_example_that_fails_or_checks_nothing_does_not_count(old: str, new: str) -> None:
    assert key_faults(PRICE_LIST.replace(old, new)) == []  # nothing was read at all
    examples = Examples(())
    told = told_by([PRICE_LIST.replace(old, new)], examples)
    assert not told.examples


def test_a_page_counts_only_when_the_entry_links_it(tmp_path: Path) -> None:
    entry = tmp_path / "plans.md"
    entry.write_text(
        "[a](quotes.md) [b](words.md) [c](plans/more.md#part)\n```text\n](x.md)\n```\n"
    )
    assert [page.name for page in pages(entry)] == ["plans.md", "quotes.md", "more.md"]
