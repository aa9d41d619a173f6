"""How fast every page is with large books and many readers at once.

    python -m scripts.benchmarks.pages [--subscriptions N] [--months M] [--users U] [--pause S]

Each user walks through all GET pages of the router again and again, in an order of its own, and
asks for the next one `--pause` seconds after the last one came. A page's figure is the 95th
percentile of its times, first visits included. The server is one process of the pages as they are.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from app.web import create_app
from app.web.shell.rooms import routes_of
from billing import load_merchant, new_master_key, open_engine, reading, writing
from scheduler import SystemClock
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.pages_books import (
    MERCHANT,
    PageBooks,
    now_of_books,
    write_page_books,
)
from scripts.benchmarks.rig import ROOT, Kind, _database, stop_postgres

PASSWORD = "benchmark of pages"  # noqa: S105 - of a database that lives for minutes
MOST_MS = 150.0
USERS = 20


@dataclass
class Walked:
    """Times of each page in milliseconds, and answers that were no pages."""

    times: dict[str, list[float]] = field(default_factory=dict)
    wrong: set[tuple[str, int]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, page: str, milliseconds: float, status: int) -> None:
        """Keep one answer."""
        with self.lock:
            self.times.setdefault(page, []).append(milliseconds)
            if status != 200:
                self.wrong.add((page, status))


def measure(
    *,
    kind: Kind,
    subscriptions: int,
    months: int,
    users: int = USERS,
    rounds: int = 3,
    pause: float = 1.0,
    skip: str = "$^",
) -> list[Figure]:
    """The slowest page's p95 and that of all pages; prints each page's own.

    `skip` is a pattern of pages to leave out, to see what the others do without them.
    """
    with _served(kind, subscriptions, months) as (
        address,
        pages,
        cookie,
    ):
        pages = [page for page in pages if not re.search(skip, page)]
        _walk(address, pages[:1], cookie, users=1, rounds=1, pause=0)  # it is up
        walked = _walk(address, pages, cookie, users=users, rounds=rounds, pause=pause)
    table = {page: (_p95(times), max(times)) for page, times in walked.times.items()}
    for page, (p95, worst) in sorted(table.items(), key=lambda item: -item[1][0]):
        print(f"{kind:12} {p95:8.1f} ms p95 {worst:8.1f} ms worst  {page}", flush=True)
    for page, status in sorted(walked.wrong):
        print(f"{kind:12} {status} instead of a page: {page}", flush=True)
    slowest = max(p95 for p95, _ in table.values())
    every = _p95([each for times in walked.times.values() for each in times])
    of = f"{kind}, {subscriptions:,} subscriptions, {subscriptions * months:,} charges"
    return [
        Figure(
            name=f"slowest page, p95 ({of})",
            value=slowest,
            unit="ms",
            required=MOST_MS,
            bound="at most",
        ),
        Figure(name=f"all pages, p95 ({of})", value=every, unit="ms"),
        Figure(name=f"pages measured ({of})", value=len(table), unit=""),
    ]


def _p95(times: Sequence[float]) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]


@contextmanager
def _served(
    kind: Kind, subscriptions: int, months: int
) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """The pages on large books; yields their address, every GET page, and a log-in's cookies."""
    folder = Path(tempfile.mkdtemp(prefix="pages-"))
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        url = ending.enter_context(_database(kind, folder))
        database = open_engine(url)
        ending.callback(database.dispose)
        began = time.perf_counter()
        books = PageBooks(subscriptions, months, now_of_books())
        write_page_books(database, books)
        print(f"{kind:12} books written in {time.perf_counter() - began:.0f} s", flush=True)
        pages, customer = _pages(database)
        address = ending.enter_context(_server(url, folder))
        yield address, pages, _log_in(address) | {"autopay_my": customer}


