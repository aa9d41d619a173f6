"""The map of the house as the tests about it see it: rooms, modules, tracked files."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Top floor first: a room may import those after it.
ROOMS = ("app", "scheduler", "billing", "plans", "amazonpay")

# Packages that others import from. Nothing may import the top floor; the local Amazon Pay is a
# program of its own inside its room, so it has a door of its own. So have the modules that
# need numpy: it would make every command start later.
DOORS = (
    *ROOMS[1:],
    "amazonpay.buttons",
    "amazonpay.cv1",
    "amazonpay.notifications",
    "amazonpay.sandbox",
    "plans.columnar_calendar",
    "plans.lifecycle",
    "billing.agreements",
    "billing.approvals",
    "billing.checkouts",
    "billing.customers",
    "billing.bulk_work",
    "billing.bulk_work.price_change",
    "billing.desk",
    "billing.dunning",
    "billing.deliveries",
    "billing.store.environment",
    "billing.evidence",
    "billing.mass_forecast",
    "billing.notifications",
    "billing.one_off",
    "billing.quotes",
    "billing.restore",
    "billing.settings",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of the house."""

    path: Path  # relative to the root
    text: str
    tree: ast.Module

    @property
    def dotted(self) -> str:
        """Its name in an import statement."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def is_under(self, *dotted: str) -> bool:
        """True when it is, or lies below, one of the given packages or modules."""
        return any(self.dotted == name or self.dotted.startswith(f"{name}.") for name in dotted)

    def functions(self) -> Iterator[Function]:
        """Every function and method, nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every Python file under the given top-level folders, in order of their paths."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return tuple(read(file) for file in files if "__pycache__" not in file.parts)


def read(file: Path, *, root: Path = ROOT) -> Module:
    """Parse one file."""
    text = file.read_text(encoding="utf-8")
    return Module(path=file.relative_to(root), text=text, tree=ast.parse(text))


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file that is part of the project: what git tracks, or would if it were added now.

    Outside a git checkout (an unpacked archive) every file that is not hidden or generated.
    """
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
        return tuple(path for name in names if name and (path := ROOT / name).is_file())
    generated = {".venv", "__pycache__", "var", "dist", "build"}
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not generated.intersection(path.relative_to(ROOT).parts)
    )
