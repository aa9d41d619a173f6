"""A back office at its terminal: a shop with charged subscribers, and `autopay` on its books.

The subscribers pay 1,980 a month on the 30th; on 30 November the cycle until 30 December was
charged, so that on 15 December 15 of 30 days are left.
"""

import base64
import contextlib
import io
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from typing import Any
from unittest import mock

from cli_user import PROGRAM, SECONDS, Said, User
from support.shop import MERCHANT, OpenShop, Shop, consent, subscriber

from app.cli import cli
from app.errors import explained
from billing import (
    SubscriberRow,
    load_catalogue,
    reading,
    store_catalogue,
    store_subscribers,
    writing,
)
from plans import parse_catalogue

PAID_ON, MIDDLE = date(2026, 11, 30), date(2026, 12, 15)
NOON = "2026-12-15T12:00+09:00"
OFFERS = """
plans:
  - {code: basic, name: {ja: ベーシック, en: Basic}, price: 1980, tax: standard,
     every: {unit: month, count: 1}}
  - {code: bound, name: {ja: 定期便, en: Bound}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, minimum_cycles: 24}
  - {code: tried, name: {ja: お試し, en: Tried}, price: 1980, tax: standard,
     every: {unit: month, count: 1}, trial_days: 30}
add_ons:
  - {code: tea, name: {ja: お茶, en: Tea}, price: 600, tax: reduced, per_seat: true}
coupons:
  - {code: minus500, name: {ja: 割引, en: Discount}, off: {yen: 500}}
"""


@dataclass(frozen=True)
class AgreementDesk:
    """A person at the terminal of a shop."""

    shop: Shop
    user: User
    environment: dict[str, str]

    def __call__(self, *arguments: object, at: str | None = NOON, **settings: object) -> Said:
        """Run a command in this process, as of noon of 15 December unless told."""
        words = [str(word) for word in (*arguments, *(("--at", at) if at else ()))]
        environment = self.user.environment(self.environment | settings)
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, environment),
            mock.patch.object(sys, "stdin", io.StringIO()),
            contextlib.chdir(self.user.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = explained(lambda: cli(words, standalone_mode=False, prog_name="autopay"))
        return Said(code, out.getvalue(), err.getvalue())

    def in_a_process(self, *arguments: object, **settings: object) -> Said:
        """Run the installed command in a process of its own, as of noon of 15 December."""
        return self.user(*arguments, "--at", NOON, stdin="", **(self.environment | settings))

    def verb(self, name: str, *arguments: object, **how: Any) -> Said:
        """`autopay subscription NAME sub-001 … --yes --json`."""
        words = ("subscription", name, "sub-001", *arguments, "--yes", "--json")
        return self(*words, **how)

    def shown(self, subscription: str = "sub-001", **how: Any) -> Any:
        """What `autopay subscription show` says of a subscription."""
        said = self("subscription", "show", subscription, "--json", **how)
        assert (said.exit_code, said.errors) == (0, ""), said
        return said.json

    def at_a_terminal(self, *arguments: object, typed: str) -> tuple[int, str]:
        """Run a command on a terminal and type; gives exit code and what was on the screen."""
        ours, theirs = pty.openpty()
        settings = self.user.environment({**self.environment})
        with subprocess.Popen(
            [PROGRAM, *map(str, arguments), "--at", NOON],
            cwd=self.user.folder,
            env=settings,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            os.write(ours, typed.encode())
            screen, _ = process.communicate(timeout=SECONDS)
        os.close(ours)
        os.close(theirs)
        return process.returncode, screen.decode()

    def quotes(self) -> list[str]:
        """The states of all quotes that are kept."""
        return [row["state"] for row in self.shop.rows("SELECT state FROM quote")]

    def taken(self) -> list[int]:
        """What Amazon captured, smallest first, yen."""
        return sorted(yen for _, yen in self.shop.taken())

    def nothing_changed(self) -> bool:
        """No agreement was made of the plain subscription; only its cycle was charged."""
        return self.shop.rows("SELECT 1 FROM agreement") == [] and self.taken() == [1_980]


def desk_of(opened: OpenShop, user: User, *, charged: bool = True, **how: Any) -> AgreementDesk:
    """Open a shop and a desk; `how` is that of `open_shop`, by default one paying subscriber."""
    shop = opened(**({"subscribers": [subscriber(1)]} | how))
    if charged:
        shop.charge_on(PAID_ON)
        shop.go_to(MIDDLE, hour=12)
    key = user.folder / "master.key"
    key.write_text(base64.b64encode(shop.master_key).decode())
    environment = {
        "database_url": shop.database.url.render_as_string(hide_password=False),
        "merchant": MERCHANT,
        "amazon_url": shop.amazon.base_url,
        "master_key_file": str(key),
        "paced": "false",
        "in_flight": "4",
    }
    return AgreementDesk(shop, user, environment)


def with_offers(desk: AgreementDesk) -> AgreementDesk:
    """Sell add-ons, coupons, a trial and a plan with a minimum term beside the shop's plans."""
    with reading(desk.shop.database) as connection:
        known = load_catalogue(connection, MERCHANT)
    assert "studio" in known.plans
    writing(
        desk.shop.database,
        lambda connection: store_catalogue(connection, MERCHANT, parse_catalogue(OFFERS)),
    )
    return desk


def import_one(desk: AgreementDesk, row: SubscriberRow) -> None:
    """Import a subscriber whose plan was not sold yet when the shop was opened."""
    shop = desk.shop
    consent(shop.amazon, [row], {}, 50_000)
    change = writing(
        shop.database,
        lambda connection: store_subscribers(
            connection, shop.engine.merchant, [row], at=shop.clock.now()
        ),
    )
    assert change.differing == ()
