"""How fast every page is with large books and many readers at once.

    python -m scripts.benchmarks.pages [--subscriptions N] [--months M] [--users U] [--pause S]
                                       [--kind sqlite|postgresql] [--database URL] [--keep FOLDER]
                                       [--rounds R] [--only PATTERN] [--skip PATTERN]

Each user walks through all GET pages of the router again and again, in an order of its own, and
asks for the next one `--pause` seconds after the last one came. A page's figure is the 95th
percentile of its times, first visits included; a file's time ends with its first byte. The server
is one process of the pages as they are, a few seconds old. Before that walk one reader asks for
each page alone, and the processor time of server and database is counted: it means the same on a
busy machine. With `--users 0` that is all. `--keep` leaves the books for the next run of the day.
"""

import argparse
import random
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from billing import open_engine
from scripts.benchmarks.figures import Figure
from scripts.benchmarks.kept_books import kept_books
from scripts.benchmarks.pages_addresses import BARE, Page, Walk, prepare_walk
from scripts.benchmarks.pages_books import PageBooks, now_of_books, write_page_books
from scripts.benchmarks.pages_server import Served, log_in, served
from scripts.benchmarks.rig import Kind, database_of, stop_postgres

MOST_MS = 150.0
MOST_BYTES = 100_000
USERS = 20
ALONE = 7
# A server that spends less in a second does nothing.
IDLE_MS, MOST_SECONDS_AHEAD = 30.0, 60.0
FINE = (200, 303)


@dataclass
class Seen:
    """What one page took: times in milliseconds, its size, its answers' states.

    `first_cpu_ms` and `cpu_ms` are processor time of server and database for the very first visit
    and for a later one, by a reader who is alone.
    """

    times: list[float] = field(default_factory=list)
    states: set[int] = field(default_factory=set)
    size: int = 0
    first_cpu_ms: float | None = None
    cpu_ms: float | None = None

    @property
    def p50(self) -> float:
        """Half of the answers came within so many milliseconds."""
        return _share(self.times, 50)

    @property
    def p95(self) -> float:
        """95 of 100 answers came within so many milliseconds."""
        return _share(self.times, 95)


@dataclass
class Walked:
    """Every page by its address."""

    pages: dict[str, Seen] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, page: Page, milliseconds: float, status: int, size: int) -> None:
        """Keep one answer."""
        with self.lock:
            seen = self.pages.setdefault(page.address, Seen())
            seen.times.append(milliseconds)
            seen.states.add(status)
            seen.size = max(seen.size, 0 if page.is_file else size)


def measure(
    *,
    kind: Kind,
    subscriptions: int,
    months: int,
    users: int = USERS,
    rounds: int = 3,
    pause: float = 1.0,
    only: str = "",
    skip: str = "$^",
    url: str | None = None,
    keep: Path | None = None,
) -> list[Figure]:
    """The slowest, the dearest and the largest page; prints a line for every page.

    `only` and `skip` are patterns of pages to take or to leave out. `url` names books that were
    written before, `keep` a folder in which they are kept for the next run; without both they are
    made and thrown away.
    """
    with _served(kind, subscriptions, months, url, keep) as (server, walk, cookies):
        pages = [
            page
            for page in walk.pages
            if page.address == BARE
            or (re.search(only, page.address) and not re.search(skip, page.address))
        ]
        alone = _alone(server, pages, cookies)
        walked = _walk(server.address, pages, cookies, users=users, rounds=rounds, pause=pause)
    for address, seen in walked.pages.items():
        seen.first_cpu_ms = alone[address].first_cpu_ms
        seen.cpu_ms = alone[address].cpu_ms
    if not walked.pages:
        walked.pages = alone
    _print(kind, walked)
    of = f"{kind}, {subscriptions:,} subscriptions, {subscriptions * months:,} charges"
    return _figures(walked, of)


def _figures(walked: Walked, of: str) -> list[Figure]:
    seen = list(walked.pages.values())
    bare = walked.pages[BARE]
    slowest = max(each.p95 for each in seen)
    costs = [each.cpu_ms for each in seen if each.cpu_ms is not None]
    dearest = max(costs, default=None)
    limit = "the same of a page with nothing on it"
    return [
        Figure(
            name=f"slowest page, p95 ({of})",
            value=slowest,
            unit="ms",
            required=MOST_MS,
            bound="at most",
            ratio=slowest / bare.p95 if bare.p95 else None,
            ratio_to=limit,
        ),
        Figure(
            name=f"all pages, p95 ({of})",
            value=_share([time for each in seen for time in each.times], 95),
            unit="ms",
        ),
        Figure(
            name=f"dearest page, processor time ({of})",
            value=dearest,
            unit="ms",
            ratio=dearest / bare.cpu_ms if dearest and bare.cpu_ms else None,
            ratio_to=limit,
        ),
        Figure(
            name=f"largest page ({of})",
            value=max(each.size for each in seen) / 1_000,
            unit="KB",
            required=MOST_BYTES / 1_000,
            bound="at most",
        ),
        Figure(name=f"pages measured ({of})", value=len(seen), unit=""),
    ]


