"""A lock file names public registries only, and a stranger is named with its line."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.house import ROOT

SCRIPT = ROOT / "scripts" / "check_lock_hosts.py"

GOOD_UV = """\
version = 1
[[package]]
name = "alembic"
source = { registry = "https://pypi.org/simple" }
sdist = { url = "https://files.pythonhosted.org/packages/93/1c/alembic-1.20.1.tar.gz" }
"""
GOOD_NPM = """\
{"packages": {"node_modules/a": {
  "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz",
  "funding": {"url": "https://github.com/sponsors/a"}
}}}
"""


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *files], capture_output=True, text=True, check=False
    )


def test_the_projects_own_lock_names_public_hosts_only() -> None:
    assert check().stdout == ""
    assert check().returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("uv.lock", GOOD_UV, id="uv"),
        pytest.param("package-lock.json", GOOD_NPM, id="npm"),
    ],
)
def test_a_good_lock_passes(tmp_path: Path, name: str, text: str) -> None:
    lock = tmp_path / name
    lock.write_text(text)
    assert check(lock).returncode == 0


@pytest.mark.parametrize(
    ("name", "line", "host"),
    [
        pytest.param(
            "uv.lock",
            'source = { registry = "https://mirror.example/simple" }',
            "mirror.example",
            id="another index",
        ),
        pytest.param(
            "uv.lock",
            'sdist = { url = "https://pypi.org.evil.example/a.tar.gz" }',
            "pypi.org.evil.example",
            id="a host that begins like a good one",
        ),
        pytest.param(
            "uv.lock",
            'source = { registry = "http://pypi.org/simple" }',
            "pypi.org",
            id="without TLS",
        ),
        pytest.param(
            "uv.lock",
            'source = { registry = "https://me:secret@pypi.org:8443/simple" }',
            "pypi.org:8443",
            id="a port and a password",
        ),
        pytest.param(
            "uv.lock",
            'source = { git = "git+ssh://git@git.example/a?rev=1" }',
            "git.example",
            id="a git server",
        ),
        pytest.param(
            "uv.lock", 'source = { url = "file:///srv/a.whl" }', "a local path", id="a local file"
        ),
        pytest.param(
            "package-lock.json",
            '"resolved": "https://npm.mirror.example/a-1.0.0.tgz"',
            "npm.mirror.example",
            id="npm mirror",
        ),
    ],
)
def test_a_stranger_is_named_with_its_line(tmp_path: Path, name: str, line: str, host: str) -> None:
    lock = tmp_path / name
    lock.write_text((GOOD_UV if name == "uv.lock" else GOOD_NPM) + line + "\n")
    number = len(lock.read_text().splitlines())
    result = check(lock)
    assert result.returncode == 1
    assert f"{name}:{number}: {host} is not one of" in result.stdout
    assert "secret" not in result.stdout
    assert len(result.stdout.splitlines()) == 1
