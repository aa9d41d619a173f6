"""Keeps a program from sending with books that belong elsewhere or that went back in time.

Before anything is sent the environment's mark is compared with where we are. Beside the books, and
outside of them, a small file holds the newest attempt that this machine has sent: books that do not
know it come from a backup, and they start in reconcile-only mode without anybody saying so.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Engine

from billing import Merchant, reading, writing
from billing.restore import SentMark, begin_restoration, is_known, newest_sent
from billing.store.environment import (
    Here,
    Mark,
    NotThisEnvironment,
    differences,
    is_pinned,
    load_mark,
    mark_environment,
    pin_environment,
    refusal,
)

log = logging.getLogger(__name__)

BY = "engine"
# The file is written at most this often while charges are under way, and at the end of a run.
EVERY_SECONDS = 1.0
# Databases whose newest attempt is remembered; a folder in which tests come and go fills slowly.
MOST_DATABASES = 50


@dataclass(slots=True)
class EnvironmentGuard:
    """Checks one database before sending from it; `look` says where we are, read each time."""

    database: Engine
    look: Callable[[], Here]
    file: Path
    _written_at: float = field(default=-EVERY_SECONDS)

    def check(self, merchant: Merchant, *, at: datetime) -> None:
        """Raise `NotThisEnvironment` for books of another environment; pin those of none.

        Books that went back in time begin a restoration: they replay and compare, nothing more.
        """
        found = self.look()
        mark = self._compared(merchant, found)
        mark = self._pinned(mark, found, merchant, at)
        self._check_time(mark, at)

    def compare(self, merchant: Merchant) -> None:
        """Raise `NotThisEnvironment` for books of another environment, or that went back in time,
        and note nothing: neither a copy nor books from a backup must write to customers."""
        mark = self._compared(merchant, self.look())
        reason = None if mark is None else self._went_back(mark)
        if reason is not None:
            raise NotThisEnvironment(f"{reason}; nobody is told anything before charging looks")

    def _compared(self, merchant: Merchant, found: Here) -> Mark | None:
        with reading(self.database) as connection:
            mark = load_mark(connection)
            if mark is None:
                return None
            told = differences(connection, mark, found, merchant_id=merchant.id)
        if told:
            raise NotThisEnvironment(refusal(told))
        return mark

    def sent(self, *, now: bool = False) -> None:
        """Note the newest attempt outside the books; `now` also if that was done just before."""
        moment = time.monotonic()
        if not now and moment - self._written_at < EVERY_SECONDS:
            return
        self._written_at = moment
        with reading(self.database) as connection:
            mark, newest = load_mark(connection), newest_sent(connection)
        if mark is not None and newest is not None:
            self._write(mark.uid, newest)

    def _pinned(self, mark: Mark | None, found: Here, merchant: Merchant, at: datetime) -> Mark:
        def pin(connection: Connection) -> Mark:
            mark_environment(connection, name=found.name, uid=uuid4().hex, at=at, by=BY)
            pin_environment(connection, found, merchant_id=merchant.id, at=at, by=BY)
            pinned = load_mark(connection)
            if pinned is None:
                raise AssertionError("a mark that was just written is not there")
            return pinned

        with reading(self.database) as connection:
            if mark is not None and is_pinned(connection, mark, merchant_id=merchant.id):
                return mark
        return writing(self.database, pin)

    def _check_time(self, mark: Mark, at: datetime) -> None:
        reason = self._went_back(mark)
        if reason is None:
            return
        log.error("%s; nothing new is charged until they are compared with Amazon", reason)
        writing(self.database, lambda c: begin_restoration(c, by=BY, reason=reason, at=at))
        self.sent(now=True)

    def _went_back(self, mark: Mark) -> str | None:
        """Why these books must come from a backup, in words; None when nothing says so."""
        remembered = self._read().get(mark.uid)
        if remembered is None:
            return None
        with reading(self.database) as connection:
            known = is_known(connection, remembered)
        if known:
            return None
        return (
            f"this machine has sent charge attempt {remembered.attempt_id}, which these books do "
            "not know: they come from a backup"
        )

    def _read(self) -> dict[str, SentMark]:
        with suppress(OSError, ValueError, TypeError, AttributeError):
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return {uid: SentMark(**values) for uid, values in found.items()}
        return {}

    def _write(self, uid: str, newest: SentMark) -> None:
        marks = self._read()
        marks.pop(uid, None)
        kept = dict(list(marks.items())[-MOST_DATABASES + 1 :]) | {uid: newest}
        text = json.dumps({name: mark.as_json() for name, mark in kept.items()}, indent=1)
        draft = self.file.with_name(f"{self.file.name}.{os.getpid()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text + "\n", encoding="utf-8")
            draft.replace(self.file)
        except OSError as error:
            # A second net under the mark in the books; charging does not hang on it.
            log.warning("%s cannot be written: %s", self.file, error)
