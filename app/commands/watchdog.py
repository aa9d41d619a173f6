"""`autopay audit --every`: audits again and again, and stops charging when money may be wrong.

It is a process of its own, which the engine neither starts nor can stop. What it has verified of
the chain it remembers itself: nobody who writes to the database can talk it out of it.
"""

import logging
import signal
import sys
import time
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from app.commands.audit import Seen, finding_line, look, read_heads
from app.context import Books, opened_books
from app.output import note, say, write_json
from app.problems import Refused
from app.settings import load_settings
from billing import AmazonUnreachable, Head
from scheduler import Ending, SystemClock

log = logging.getLogger(__name__)

# Between, only what was chained since is verified; the rest could only be changed in the database.
WHOLE_CHAIN_EVERY_SECONDS = 86_400.0


def watch(*, every: int, amazon: bool, as_json: bool, head: Path | None, pull_brake: bool) -> None:
    """Audit every so many seconds until Ctrl-C or SIGTERM; exit 1 if the last round found faults.

    A database or an Amazon that is away is told and tried again.
    """
    known = () if head is None else read_heads(head)
    ending = Ending()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ending.ask())
    faults = 0
    with opened_books(load_settings()) as books:
        note(f"auditing every {every} seconds; Ctrl-C ends it")
        rounds = _Rounds(books, known, amazon=amazon, pull_brake=pull_brake)
        while not ending.is_asked:
            seen = rounds.next()
            if seen is not None:
                faults = len(seen.report.findings)
                _tell(seen, as_json=as_json)
            ending.wait(every)
    if faults:
        raise Refused(f"the last audit found {faults} faults")


class _Rounds:
    """One round after another; remembers how far the chain is verified."""

    def __init__(
        self, books: Books, known: tuple[Head, ...], *, amazon: bool, pull_brake: bool
    ) -> None:
        self._books = books
        self._kept = self._known = known
        self._amazon = amazon
        self._pull_brake = pull_brake
        self._since: tuple[Head, ...] = ()
        self._whole_at = time.monotonic()

    def next(self) -> Seen | None:
        """Audit once; None when the database or Amazon was away."""
        if time.monotonic() - self._whole_at > WHOLE_CHAIN_EVERY_SECONDS:
            # The heads stay known: the chain may have grown, but not become another one.
            self._known, self._since = (*self._kept, *self._since), ()
            self._whole_at = time.monotonic()
        try:
            seen = look(
                self._books,
                known=self._known,
                since=self._since,
                amazon=self._amazon,
                pull_brake=self._pull_brake,
            )
        except (DBAPIError, AmazonUnreachable) as away:
            note(f"not audited, the next round tries again: {str(away).splitlines()[0]}")
            return None
        if seen.report.ok:
            self._since = seen.heads
        return seen


def _tell(seen: Seen, *, as_json: bool) -> None:
    if as_json:
        write_json(seen.report.as_json())
    else:
        report = seen.report
        moment = f"{SystemClock().now():%Y-%m-%d %H:%M:%S} UTC"
        word = "in order" if report.ok else f"{len(report.findings)} faults"
        say(f"{moment}: {word}; {report.slots:,} slots, {report.chained:,} entries verified")
        for finding in report.findings:
            say(finding_line(finding))
    # Whoever reads the other end of a pipe wants each round when it is over.
    sys.stdout.flush()
    for finding in seen.stopped_for:
        note(f"the brake was pulled for {finding.kind} {finding.subject}")
