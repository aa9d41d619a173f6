"""The audit as a watchdog of its own, and the heads that are kept outside the database."""

import json
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import pytest
from cli_user import PROGRAM, User, refusal
from sqlalchemy import create_engine, text

from app.commands.audit import amazon_words
from billing import AuditReport


def books(user: User) -> str:
    return f"sqlite:///{user.folder / 'var' / 'autopay.db'}"


def forge(user: User, *statements: str) -> None:
    """Change the books past the engine; only what the triggers allow."""
    with closing(create_engine(books(user)).connect()) as connection:
        for statement in statements:
            connection.execute(text(statement))
        connection.commit()


def rows(user: User, query: str) -> list[tuple[object, ...]]:
    with closing(create_engine(books(user)).connect()) as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.parametrize(
    ("ours", "amazon", "words"),
    [
        pytest.param(300, None, "; Amazon was not asked.", id="not asked"),
        pytest.param(300, 300, ", and Amazon agrees: 300 yen.", id="nothing happened meanwhile"),
        pytest.param(
            300,
            1_500,
            ", and Amazon agrees: 1,500 yen, 1,200 yen of them charged during this audit.",
            id="a run charged meanwhile",
        ),
    ],
)
def test_what_was_charged_during_an_audit_is_told(
    ours: int, amazon: int | None, words: str
) -> None:
    report = AuditReport(
        slots=2, charged=1, in_doubt=0, our_total_yen=ours, ledger_sum=0, amazon_total_yen=amazon
    )
    assert amazon_words(report) == words


def test_a_head_that_was_kept_shows_books_that_were_cut(shop: User) -> None:
    assert shop("brake", "pull", "--reason", "chain me").exit_code == 0
    audited = shop("audit", "--no-amazon", "--json").json
    assert (audited["chained"], audited["not_chained_yet"] > 0) == (0, True)
    chain(shop)
    assert shop("audit", "--no-amazon", "--json").json["not_chained_yet"] == 0
    assert shop("audit", "head", "--output", "heads.json").exit_code == 0
    assert shop("audit", "--no-amazon", "--head", "heads.json").exit_code == 0
    printed = shop("audit", "head").json
    assert printed["heads"] == json.loads((shop.folder / "heads.json").read_text())["heads"]
    for trigger in ("chain_link_no_delete", "audit_event_no_delete"):
        forge(shop, f"DROP TRIGGER {trigger}")
    forge(shop, "DELETE FROM chain_link", "DELETE FROM audit_event")
    assert shop("audit", "--no-amazon").exit_code == 0
    cut = shop("audit", "--no-amazon", "--head", "heads.json", "--json")
    assert (cut.exit_code, cut.json["chain_faults"] > 0) == (1, True)
    (shop.folder / "other.json").write_text('{"heads": [{"book": 1}]}')
    assert "holds no heads" in refusal(shop("audit", "--head", "other.json", "--no-amazon"))


def chain(user: User) -> None:
    """What a worker does every minute."""
    script = (
        "from datetime import UTC, datetime; from billing import chain_books, open_engine; "
        f"print(chain_books(open_engine({books(user)!r}), at=datetime.now(UTC)))"
    )
    program = PROGRAM.parent / "python"
    done = subprocess.run([program, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 0


def test_the_watchdog_pulls_the_brake_while_it_runs(shop: User) -> None:
    chain(shop)
    watchdog = subprocess.Popen(
        [PROGRAM, "audit", "--every", "1", "--pull-brake"],
        cwd=shop.folder,
        env=shop.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert watchdog.stdout is not None
        assert "in order" in watchdog.stdout.readline()
        link = "SELECT book, 2, last_id, 1, leaves, digest, chained_at FROM chain_link"
        forge(shop, f"INSERT INTO chain_link {link} WHERE number = 1 LIMIT 1")
        deadline = time.monotonic() + 30
        while not rows(shop, "SELECT * FROM global_brake") and time.monotonic() < deadline:
            time.sleep(0.1)
        shown = shop("brake", "show", "--json").json
        assert (shown["pulled"], shown["pulled_by"], shown["scope"]) == (True, "audit", "database")
    finally:
        watchdog.send_signal(signal.SIGTERM)
        output, errors = watchdog.communicate(timeout=30)
    assert watchdog.returncode == 1, errors
    assert "chain/chain_link" in output
    assert "Traceback" not in errors
    assert Path(shop.folder / "var" / "autopay.db").exists()