def _pages(database: Engine) -> tuple[list[str], str]:
    """Every GET page of the router with ids filled in, and a customer's session."""
    with reading(database) as connection:
        merchant = load_merchant(connection, MERCHANT)
        attempt = connection.execute(text("SELECT max(id) FROM attempt")).scalar_one()
        middle = connection.execute(text("SELECT max(id) / 2 FROM customer")).scalar_one()
    app = create_app(
        database=database, merchant=merchant, staff_password=PASSWORD, clock=SystemClock()
    )
    known = {
        "attempt_id": attempt,
        "customer_id": middle,
        "subscription_id": middle,
        "name": "style.css",
    }
    pages: list[str] = []
    unknown: list[str] = []
    for method, path in routes_of(app):
        names = re.findall(r"{(\w+)}", path)
        if method != "GET" or path == "/metrics" or path.endswith((".csv", ".json")):
            continue
        filled = path.format(**known) if all(name in known for name in names) else None
        (pages if filled else unknown).append(filled or path)
    print(f"not measured, no example: {', '.join(unknown) or 'nothing'}", flush=True)
    more = ["/customers?search=山田 5", "/customers?search=user77", "/failures?state=retrying"]
    sessions = app.state.shell.sessions
    customer = writing(database, lambda c: sessions.begin_customer(c, customer_id=middle))
    return pages + more, customer


@contextmanager
def _server(url: str, folder: Path) -> Iterator[str]:
    (folder / "master.key").write_text(new_master_key())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AUTOPAY_")} | {
        "AUTOPAY_DATABASE_URL": url,
        "AUTOPAY_MERCHANT": MERCHANT,
        "AUTOPAY_ENVIRONMENT": "sandbox",
        "AUTOPAY_STAFF_PASSWORD": PASSWORD,
        "AUTOPAY_MASTER_KEY_FILE": str(folder / "master.key"),
    }
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--no-worker"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http://[\d.:]+", said)
            if found is None:
                raise RuntimeError(f"the pages did not start: {said}")
            yield found[0]
        finally:
            process.terminate()


def _log_in(address: str) -> dict[str, str]:
    with httpx.Client(base_url=address, trust_env=False) as client:
        token = re.search(r'name="form_token" value="(\w+)"', client.get("/login").text)
        fields = {"form_token": token[1] if token else "", "user": "staff", "password": PASSWORD}
        answer = client.post("/login", data=fields)
        if answer.status_code != 303:
            raise RuntimeError(f"nobody could log in: {answer.status_code}")
        return dict(client.cookies)


def _walk(
    address: str,
    pages: Sequence[str],
    cookies: dict[str, str],
    *,
    users: int,
    rounds: int,
    pause: float,
) -> Walked:
    walked = Walked()

    def one(number: int) -> None:
        order = random.Random(number)  # noqa: S311 - an order to walk in, no secret
        with httpx.Client(base_url=address, cookies=cookies, timeout=60, trust_env=False) as client:
            time.sleep(order.random() * pause)
            for _ in range(rounds):
                for page in order.sample(list(pages), len(pages)):
                    began = time.perf_counter()
                    status = client.get(page, follow_redirects=False).status_code
                    took = (time.perf_counter() - began) * 1_000
                    walked.note(page, took, 200 if status in (200, 303) else status)
                    time.sleep(pause)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return walked


def main() -> None:
    """Measure on both databases, or on the one named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--subscriptions", type=int, default=100_000)
    asked.add_argument("--months", type=int, default=10)
    asked.add_argument("--users", type=int, default=USERS)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--pause", type=float, default=1.0)
    asked.add_argument("--kind", choices=("sqlite", "postgresql"), default=None)
    asked.add_argument("--skip", default="$^")
    given = asked.parse_args()
    kinds: tuple[Kind, ...] = ("sqlite", "postgresql") if given.kind is None else (given.kind,)
    try:
        for kind in kinds:
            for figure in measure(
                kind=kind,
                subscriptions=given.subscriptions,
                months=given.months,
                users=given.users,
                rounds=given.rounds,
                pause=given.pause,
                skip=given.skip,
            ):
                print(f"{figure.name}: {figure.value:,.1f} {figure.unit}", flush=True)
    finally:
        stop_postgres()


if __name__ == "__main__":
    main()
