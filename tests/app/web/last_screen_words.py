"""The six items of a last screen, and how to get to one."""

import html
import re

import httpx
from join_desk import words
from web_books import Browser

SIX = {
    "ja": [
        "ご契約内容・分量",
        "お支払額",
        "お支払いの時期と方法",
        "提供・お届けの時期",
        "申込期間",
        "解約",
    ],
    "en": [
        "What and how much",
        "What you pay",
        "When and how you pay",
        "When it starts",
        "Offer period",
        "Cancelling",
    ],
}


def quoted(browser: Browser, page: str) -> httpx.Response:
    """The last screen of a change that is asked for on its page."""
    text = browser.get(page).text
    form = re.search(r'<form method="post" action="[^"]*/change".*?</form>', text, re.DOTALL)
    assert form, words(browser.get(page))
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0]))
    answer = browser.post_form(page, page.split("?")[0], **fields)
    assert answer.status_code == 303, words(answer)
    return browser.get(answer.headers["location"])


def terms(answer: httpx.Response) -> dict[str, str]:
    """The items of a last screen: heading → words."""
    found = re.search(r'<dl class="terms">(.*?)</dl>', answer.text, re.DOTALL)
    assert found, words(answer)
    text = html.unescape(found[1])
    items = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", text, re.DOTALL)
    return {
        name: " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split()) for name, text in items
    }
