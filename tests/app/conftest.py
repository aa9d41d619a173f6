"""A user at a terminal, with and without prepared books."""

import os
import shutil
from pathlib import Path

import pytest
from cli_user import CATALOGUE, DATA, User

HEADER_AND_FIRST_ROWS = 4


@pytest.fixture(scope="session")
def bytecode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled modules, shared by every command of the run, whichever worker starts it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bytecode"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def autopay(tmp_path: Path, bytecode: Path) -> User:
    """The command line in an empty folder."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return User(folder, bytecode)


@pytest.fixture(scope="session")
def few_subscribers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first three subscribers of the sample, due on 2026-11-30 and 2026-12-20."""
    file = tmp_path_factory.mktemp("files") / "few.csv"
    lines = (DATA / "subscribers.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:HEADER_AND_FIRST_ROWS]), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def prepared_folder(
    tmp_path_factory: pytest.TempPathFactory, bytecode: Path, few_subscribers: Path
) -> Path:
    """Books with the sample's prices and three subscribers; copied, never used."""
    user = User(tmp_path_factory.mktemp("prepared"), bytecode)
    for arguments in (
        ("migrate",),
        ("catalogue", "import", CATALOGUE),
        ("subscribers", "import", few_subscribers),
    ):
        said = user(*arguments)
        assert said.exit_code == 0, said
    return user.folder


@pytest.fixture
def shop(autopay: User, prepared_folder: Path) -> User:
    """The command line in a folder with prepared books."""
    shutil.copytree(prepared_folder, autopay.folder, dirs_exist_ok=True)
    return autopay
