"""The restore drill with real commands: charge, back up, charge on, restore, compare, go on.

What a person types after a disk failed, against the local Amazon Pay's own list of charges.
"""

import json
import os
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.backups import Backup, take_backup
from support.ready_autopay import quick_folder
from support.sandbox import Sandbox
from support.shop import MERCHANT, Shop, open_shop, subscriber

BEFORE, AFTER = "2026-11-30T09:00:00+09:00", "2026-12-01T09:00:00+09:00"
LATER = "2026-12-01T15:00:00+09:00"
HELD = ("--from", "2026-11-28T00:00:00+09:00", "--until", "2026-12-01T12:00:00+09:00")
SUBSCRIBERS = 40


@dataclass(frozen=True)
class Desk:
    """Somebody at a terminal, with the settings of the shop."""

    folder: Path
    settings: dict[str, str]

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [quick_folder() / "autopay", *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)} | self.settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    def json(self, *arguments: str) -> Any:
        code, output, errors = self(*arguments, "--json")
        assert code == 0, errors
        return json.loads(output)


def open_books(url: str, amazon: Sandbox, folder: Path) -> tuple[Shop, Desk]:
    """Half of the subscribers are due before the backup, half after it."""
    after = {"next_charge_on": date(2026, 12, 1), "started_on": date(2026, 1, 1), "anchor_day": 1}
    shop = open_shop(
        database_url=url,
        amazon=amazon,
        subscribers=[
            subscriber(number, **(after if number % 2 else {}))
            for number in range(1, SUBSCRIBERS + 1)
        ],
        behaviours={"C03-0000003-0000001": ["SoftDeclined"]},
    )
    key = folder / "master.key"
    key.write_text(b64encode(shop.master_key).decode() + "\n")
    settings = {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_AMAZON_URL": amazon.base_url,
        "AUTOPAY_MASTER_KEY_FILE": str(key),
        "AUTOPAY_PACED": "false",
        "AUTOPAY_SENT_FILE": str(folder / "sent.json"),
        "AUTOPAY_DOUBT_REPORT_HOURS": "1",
    }
    shop.database.dispose()
    return shop, Desk(folder, settings)


def keys_sent(amazon: Sandbox) -> list[tuple[str, bool]]:
    return [
        (request["idempotencyKey"], request["replayed"])
        for request in amazon.requests()
        if request["operation"] == "CreateCharge"
    ]


def test_the_restore_drill(postgres_url: str, sandbox: Sandbox, tmp_path: Path) -> None:
    shop, desk = open_books(postgres_url, sandbox, tmp_path)
    try:
        drill(shop, desk, postgres_url, tmp_path)
    finally:
        shop.database.dispose()
        Backup(postgres_url, backup_name(postgres_url)).drop()


@pytest.mark.nightly
def test_the_restore_drill_of_a_file(sqlite_url: str, sandbox: Sandbox, tmp_path: Path) -> None:
    """On each commit tests/scenarios/test_restored.py plays it on SQLite, in one process."""
    shop, desk = open_books(sqlite_url, sandbox, tmp_path)
    drill(shop, desk, sqlite_url, tmp_path)


def backup_name(url: str) -> str:
    return f"{url.rpartition('/')[2].partition('?')[0]}_backup"


def drill(shop: Shop, desk: Desk, url: str, folder: Path) -> None:
    amazon = shop.amazon
    assert desk.json("run", "--at", BEFORE)["captured"] == SUBSCRIBERS // 2
    backup = take_backup(url, folder=folder)
    assert desk.json("run", "--at", AFTER)["captured"] == SUBSCRIBERS // 2 - 1
    taken = shop.taken()
    shop.database.dispose()
    before = len(keys_sent(amazon))
    backup.put_back()

    said = confirm_if_asked(desk, desk("run", "--at", AFTER))
    assert "captured" not in said
    assert "autopay restore reconcile" in desk("brake", "show")[1]
    assert shop.taken() == taken
    shop.database.dispose()

    listed = folder / "transactions.csv"
    listed.write_text("\n".join(charge["chargeId"] for charge in amazon.charges()))
    code, output, _ = desk("restore", "reconcile", "--at", LATER, "--report", str(listed))
    assert (code, "Not proved that no other charge is lost" in output) == (1, True)
    code, _, errors = desk("restore", "reopen", "--by", "hanako", "--reason", "ok")
    assert (code, "no report says that it holds all" in errors) == (1, True)
    report = desk.json("restore", "reconcile", "--at", LATER, "--report", str(listed), *HELD)
    assert (report["booked"], report["not_covered"]) == ([], None), "booked by the first one"
    assert report["unexplained"] == {}
    assert shop.rows("SELECT count(*) AS n FROM slot WHERE state = 'paid'")[0]["n"] == len(taken)
    assert len(keys_sent(amazon)) == before, "a charge was sent for"

    assert desk.json("restore", "reopen", "--by", "hanako", "--reason", "ok")["open"]
    code, _, errors = desk("restore", "reopen", "--by", "hanako", "--reason", "ok")
    assert (code, "two different people" in errors) == (1, True)
    over = desk.json("restore", "reopen", "--by", "jiro", "--reason", "ok")
    assert (over["open"], over["approved_by"]) == (False, ["hanako", "jiro"])

    again = desk.json("run", "--at", LATER)
    assert again["captured"] == 0
    assert shop.taken() == taken
    audited = desk.json("audit")
    assert (audited["ok"], audited["our_total"]) == (True, sum(yen for _, yen in taken))
    assert audited["amazon_total"] == audited["our_total"]
    assert audited["chained"] > 0


def confirm_if_asked(desk: Desk, said: tuple[int, str, str]) -> str:
    """PostgreSQL's restored database is another one, and a person must say that it is meant."""
    code, output, errors = said
    if code == 0:
        return output
    assert "these books belong to another environment, nothing was sent" in errors
    reason = ("--by", "hanako", "--reason", "restored the backup of 3 o'clock")
    assert desk("environment", "show")[0] == 1
    code, output, errors = desk("environment", "confirm", *reason, "--at", AFTER)
    assert code == 0, errors
    assert desk("environment", "show")[0] == 0
    return output


@pytest.mark.slow
def test_a_copy_for_staging_sends_nothing(
    sqlite_url: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The dump of production on another machine, with everything else copied along."""
    shop, desk = open_books(sqlite_url, sandbox, tmp_path)
    desk.json("run", "--at", BEFORE)
    backup = take_backup(sqlite_url, folder=tmp_path)
    copy = {"AUTOPAY_DATABASE_URL": f"sqlite:///{backup.copy}"}
    staging = Desk(tmp_path, desk.settings | copy)
    before = len(keys_sent(sandbox))
    code, output, errors = staging("run", "--at", AFTER)
    assert (code, output) == (1, "")
    assert "the identity of the database is" in errors
    code, output, errors = staging("notices", "send")
    assert (code, output) == (1, ""), "nor does it write to customers"
    assert "the identity of the database is" in errors
    named = Desk(tmp_path, desk.settings | {"AUTOPAY_ENVIRONMENT_NAME": "staging"})
    code, _, errors = named("run", "--at", AFTER)
    assert (code, "is staging, the database says main" in errors) == (1, True)
    assert len(keys_sent(sandbox)) == before
    assert staging("audit", "--no-amazon")[0] == 0
    assert desk.json("run", "--at", AFTER)["captured"] == SUBSCRIBERS // 2 - 1
    shop.database.dispose()
