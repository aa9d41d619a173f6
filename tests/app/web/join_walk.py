"""A buyer's walk over My Page and the local Amazon Pay, in a real browser."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import BrowserContext, Page
from support.browser import axe, screenshot
from support.shop import Shop

HANAKO, ICHIRO, MISAKI = "山田 花子", "鈴木 一郎", "佐藤 美咲"


@dataclass
class Walk:
    """One browser of one buyer; `name` is where its pictures are kept."""

    context: BrowserContext
    page: Page
    shop: Shop
    name: str
    shots: int = 0

    def shot(self, what: str) -> None:
        """Keep a picture, and see that axe finds nothing."""
        self.shots += 1
        screenshot(self.page, f"join/{self.name}-{self.shots:02}-{what}")
        assert axe(self.page) == [], what

    def press_amazon(self) -> None:
        """The button that Amazon's script has drawn."""
        self.page.locator("[data-amazon-button] button").click()
        self.page.wait_for_url(lambda url: "127.0.0.1" in url)

    def log_in_at_amazon(self, who: str) -> None:
        """The one click of a test buyer."""
        self.page.locator("form button", has_text=who).click()

    def choose(self, card: str = "1111") -> None:
        """Card and consent on Amazon's page, back to the shop."""
        self.page.check(f"input[name=instrument][value=card-{card}]")
        self.page.check("input[name=consent]")
        self.page.locator("form:has(input[name=consent]) button").first.click()
        self.page.wait_for_url(lambda url: "localhost" in url)

    def to_last_screen(self, plan: str, who: str | None, *, card: str = "1111") -> str:
        """From the plan to the last screen; its path."""
        self.page.goto(f"/my/join/plans/{plan}")
        self.press_amazon()
        if who:
            self.log_in_at_amazon(who)
        self.choose(card)
        return self.page.url

    def agree(self) -> None:
        """The tick and the button of the last screen, then through Amazon to what came of it."""
        self.page.check("#agree")
        self.page.click("main form button.primary")
        self.page.wait_for_url("**/done")

    def said(self) -> str:
        """What the page says."""
        return self.page.inner_text("main")

    def signed_up(self) -> list[dict[str, Any]]:
        """Subscriptions that were made on My Page."""
        return self.shop.rows("SELECT * FROM subscription WHERE external_id LIKE 'my-%'")
