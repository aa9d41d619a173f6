"""One Chromium for the whole run, the pages served to it, axe-core, and screenshots.

Chromium is a process of its own that every module's Playwright connects to: a Playwright that
lives as long as the run would keep all other tests from asyncio.
"""

import contextlib
import hashlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "axe.min.js"
# Vendored unchanged: npm's axe-core 4.14.1 (MPL-2.0, axe.LICENSE).
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
SCREENSHOTS = ROOT / "var" / "screenshots"

# A busy machine is no fault of a page.
WAIT_MS = 30_000
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def start_chromium() -> Iterator[str]:
    """A Chromium of the system; yields the address for Playwright's `connect_over_cdp`."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        pytest.fail(
            "no chromium found; run: apt-get install chromium fonts-ipaexfont", pytrace=False
        )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [
            *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *("--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
        ]
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True)
        try:
            yield _address(process)
        finally:
            process.kill()
            process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"DevTools listening on (ws://\S+)", line):
            # Nobody reads what it says from now on, and a full pipe would stop it.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return found[1]
    pytest.fail("chromium ended before it was ready", pytrace=False)


@contextlib.contextmanager
def connected(address: str) -> Iterator[Browser]:
    """Playwright's view of the running Chromium, for the tests of one module."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(address)
        yield browser
        browser.close()


@contextlib.contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port, in a thread of this process; yields its address."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(64)
        address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        _wait_until_ready(address)
        try:
            yield address
        finally:
            server.should_exit = True
            thread.join(10)


def _wait_until_ready(address: str) -> None:
    until = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{address}/health", trust_env=False).status_code:
                return
        time.sleep(0.02)
    pytest.fail("the pages did not start", pytrace=False)


def new_context(
    browser: Browser, address: str, *, language: str = "ja", phone: bool = False, dark: bool = False
) -> BrowserContext:
    """A browser that nobody used before; `page.goto("/charges")` works in it."""
    context = browser.new_context(
        base_url=address,
        locale={"ja": "ja-JP", "en": "en-GB"}[language],
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type] # a plain dict is fine
        color_scheme="dark" if dark else "light",
        bypass_csp=False,
    )
    context.set_default_timeout(WAIT_MS)
    return context


def log_in(page: Page, *, user: str = "staff", password: str) -> None:
    """Log in at the back office."""
    page.goto("/login")
    page.fill("#user", user)
    page.fill("#password", password)
    page.click("main button.primary")
    page.wait_for_url(lambda url: "/login" not in url)


def complaints(page: Page) -> list[str]:
    """Collects what the browser complains about from now on: errors, refused by policy, 404s."""
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now, one line each; run in its own world."""
    content = AXE.read_text(encoding="utf-8")
    assert hashlib.sha256(content.encode()).hexdigest() == AXE_SHA256, "axe.min.js was changed"
    session = page.context.new_cdp_session(page)
    tree = session.send("Page.getFrameTree")
    world = session.send("Page.createIsolatedWorld", {"frameId": tree["frameTree"]["frame"]["id"]})
    where = {"contextId": world["executionContextId"]}
    session.send("Runtime.evaluate", {"expression": content + ";0", **where})
    asked = f"axe.run({{runOnly: {RULES!r}, resultTypes: ['violations']}})"
    answer = session.send(
        "Runtime.evaluate",
        {"expression": asked, "awaitPromise": True, "returnByValue": True, **where},
    )
    session.detach()
    return [_told(each) for each in answer["result"]["value"]["violations"]]


def _told(violation: dict[str, Any]) -> str:
    nodes = "; ".join(" ".join(node["target"]) for node in violation["nodes"][:3])
    why = violation["nodes"][0].get("failureSummary", "").replace("\n", " ")
    return f"{violation['id']} ({violation['impact']}): {nodes} — {why}"


def screenshot(page: Page, name: str) -> Path:
    """Keep a picture of the whole page as `var/screenshots/NAME.png`."""
    file = SCREENSHOTS / f"{name}.png"
    os.makedirs(file.parent, exist_ok=True)
    page.bring_to_front()  # Chromium does not paint a tab behind another one
    page.screenshot(path=file, full_page=True, animations="disabled")
    return file
