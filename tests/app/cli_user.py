"""Runs the installed `autopay` as a user does: a process of its own, in a folder of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ready_autopay import quick_folder

PROGRAM = Path(sys.executable).parent / "autopay"
DATA = Path(__file__).parents[1] / "data"
CATALOGUE = DATA / "catalogue.yaml"
BAD_SUBSCRIBERS = DATA / "subscribers-bad.csv"
SECONDS = 60


@dataclass(frozen=True)
class Said:
    """What a command left on the screen."""

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.output)

    @property
    def lines(self) -> list[Any]:
        """JSON lines on standard output."""
        return [json.loads(line) for line in self.output.splitlines()]


@dataclass(frozen=True)
class User:
    """Somebody at a terminal in `folder`, whose environment holds nothing of autopay."""

    folder: Path
    bytecode: Path

    def __call__(self, *arguments: object, stdin: str = "", **settings: object) -> Said:
        """Run one command; `settings` are given without their AUTOPAY_, in lower case."""
        done = subprocess.run(
            [quick_folder() / "autopay", *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(settings),
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def environment(self, settings: dict[str, object]) -> dict[str, str]:
        """The variables of a command."""
        ours = {f"AUTOPAY_{name.upper()}": str(value) for name, value in settings.items()}
        # Without compiled modules every command would spend two more seconds on compiling.
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPYCACHEPREFIX": str(self.bytecode),
        } | ours


def refusal(said: Said, *, code: int = 1) -> str:
    """The one line that a refused command left on standard error, and nothing else anywhere."""
    assert said.exit_code == code, said
    assert said.output == "", said
    lines = said.errors.splitlines()
    assert len(lines) == 1, said
    assert "Traceback" not in lines[0]
    assert "fault of autopay itself" not in lines[0]
    return lines[0]
