"""Fixtures for every room: databases, a local Amazon Pay, Hypothesis profiles."""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from support.postgres import (
    PostgresServer,
    fresh_database,
    name_this_run,
    shared_server,
    stop_shared_server,
)
from support.postgres_binaries import PostgresUnavailable
from support.sandbox import Sandbox, SandboxStarter

# One round of the default profile is meant for every save. It and CI try the same examples every
# time, so that a red run is about the change; nightly looks for the rare case with fresh ones.
settings.register_profile("default", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("ci", max_examples=100, deadline=None, print_blob=True, derandomize=True)
settings.register_profile(
    "nightly",
    max_examples=20_000,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Several processes share the files: those that take minutes begin first, so that none is left
# alone with one of them at the end.
LONGEST = (
    *("test_years", "test_docs_examples", "test_kill", "test_web_browser", "test_state_machines"),
    *("test_runbooks_examples", "test_worlds", "test_audit", "test_unknown_outcomes"),
)
LONG_FIRST = ("simulation", "faults", "scenarios", "scheduler", "app", "amazonpay", "house")
MEMORY = Path("/dev/shm")
ROOM_NEEDED = 6 * 1024**3  # bytes; a whole run leaves about 2 GiB
STARTS_A_SERVER = frozenset({"postgres_server", "start_sandbox"})
SERVER_OF_TEST = pytest.StashKey[PostgresServer]()


def pytest_configure(config: pytest.Config) -> None:
    _work_in_memory()
    name_this_run()
    # What was imported and collected stays for the whole run: no use looking through it for
    # garbage again and again.
    gc.set_threshold(50_000, 20, 50)


def _work_in_memory() -> None:
    """Put databases and folders of tests where no disk is waited for, if there is room.

    They need no disk to be right: processes are killed, machines are not. Thousands of databases
    are made and dropped, which took a third of the time of a run.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK | os.X_OK):
        return
    if shutil.disk_usage(MEMORY).free >= ROOM_NEEDED:
        os.environ["TMPDIR"] = str(MEMORY)  # workers and programs under test follow
        tempfile.tempdir = None


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    stop_shared_server()


@pytest.hookimpl(tryfirst=True)  # before `-m "not slow"` looks at the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    tests = config.rootpath / "tests"
    rank = {name: number for number, name in enumerate((*LONGEST, *LONG_FIRST))}

    def rank_of(item: pytest.Item) -> int:
        inside = item.path.relative_to(tests).parts if item.path.is_relative_to(tests) else ("",)
        return min(rank.get(inside[0], len(rank)), rank.get(item.path.stem, len(rank)))

    items.sort(key=rank_of)
    for item in items:
        if STARTS_A_SERVER.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    server = item.stash.get(SERVER_OF_TEST, None)
    if server is not None and report.failed:
        report.sections.append(("PostgreSQL log, last lines", server.log_tail()))
    return report


@pytest.fixture(scope="session")
def postgres_server() -> PostgresServer:
    """The PostgreSQL of this test run, shared by all workers."""
    try:
        return shared_server()
    except PostgresUnavailable as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty PostgreSQL database, dropped after the test."""
    request.node.stash[SERVER_OF_TEST] = postgres_server
    with fresh_database(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'autopay.sqlite3'}"


@pytest.fixture(
    params=[
        pytest.param("sqlite_url", id="sqlite"),
        pytest.param("postgres_url", id="postgresql", marks=pytest.mark.slow),
    ]
)
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture(scope="session")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStarter]:
    """Start local Amazon Pays with options of your own; they end with the session."""
    starter = SandboxStarter(new_folder=lambda: tmp_path_factory.mktemp("sandbox"))
    with starter:
        yield starter


@pytest.fixture(scope="module")
def shared_sandbox(start_sandbox: SandboxStarter) -> Iterator[Sandbox]:
    """One local Amazon Pay for all tests of a module; prefer `sandbox`, which empties it."""
    running = start_sandbox()
    yield running
    start_sandbox.end(running)


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Sandbox:
    """A local Amazon Pay, empty and without faults, in a process of its own."""
    shared_sandbox.reset()
    return shared_sandbox
