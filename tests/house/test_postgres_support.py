"""The PostgreSQL of the tests: it can be had, it is empty, and nothing of it stays behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, inspect, text
from support.postgres import (
    TESTS_FOLDER,
    external_server,
    fresh_database,
    start_server,
    stop_server,
)
from support.postgres_binaries import (
    SYSTEM_ROOT,
    PostgresUnavailable,
    find_binaries,
    system_binaries,
    wheel_binaries,
)
from support.processes import gone_within, is_running

NOT_THERE = Path("/nonexistent/postgresql")


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder with a path short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="autopay-pg-"))
    yield folder
    stop_server(folder)


def ask(url: str, statement: str) -> object:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def test_the_fixture_gives_an_empty_database(database_url: str) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    assert inspect(engine).get_table_names() == []
    assert database_url.startswith(("sqlite:///", "postgresql+psycopg://"))


def test_two_tests_do_not_see_each_other(postgres_server, postgres_url: str) -> None:
    with fresh_database(postgres_server) as other:
        assert ask(other, "SELECT current_database()") != ask(
            postgres_url, "SELECT current_database()"
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    "system_root",
    [pytest.param(SYSTEM_ROOT, id="system"), pytest.param(NOT_THERE, id="wheel")],
)
def test_a_server_starts_from_either_source(base: Path, system_root: Path) -> None:
    if system_root == SYSTEM_ROOT and system_binaries() is None:
        pytest.skip("this machine has no PostgreSQL of its own; the wheel's is tested")
    server = start_server(base, watch=os.getpid(), system_root=system_root)
    with fresh_database(server) as url:
        assert ask(url, "SELECT 1 + 1") == 2
    stop_server(base)
    assert not base.exists()


@pytest.mark.slow
def test_the_wheel_is_copied_where_the_unprivileged_user_cannot_reach_it(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has to become another user")
    hidden = Path(tempfile.mkdtemp(prefix="autopay-hidden-"))  # 0700 and root's own
    try:
        installed = wheel_binaries(copy_to=base)
        assert installed is not None
        package = Path(installed.folder).parents[1]
        shutil.copytree(package, hidden / package.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        shutil.copytree(libraries, hidden / libraries.name)
        monkeypatch.syspath_prepend(hidden)
        server = start_server(base, watch=os.getpid(), system_root=NOT_THERE)
        assert (base / package.name).is_dir()
        with fresh_database(server) as url:
            assert ask(url, "SELECT 1 + 1") == 2
    finally:
        shutil.rmtree(hidden)


@pytest.mark.slow
def test_a_killed_run_leaves_neither_server_nor_folder(base: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from support.postgres import start_server\n"
        "start_server(Path(sys.argv[1]), watch=os.getpid())\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, base], cwd=TESTS_FOLDER, stdout=subprocess.PIPE
    )
    with run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        server = int((base / "data" / "postmaster.pid").read_text().split()[0])
        run.send_signal(signal.SIGKILL)
    assert gone_within(10, lambda: base.exists() or is_running(server))


@pytest.mark.slow
def test_a_killed_keeper_takes_the_server_with_it(base: Path) -> None:
    start_server(base, watch=os.getpid())
    server = int((base / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(int((base / "keeper.pid").read_text()), signal.SIGKILL)
    if sys.platform != "linux":
        os.kill(server, signal.SIGQUIT)  # only Linux tells a child of its parent's death
    assert gone_within(10, lambda: is_running(server))


def test_without_any_postgresql_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.postgres_binaries.WHEEL_PACKAGE", "no_such_wheel")
    with pytest.raises(PostgresUnavailable, match=r"(?s)make setup.*apt install postgresql.*URL"):
        find_binaries(copy_to=tmp_path, system_root=NOT_THERE)


def test_a_server_of_the_developer_that_does_not_answer_is_named() -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    with pytest.raises(
        PostgresUnavailable, match=r"AUTOPAY_TEST_DATABASE_URL=.*127\.0\.0\.1"
    ) as error:
        external_server(url)
    assert "secret" not in str(error.value)


@pytest.mark.slow
def test_a_server_of_the_developer_is_used(base: Path) -> None:
    own = start_server(base, watch=os.getpid())
    server = external_server(own.admin_url.render_as_string(hide_password=False))
    with fresh_database(server) as url:
        assert ask(url, "SELECT 1 + 1") == 2
