"""Read the fenced blocks of a Markdown file and run them, so that no example can grow old.

console: a line `$ command` is run by bash, `> ` continues it, the lines after it are its output;
`…` stands for any text, and alone on a line for any lines. The commands of one file run in order
in one folder, each in its own bash, and must succeed unless the block says `exit=N`.
A block opened with `console skip=reason` is not run. python is executed, json is parsed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from support.house import ROOT, tracked_files
from support.ready_autopay import quick_folder

SECONDS_PER_EXAMPLE = 120
ANYTHING = "…"
FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,})(?P<info>[^`]*)$")

# Too long for a test of the documents; the suite and the demo's own tests cover what they do.
MAY_BE_SKIPPED = frozenset({"make demo", "make test"})


class WrongExample(AssertionError):
    """An example does not do what the document says."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: where it begins, its language, its options, its text."""

    file: Path
    line: int
    language: str
    options: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        """For messages: file and line."""
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Step:
    """One command of a console block and the output that the document shows."""

    command: str
    output: list[str] = field(default_factory=list)


def blocks(text: str, *, file: Path) -> list[Block]:
    """All fenced blocks of a Markdown text. Raises WrongExample when one is never closed."""
    found: list[Block] = []
    opened: tuple[int, str, str, str] | None = None
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened = (number, fence["indent"], fence["fence"], fence["info"].strip())
            body = []
        elif opened and line.strip() == opened[2]:
            found.append(_block(file, opened[0], opened[3], body))
            opened = None
        elif opened:
            body.append(line.removeprefix(opened[1]))
    if opened is not None:
        raise WrongExample(f"{file}:{opened[0]}: this fenced block is never closed")
    return found


def _block(file: Path, line: int, info: str, body: list[str]) -> Block:
    language, _, rest = info.partition(" ")
    # `skip=` takes the rest of the line: a reason is a sentence.
    head, skips, reason = rest.partition("skip=")
    options = dict(option.split("=", 1) for option in head.split() if "=" in option)
    if skips:
        options["skip"] = reason.strip()
    return Block(file=file, line=line, language=language, options=options, text="\n".join(body))


def steps(block: Block) -> list[Step]:
    """The commands of a console block. Raises WrongExample when output comes before a command."""
    found: list[Step] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Step(command=line[2:]))
        elif not found:
            raise WrongExample(f"{block.place}: a console block begins with a line `$ command`")
        elif (line == ">" or line.startswith("> ")) and not found[-1].output:
            found[-1].command += "\n" + line[2:]
        else:
            found[-1].output.append(line)
    return found


def check_skip(block: Block) -> None:
    """Raise WrongExample when a block is skipped without a reason or without need."""
    if not block.options["skip"]:
        raise WrongExample(f"{block.place}: say why it is skipped: ```console skip=reason")
    needless = [step.command for step in steps(block) if step.command not in MAY_BE_SKIPPED]
    if needless:
        raise WrongExample(
            f"{block.place}: only {', '.join(sorted(MAY_BE_SKIPPED))} may be skipped, not "
            f"{needless[0]!r}: put it into a block that is run"
        )


def pages() -> list[Path]:
    """Every page that people read: the two at the top, and all documents."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def run_examples_of(page: Path, *, folder: Path) -> None:
    """Run all examples of a page in a folder that becomes a copy of the project if need be."""
    examples = blocks(page.read_text(encoding="utf-8"), file=page.relative_to(ROOT))
    if any(example.language in {"console", "python"} for example in examples):
        copy_of_the_project(folder)
    for example in examples:
        run(example, folder=folder)


def run(block: Block, *, folder: Path) -> None:
    """Run one block in `folder`. Raises WrongExample with the difference when it goes wrong."""
    if block.language == "console" and "skip" in block.options:
        check_skip(block)
    elif block.language == "console":
        _run_console(block, folder)
    elif block.language == "python":
        _run_python(block, folder)
    elif block.language == "json":
        try:
            json.loads(block.text)
        except ValueError as error:
            raise WrongExample(f"{block.place}: not JSON: {error}") from error


def _run_console(block: Block, folder: Path) -> None:
    todo = steps(block)
    for step in todo:
        code, output = _run([*("bash", "-o", "pipefail", "-c"), step.command], folder)
        expected_code = int(block.options.get("exit", "0")) if step is todo[-1] else 0
        if code != expected_code:
            raise WrongExample(
                f"{block.place}: `{step.command}` ended with {code}, not {expected_code}:\n{output}"
            )
        if not matches("\n".join(step.output), output):
            raise WrongExample(
                f"{block.place}: `{step.command}`\n--- the document says\n"
                + "\n".join(step.output)
                + f"\n--- it printed\n{output}"
            )


def _run_python(block: Block, folder: Path) -> None:
    code, output = _run([sys.executable, "-W", "error", "-c", block.text], folder)
    if code != 0:
        raise WrongExample(f"{block.place}: ended with {code}:\n{output}")


def _run(command: list[str], folder: Path) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=SECONDS_PER_EXAMPLE,
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")


def environment(folder: Path) -> dict[str, str]:
    """A new user's shell: no settings of this machine, our commands on the PATH."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AUTOPAY_")}
    ours = quick_folder(), Path(sys.executable).parent
    return kept | {
        "PATH": os.pathsep.join([*map(str, ours), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }


def matches(expected: str, actual: str) -> bool:
    """True when the output is what the document shows; trailing blanks do not count."""
    pattern = "".join(_patterns(expected.strip("\n").splitlines()))
    printed = "".join(f"{line.rstrip()}\n" for line in actual.strip("\n").splitlines())
    return re.fullmatch(pattern, printed) is not None


def _patterns(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.strip() == ANYTHING:
            yield r"(?:.*\n)*"
        else:
            yield ".*".join(re.escape(part) for part in line.rstrip().split(ANYTHING)) + r"\n"


def copy_of_the_project(folder: Path) -> Path:
    """A copy of the project's files, as after `git clone`: nothing that was set up or made."""
    for file in tracked_files():
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)
    return folder
