"""The clock of a sandbox's books: the machine's, plus an offset that only ever grows.

The offset is kept in a file, so that every process that works on these books tells the same time
and a restart goes on where the last one ended.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

MICROSECOND = timedelta(microseconds=1)


class VirtualClock:
    """Runs at the machine's pace, as far ahead of it as the file says; without one, on time."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: tuple[object, timedelta] = (None, timedelta())

    def now(self) -> datetime:
        """The virtual instant, aware, in UTC."""
        return datetime.now(UTC) + self._offset()

    @property
    def is_set(self) -> bool:
        """True once somebody has said what time it is here."""
        return self._file.exists()

    def begin(self, *, at: datetime) -> None:
        """Say for the first time what time it is; nothing happens when it is known."""
        if not self.is_set:
            self._keep(at)

    def move_to(self, at: datetime) -> None:
        """Go on from a later instant; one that is past already leaves the clock as it is."""
        if at > self.now():
            self._keep(at)

    def _keep(self, at: datetime) -> None:
        microseconds = (at - datetime.now(UTC)) // MICROSECOND
        write_whole(self._file, json.dumps({"offset_us": microseconds}))

    def _offset(self) -> timedelta:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return timedelta()
        # Every write makes a new file, so these three tell it from the one before.
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if stamp != self._known[0]:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            self._known = (stamp, kept["offset_us"] * MICROSECOND)
        return self._known[1]


def write_whole(file: Path, text: str) -> None:
    """Replace a small file in one step: whoever reads it sees the old text or the new one."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    with fresh.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
