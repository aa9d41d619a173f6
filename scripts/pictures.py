"""Takes the pictures of the documents from a demo that really runs: `make pictures`.

Plays three months in a folder of its own, serves them, walks through the pages as staff and as a
customer would, and writes docs/pictures/*.png. Needs the Chromium that `make test` installs.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
DESKTOP = (1180, 800)
PHONE = (390, 760)
SHOPPER = "user00003@example.jp"


def main() -> int:
    """Take every picture; ends with 1 and a sentence when there is no Chromium."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("No chromium on this machine; as root: apt-get install chromium fonts-ipaexfont")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with (
        _demo() as (address, password),
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"]) as browser,
    ):
        _back_office(_page(browser, address, DESKTOP, "ja-JP"), password)
        _time_machine(_page(browser, address, DESKTOP, "en-GB"), password)
        own = address.replace("127.0.0.1", "localhost")
        _my_page(_page(browser, own, PHONE, "ja-JP"))
    return 0


@contextmanager
def _demo() -> Iterator[tuple[str, str]]:
    """A demo that serves on some port; its address and the password of its staff."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "app", "demo", "--months", "3", "--port", "0"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        try:
            for line in process.stdout or ():
                if found := re.search(r"(http://127\S+:\d+)/ — log in as staff / (\S+)", line):
                    yield found[1], found[2]
                    return
            raise RuntimeError("the demo ended before it served")
        finally:
            process.terminate()
            process.wait()


def _page(browser: Browser, address: str, size: tuple[int, int], locale: str) -> Page:
    context = browser.new_context(
        base_url=address, locale=locale, viewport={"width": size[0], "height": size[1]}
    )
    return context.new_page()


def _log_in(page: Page, password: str) -> None:
    page.goto("/login")
    page.fill("#user", "staff")
    page.fill("#password", password)
    page.click("main button.primary")
    page.wait_for_url("**/today")


def _back_office(page: Page, password: str) -> None:
    _log_in(page, password)
    _take(page, "today")
    for name in ("calendar", "figures"):
        page.goto(f"/{name}")
        _take(page, name)


def _time_machine(page: Page, password: str) -> None:
    _log_in(page, password)
    page.get_by_role("button", name="To the next charge").click()
    page.wait_for_url("**/happened**")
    page.locator("main table tbody tr").first.wait_for()
    page.get_by_role("button", name="To the next charge").wait_for()
    page.reload()
    _take(page, "time-machine")


def _my_page(page: Page) -> None:
    page.goto("/my/")
    page.get_by_role("button", name=re.compile("Amazon Pay")).click()
    page.fill("input[name=email]", SHOPPER)
    page.fill("input[type=password]", "any")
    page.get_by_role("button", name="ログイン", exact=True).click()
    page.get_by_role("button", name="続行").click()
    page.wait_for_url("**/my/")
    _take(page, "my-page")
    page.get_by_role("link", name="プラン・数量を変更").click()
    page.locator("main input[type=radio]:not(:checked)").first.check()
    with page.expect_navigation():
        page.get_by_role("button", name="金額を確認する").click()
    _take(page, "my-page-quote")


def _take(page: Page, name: str) -> None:
    page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    print(PICTURES.name, name)


if __name__ == "__main__":
    sys.exit(main())
