"""A browser without JavaScript for tests: keeps cookies, reads forms, submits them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from button_payloads import button_fields
from wire_client import WireClient

YAMADA = "hanako.yamada@example.jp"
SUZUKI = "ichiro.suzuki@example.jp"


@dataclass
class Form:
    """A form and the fields that a browser would send with it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects the forms and the visible text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.language = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "form":
            self.forms.append(Form(given.get("action", "")))
        elif tag == "input" and given.get("name") and self.forms:
            if given.get("type") not in ("radio", "checkbox") or "checked" in given:
                self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "button" and given.get("name") and self.forms:
            self.forms[-1].buttons.append((given["name"], given.get("value", "")))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


class Page:
    """One answer."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        self.location = answer.headers.get("location", "")
        self.html = answer.text
        self.url = str(answer.url)
        reader = _Reader()
        reader.feed(self.html)
        self.forms = reader.forms
        self.language = reader.language
        self.text = " ".join(" ".join(reader.words).split())

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address to which it redirects."""
        parsed = parse_qs(urlsplit(self.location).query)
        return {name: values[0] for name, values in parsed.items()}

    def form(self, action: str) -> Form:
        """The first form whose action contains a text; "" is a form without an action."""
        found = [form for form in self.forms if action in form.action]
        assert found, f"no form to {action!r} in {[form.action for form in self.forms]}"
        return found[0]


class PageBrowser:
    """Cookies and the current page. Redirects within the pages are followed, others are not."""

    def __init__(self, base_url: str, *, language: str = "ja") -> None:
        self.base_url = base_url
        # Loading the certificates of the system takes longer than a test, and no test needs them.
        self.client = httpx.Client(
            trust_env=False,
            verify=False,
            timeout=20,
            headers={"accept-language": f"{language},en;q=0.5"},
        )

    def close(self) -> None:
        """Ends the connections."""
        self.client.close()

    def get(self, path: str, **more: Any) -> Page:
        """A GET of a path or an absolute address."""
        return self._follow(self.client.get(urljoin(self.base_url, path), **more))

    def post(self, path: str, fields: dict[str, str], **more: Any) -> Page:
        """A POST of a form."""
        answer = self.client.post(urljoin(self.base_url, path), data=fields, **more)
        return self._follow(answer)

    def _follow(self, answer: httpx.Response) -> Page:
        for _ in range(5):
            location = answer.headers.get("location", "")
            if not location.startswith("/"):
                break
            answer = self.client.get(urljoin(self.base_url, location))
        return Page(answer)

    def submit(self, page: Page, action: str = "", **fields: str | None) -> Page:
        """Sends a form of a page with some fields changed; None leaves a field out."""
        form = page.form(action)
        sent = form.fields | fields
        target = urljoin(page.url, form.action) if form.action else page.url
        return self.post(target, {k: v for k, v in sent.items() if v is not None})

    def click(self, ready: dict[str, Any], payload: dict[str, Any], **more: str) -> Page:
        """A click on a shop's button."""
        path = "/signin/initiate" if "signInReturnUrl" in payload else "/checkout/initiate"
        return self.post(path, button_fields(ready, payload, **more))

    def log_in(self, page: Page, email: str = YAMADA) -> Page:
        """Logs in on a log-in page and is back where it was."""
        return self.submit(page, "/signin/log-in", email=email)

    def choose(self, page: Page, **fields: str | None) -> Page:
        """Submits the checkout page with the consent ticked."""
        return self.submit(page, "/checkout/pay", **({"consent": "yes"} | fields))


def session_id(page: Page) -> str:
    """The session that a redirect back to the shop names."""
    return page.query["amazonCheckoutSessionId"]


def state_of(amazon: WireClient, session: str) -> tuple[str, str | None]:
    """State and reason of a session as the merchant sees them."""
    details = amazon.api("GET", f"/checkoutSessions/{session}").json["statusDetails"]
    return details["state"], details["reasonCode"]
