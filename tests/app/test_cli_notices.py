"""`autopay notices` and `autopay webhooks` as their users meet them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_user import User, refusal
from support.hook_receiver import HookReceiver, hook_receiver
from support.mail_server import MailServer, mail_server

TEN_DAYS_BEFORE = "2026-11-21T12:00+09:00"  # of the charge of 30 November
CANARY = "canary-51c0-password"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def hooks() -> Iterator[HookReceiver]:
    with hook_receiver() as running:
        running.check_time = False  # the desk pretends another day
        yield running


def test_a_charge_is_told_of_by_mail_and_webhook_and_can_be_looked_at(
    shop: User, mails: MailServer, hooks: HookReceiver
) -> None:
    ways = {
        "smtp_host": "127.0.0.1",
        "smtp_port": mails.port,
        "smtp_security": "none",
        "mail_from": "billing@shop.example",
        "seller_name": "花と珈琲の店",
        "webhook_loopback": "true",
    }
    added = shop("webhooks", "add", "shop", hooks.url, "--at", TEN_DAYS_BEFORE, "--json", **ways)
    assert added.exit_code == 0, added
    hooks.secret = added.json["secret"]
    probe = shop("webhooks", "test", "shop", "--json", **ways)
    assert probe.json == {"code": "shop", "taken": True, "answer": "204"}

    sent = shop("notices", "send", "--at", TEN_DAYS_BEFORE, "--json", **ways).json
    told = sent["planned"]
    assert sent == {
        "held": False,
        "told_ahead": told,
        "planned": told,
        "mails": {"sent": told},
        "webhooks": {"sent": told},
    }
    assert told >= 1
    assert len(mails.mails) == told
    assert shop("notices", "send", "--at", TEN_DAYS_BEFORE, "--json", **ways).json["planned"] == 0

    listed = shop("notices", "list", "--kind", "upcoming", "--json").json
    assert len(listed) == told
    assert {each["state"] for each in listed[0]["deliveries"]} == {"sent"}
    preview = shop("notices", "preview", listed[0]["notice"])
    assert "次回のご請求のお知らせ" in preview.output
    assert "花と珈琲の店" in preview.output
    events = shop("webhooks", "events", "--after", 0, "--json").lines
    assert [each["cursor"] for each in events] == list(range(1, told + 1))
    assert {each["id"] for each in events} <= set(hooks.taken)
    assert hooks.forged == 0

    assert shop("webhooks", "replay", "shop", "--json").json["events"] == told
    # A replay goes by the real clock, which may have gone on.
    again = shop("notices", "send", "--at", "2099-01-01T00:00+09:00", "--json", **ways).json
    assert again["webhooks"] == {"sent": told}
    assert again["mails"] == {}


def test_a_webhook_that_does_not_take_a_test_exits_with_1(shop: User, hooks: HookReceiver) -> None:
    ways = {"webhook_loopback": "true"}
    shop("webhooks", "add", "shop", hooks.url, **ways)
    hooks.answer = lambda n: 500
    hooks.secret = "whsec_" + "A" * 44
    said = shop("webhooks", "test", "shop", **ways)
    assert said.exit_code == 1
    assert "shop did not take it (401)" in said.errors


def test_a_secret_is_shown_once_and_never_again(shop: User) -> None:
    first = shop("webhooks", "add", "shop", "https://shop.example/h", "--json").json["secret"]
    second = shop("webhooks", "rotate", "shop", "--json").json["secret"]
    assert first != second
    for said in (shop("webhooks", "list"), shop("webhooks", "list", "--json")):
        for secret in (first, second, first[6:], second[6:]):
            assert secret not in said.output + said.errors


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("webhooks", "add", "shop", "http://shop.example/"), "is not https"),
        (("webhooks", "add", "shop", "https://127.0.0.1/"), "AUTOPAY_WEBHOOK_LOOPBACK"),
        (("webhooks", "add", "shop", "https://169.254.169.254/"), "is an address inside"),
        (("webhooks", "add", "Shop!", "https://shop.example/"), "code 'Shop!'"),
        (("webhooks", "rotate", "nobody"), "autopay webhooks list"),
        (("webhooks", "replay", "nobody"), "autopay webhooks list"),
        (("notices", "preview", "99"), "autopay notices list"),
        (("notices", "words", "chraged"), "use one of"),
        (("notices", "list", "--kind", "chraged"), "is no kind of notice; use one of"),
        (("notices", "list", "--subscription", "nope"), "is not in the books"),
        (("notices", "language", "nobody", "en"), "no customer"),
    ],
)
def test_what_is_refused_says_what_to_do(shop: User, arguments: tuple[str, ...], said: str) -> None:
    assert said in refusal(shop(*arguments))


def test_notices_that_go_to_nobody_say_what_to_set(shop: User) -> None:
    quiet = shop("notices", "list")
    assert (quiet.exit_code, quiet.errors) == (0, "")
    assert shop("notices", "send", "--at", TEN_DAYS_BEFORE).exit_code == 0
    said = shop("notices", "list")
    assert "nobody" in said.output
    assert "set AUTOPAY_MAIL_FROM and AUTOPAY_SMTP_HOST, as docs/notices.md says" in said.errors
    # As a program's answer it stays one document.
    assert len(shop("notices", "list", "--json").json) >= 1
    ways = {"mail_from": "billing@shop.example", "smtp_host": "mail.example"}
    assert shop("notices", "list", **ways).errors == ""


def test_own_words_come_from_a_file_and_go_again(shop: User, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("{plan}のお支払い\n\n{name}\n{amount}\n", encoding="utf-8")
    kept = shop("notices", "words", "charged", "--file", file, "--json").json
    assert (kept["version"], kept["subject"]) == (1, "{plan}のお支払い")
    file.write_text("x\n\n{unknown}", encoding="utf-8")
    assert "{unknown}" in refusal(shop("notices", "words", "charged", "--file", file))
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in refusal(shop("notices", "words", "charged", "--file", file))
    assert shop("notices", "words", "charged", "--reset", "--json").json["version"] == 0


def test_a_password_of_the_mail_server_is_nowhere(shop: User) -> None:
    """Failure mode 94: not in the settings shown, not in a refusal, not in what a send says."""
    ways = {"smtp_host": "127.0.0.1", "smtp_port": 9, "smtp_user": "shop"}
    secret = {**ways, "smtp_password": CANARY, "mail_from": "billing@shop.example"}
    said = [
        shop("settings", **secret),
        shop("settings", "--json", **secret),
        shop("notices", "send", "--at", TEN_DAYS_BEFORE, **secret),
        shop("notices", "send", **{**secret, "smtp_host": "mail.example", "smtp_security": "none"}),
        shop("notices", "send", **{**secret, "smtp_port": "no port"}),
        shop("notices", "list", "--json"),
    ]
    assert "in the open" in said[3].errors
    assert "later" in said[2].output + said[2].errors
    for each in said:
        assert CANARY not in each.output + each.errors
