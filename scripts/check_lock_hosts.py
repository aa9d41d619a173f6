"""Fail when a lock file names a host other than the public registries.

`uv lock` writes whatever index the shell names (UV_DEFAULT_INDEX, UV_INDEX_URL, UV_EXTRA_INDEX_URL
or a user's uv.toml) into every entry, so a private mirror leaks into the project unseen.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[1]

PYTHON_HOSTS = frozenset({"pypi.org", "files.pythonhosted.org"})
ALLOWED = {
    "uv.lock": PYTHON_HOSTS,
    "package-lock.json": frozenset({"registry.npmjs.org"}),
}
LOCKS = ("uv.lock", "tests/amazonpay/proof/node/package-lock.json")
REMEDY = {
    "uv.lock": "unset UV_DEFAULT_INDEX, UV_INDEX_URL and UV_EXTRA_INDEX_URL, then run `uv lock`",
    "package-lock.json": "run `npm install --package-lock-only --omit-lockfile-registry-resolved`",
}
# npm also writes home pages and funding pages; only `resolved` is where a package comes from.
URL = {
    "uv.lock": re.compile(r"""[a-z][a-z0-9+.-]*://[^\s"']+"""),
    "package-lock.json": re.compile(r'(?<="resolved": ")[^"]+'),
}


def main(arguments: Sequence[str]) -> int:
    """Check the given lock files, or those of the project; 0 when all hosts are public, else 1."""
    files = [Path(name) for name in arguments] or list(map(PROJECT.joinpath, LOCKS))
    faults = [fault for file in files if file.exists() for fault in faults_of(file)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def faults_of(file: Path) -> Iterator[str]:
    """One message per line that names a host outside the public registries of that lock file."""
    allowed = ALLOWED[file.name]
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        strangers = {url for url in URL[file.name].findall(line) if not is_public(url, allowed)}
        for url in sorted(strangers):
            # Only the host: a private address may hold a password.
            host = urlsplit(url).netloc.rpartition("@")[2] or "a local path"
            yield (
                f"{file.name}:{number}: {host} is not one of {', '.join(sorted(allowed))}; "
                f"{REMEDY[file.name]}"
            )


def is_public(url: str, allowed: frozenset[str]) -> bool:
    """True for https on exactly an allowed host: no port, no user."""
    parts = urlsplit(url)
    return parts.scheme == "https" and parts.netloc in allowed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
