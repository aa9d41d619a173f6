"""Every example in README.md and docs/ does what the page says, and every link leads somewhere."""

import re
from pathlib import Path

import pytest
from support.doc_examples import (
    WrongExample,
    blocks,
    matches,
    pages,
    run,
    run_examples_of,
    steps,
)
from support.house import ROOT

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


# The runbooks have a file of their own, so that both run side by side.
@pytest.mark.parametrize("page", [page for page in PAGES if "runbooks" not in str(page.id)])
def test_the_examples_of_a_page_work(page: Path, tmp_path: Path) -> None:
    run_examples_of(page, folder=tmp_path)


@pytest.mark.parametrize("page", PAGES)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    inside = [target for target in targets if "://" not in target]
    missing = [target for target in inside if not (page.parent / target).exists()]
    assert not missing, f"{page.relative_to(ROOT)} links to {missing}, which do not exist"


def test_the_map_of_the_documents_names_every_page() -> None:
    folder = ROOT / "docs"
    named = {(folder / link).resolve() for link in LINK.findall((folder / "README.md").read_text())}
    pages = {page for page in folder.rglob("*.md") if page != folder / "README.md"}
    unnamed = sorted(str(page.relative_to(folder)) for page in pages - named)
    assert not unnamed, f"docs/README.md does not mention {unnamed}"


# The runner itself, shown on small pages.


def run_page(text: str, folder: Path) -> None:
    for block in blocks(text, file=Path("page.md")):
        run(block, folder=folder)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("```console\n$ echo one; echo two\none\ntwo\n```", id="exact output"),
        pytest.param("```console\n$ echo 'took 12 s'\ntook … s\n```", id="… inside a line"),
        pytest.param("```console\n$ seq 5\n1\n…\n5\n```", id="… for lines"),
        pytest.param("```console\n$ true\n```", id="no output"),
        pytest.param("```console exit=3\n$ true\n$ echo no; exit 3\nno\n```", id="exit code"),
        pytest.param("```console\n$ cat <<EOF\n> a\n> EOF\na\n```", id="continued command"),
        pytest.param(
            "```console\n$ echo a > f\n```\ntext\n```console\n$ cat f\na\n```", id="one folder"
        ),
        pytest.param("```console skip=takes minutes\n$ make demo\n```", id="may be skipped"),
        pytest.param("```python\nassert 1 + 1 == 2\n```", id="python"),
        pytest.param('```json\n{"yen": 1980}\n```', id="json"),
        pytest.param("```text\n$ nothing is run here\n```", id="other languages"),
        pytest.param("- item\n\n  ```console\n  $ echo a\n  a\n  ```", id="inside a list"),
    ],
)
def test_a_true_page_passes(page: str, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@pytest.mark.parametrize(
    ("page", "message"),
    [
        pytest.param("```console\n$ echo one\ntwo\n```", r"(?s)page\.md:1.*two.*one", id="output"),
        pytest.param("```console\n$ echo one\n```", "one", id="output that is not shown"),
        pytest.param("```console\n$ exit 4\n```", "ended with 4, not 0", id="failure"),
        pytest.param("```console\n$ exit 4 | cat\n```", "ended with 4", id="failure in a pipe"),
        pytest.param("```console\nno command\n```", "begins with", id="no command"),
        pytest.param("```console skip=\n$ make demo\n```", "say why", id="no reason"),
        pytest.param("```console skip=slow\n$ autopay run\n```", "only make demo", id="no need"),
        pytest.param("```python\n1 + None\n```", "TypeError", id="python"),
        pytest.param('```json\n{"yen": }\n```', "not JSON", id="json"),
        pytest.param("```console\n$ true\n", "never closed", id="never closed"),
    ],
)
def test_a_false_page_is_caught(page: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(WrongExample, match=message):
        run_page(page, tmp_path)


def test_dots_stand_for_text_of_one_line_only() -> None:
    assert matches("a … c", "a b c\n")
    assert not matches("a … c", "a b\nb c\n")
    assert matches("…", "")


def test_examples_do_not_see_the_settings_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOPAY_DATABASE_URL", "sqlite:///mine")
    run_page("```console\n$ env | grep -c ^AUTOPAY_ || true\n0\n```", tmp_path)


def test_output_belongs_to_the_command_before_it() -> None:
    (block,) = blocks("```console\n$ a\n1\n$ b\n2\n3\n```", file=Path("page.md"))
    assert [(step.command, step.output) for step in steps(block)] == [
        ("a", ["1"]),
        ("b", ["2", "3"]),
    ]
