"""A local Amazon Pay with TLS: programs that were written for Amazon speak nothing else."""

from collections.abc import Iterator

import pytest
from support.sandbox import Sandbox, SandboxStarter


@pytest.fixture(scope="module")
def running(start_sandbox: SandboxStarter) -> Iterator[Sandbox]:
    """One process for the tests of a module."""
    sandbox = start_sandbox(options=["--tls"])
    yield sandbox
    start_sandbox.end(sandbox)


@pytest.fixture
def amazon(running: Sandbox) -> Sandbox:
    """That process, empty."""
    running.reset()
    return running


@pytest.fixture
def trust_local_ca(amazon: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Makes `requests` trust the local authority, and no proxy stand in between."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(amazon.ca_file))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return amazon
