"""`.ci/run` runs the linters, then the README's test command, and fails when either does."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from support.house import ROOT

MAKEFILE = """\
check test:
\t@echo "$@ CI=$$CI stdin=$$(wc -c)"
\t@test "$@" != "$(BREAK)"
"""


def run(folder: Path, *, broken: str) -> subprocess.CompletedProcess[str]:
    (folder / ".ci").mkdir()
    shutil.copy2(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "Makefile").write_text(MAKEFILE)
    outside = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        [folder / ".ci" / "run"],
        cwd="/",  # it finds its checkout by itself
        env=outside | {"BREAK": broken},
        input="words on standard input",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("broken", "ran", "succeeds"),
    [
        pytest.param("", ["check", "test"], True, id="all green"),
        pytest.param("check", ["check"], False, id="linters fail"),
        pytest.param("test", ["check", "test"], False, id="tests fail"),
    ],
)
def test_it_fails_with_its_first_failing_step(
    tmp_path: Path, broken: str, ran: list[str], succeeds: bool
) -> None:
    result = run(tmp_path, broken=broken)
    assert (result.returncode == 0) == succeeds
    steps = [line for line in result.stdout.splitlines() if "CI=" in line]
    assert steps == [f"{step} CI=true stdin=0" for step in ran]
    assert "== make check" in result.stdout


def test_the_readme_names_the_command_that_guards_main() -> None:
    assert "$ make test\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "step make test\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
