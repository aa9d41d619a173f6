"""What the command line says of itself, and of folders in which it cannot live."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from amazonpay.sandbox import main

COMMAND = [sys.executable, "-m", "amazonpay.sandbox"]


def a_file(folder: Path) -> Path:
    (folder / "notes.txt").write_text("mine")
    return folder / "notes.txt"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "amazon"


def a_circle(folder: Path) -> Path:
    (folder / "circle").symlink_to(folder / "circle")
    return folder / "circle"


def not_writable(folder: Path) -> Path:
    # A folder where a file is to be written stops root as well, whom no permission does.
    (folder / ".gitignore").mkdir()
    return folder


def no_room_for_the_state(folder: Path) -> Path:
    (folder / "state.db").mkdir()
    return folder


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (a_file, "must be a folder, and a file is in the way"),
        (below_a_file, "must be a folder, and a file is in the way"),
        (a_circle, "must be a folder, and a file is in the way"),
        (not_writable, "must be a folder that can be written to"),
        (no_room_for_the_state, "must keep a state.db that can be written to"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], Path],
    rule: str,
) -> None:
    folder = make(tmp_path)
    assert main(["--dir", str(folder)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert told.err.startswith(f"local Amazon Pay: --dir {folder} {rule}")
    assert "choose another --dir or " in told.err


def test_a_folder_that_may_be_read_only_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Said by the system in place of chmod, from which root would notice nothing.
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["--dir", str(tmp_path)]) == 1
    assert "must be a folder that can be written to (Permission denied)" in capsys.readouterr().err


def test_what_was_in_the_way_is_left_alone(tmp_path: Path) -> None:
    file = a_file(tmp_path)
    assert main(["--dir", str(file)]) == 1
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "name"),
    [({}, "python -m amazonpay.sandbox"), ({"program": "autopay sandbox"}, "autopay sandbox")],
    ids=["by itself", "by autopay"],
)
def test_it_calls_itself_as_it_was_called(
    capsys: pytest.CaptureFixture[str], options: dict[str, str], name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"], **options)
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert told.startswith(f"usage: {name} [-h]")
    assert f"\n  {name} --port 8765" in told
    with pytest.raises(SystemExit):
        main(["--port", "x"], **options)
    assert f"{name}: error: argument --port" in capsys.readouterr().err


@pytest.mark.slow
def test_the_module_and_the_command_have_their_own_names() -> None:
    autopay = Path(sys.executable).with_name("autopay")
    for command, name in ((COMMAND, "python -m amazonpay.sandbox"), ([autopay, "sandbox"], "")):
        done = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=30)
        assert done.stdout.startswith(f"usage: {name or 'autopay sandbox'} [-h]")