def _print(kind: Kind, walked: Walked) -> None:
    bare = walked.pages[BARE]
    head = "p50 ms", "p95 ms", "x bare", "cpu ms", "first", "KB", "answer"
    print(f"{kind:10} " + "".join(f"{word:>9}" for word in head) + "  page", flush=True)
    for address, seen in sorted(walked.pages.items(), key=_dearest_first):
        cells = (
            *(f"{seen.p50:.1f}", f"{seen.p95:.1f}", f"{seen.p95 / max(bare.p95, 1):.1f}"),
            *(_text(seen.cpu_ms), _text(seen.first_cpu_ms), f"{seen.size / 1_000:.1f}"),
            ",".join(str(state) for state in sorted(seen.states)),
        )
        print(f"{kind:10} " + "".join(f"{cell:>9}" for cell in cells) + f"  {address}", flush=True)


def _dearest_first(item: tuple[str, Seen]) -> tuple[float, float]:
    return -item[1].p95, -(item[1].cpu_ms or 0)


def _text(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds:.1f}"


def _share(times: Sequence[float], percent: int) -> float:
    if not times:
        return 0.0
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@contextmanager
def _served(
    kind: Kind, subscriptions: int, months: int, url: str | None, keep: Path | None
) -> Iterator[tuple[Served, Walk, dict[str, str]]]:
    """The pages on large books, every page, and the cookies of those who read them."""
    folder = Path(tempfile.mkdtemp(prefix="pages-"))
    with ExitStack() as ending:
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        books = PageBooks(subscriptions, months, now_of_books())
        if url is None and keep is not None:
            write = partial(_written, kind, books)
            kept = kept_books(kind, keep, about=repr(books), write=write)
            url = ending.enter_context(kept)
        elif url is None:
            url = ending.enter_context(database_of(kind, folder))
            _written(kind, books, url)
        database = open_engine(url)
        ending.callback(database.dispose)
        walk = prepare_walk(database)
        server = ending.enter_context(served(database, folder))
        yield server, walk, log_in(server.address) | {"autopay_my": walk.customer_session}


def _written(kind: Kind, books: PageBooks, url: str) -> None:
    began = time.perf_counter()
    database = open_engine(url)
    try:
        write_page_books(database, books)
    finally:
        database.dispose()
    print(f"{kind:10} books written in {time.perf_counter() - began:.0f} s", flush=True)


def _ask(client: httpx.Client, page: Page) -> tuple[float, int, int]:
    """Milliseconds, state and bytes of one answer; of a file up to its first byte."""
    began = time.perf_counter()
    with client.stream("GET", page.address, follow_redirects=False) as answer:
        if page.is_file:
            next(answer.iter_raw(), b"")
            return (time.perf_counter() - began) * 1_000, answer.status_code, 0
        size = len(answer.read())
    return (time.perf_counter() - began) * 1_000, answer.status_code, size


def _client(address: str, cookies: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=address, cookies=cookies, timeout=120, trust_env=False)


def _alone(server: Served, pages: Sequence[Page], cookies: dict[str, str]) -> dict[str, Seen]:
    """Processor time of each page for one reader: the first visit, and the median of later ones."""
    found: dict[str, Seen] = {}
    with _client(server.address, cookies) as client:
        _ask(client, Page(BARE))  # it is up
        _settled(server)
        for page in pages:
            spent = [_spent(server, client, page) for _ in range(ALONE)]
            later = [each for each in spent[1:] if each is not None]
            found[page.address] = Seen(
                first_cpu_ms=spent[0], cpu_ms=_share(later, 50) if later else None
            )
    return found


def _settled(server: Served) -> None:
    """Wait until the server has asked ahead, as one that was started this morning has."""
    deadline = time.monotonic() + MOST_SECONDS_AHEAD
    before, now = 0.0, server.spent_ms()
    while now is not None and now - before > IDLE_MS and time.monotonic() < deadline:
        time.sleep(1.0)
        before, now = now, server.spent_ms()


def _spent(server: Served, client: httpx.Client, page: Page) -> float | None:
    before = server.spent_ms()
    _ask(client, page)
    after = server.spent_ms()
    return None if before is None or after is None else after - before


def _walk(
    address: str,
    pages: Sequence[Page],
    cookies: dict[str, str],
    *,
    users: int,
    rounds: int,
    pause: float,
) -> Walked:
    walked = Walked()

    def one(number: int) -> None:
        order = random.Random(number)  # noqa: S311 - an order to walk in, no secret
        with _client(address, cookies) as client:
            time.sleep(order.random() * pause)
            for _ in range(rounds):
                for page in order.sample(list(pages), len(pages)):
                    walked.note(page, *_ask(client, page))
                    time.sleep(pause)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return walked


def main() -> None:
    """Measure on both databases, or on the one named."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--subscriptions", type=int, default=100_000)
    asked.add_argument("--months", type=int, default=10)
    asked.add_argument("--users", type=int, default=USERS)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--pause", type=float, default=1.0)
    asked.add_argument("--kind", choices=("sqlite", "postgresql"), default=None)
    asked.add_argument("--database", help="books that `pages_books` wrote before", default=None)
    asked.add_argument("--keep", type=Path, help="folder of books for the next run", default=None)
    asked.add_argument("--only", default="")
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
                only=given.only,
                skip=given.skip,
                url=given.database,
                keep=given.keep,
            ):
                print(f"{figure.name}: {figure.value or 0:,.1f} {figure.unit}", flush=True)
    finally:
        stop_postgres()


if __name__ == "__main__":
    main()
