"""What was moved when: a short file beside the clock, so that a move outlives its process."""

import fcntl
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from app.travel.clock import write_whole

KEPT = 30


class MoveState(StrEnum):
    """How a move stands."""

    MOVING = "moving"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Move:
    """One move of the clock; instants are virtual. `why` says in words what stopped it."""

    number: int
    by: str
    from_at: datetime
    to_at: datetime
    reached_at: datetime
    state: MoveState = MoveState.MOVING
    why: str = ""

    @property
    def is_under_way(self) -> bool:
        """True until it is done or stopped, also while nobody carries it on."""
        return self.state is MoveState.MOVING


@dataclass(frozen=True, slots=True)
class Journal:
    """The last moves of one local Amazon Pay, in a file."""

    file: Path

    def moves(self) -> Sequence[Move]:
        """Oldest first; none where nothing was ever moved."""
        if not self.file.exists():
            return ()
        return [_read(each) for each in json.loads(self.file.read_text(encoding="utf-8"))]

    def last(self) -> Move | None:
        """The newest move."""
        return next(reversed(self.moves()), None)

    def begin(self, *, by: str, from_at: datetime, to_at: datetime) -> Move:
        """Write a new move down; only for whoever holds the lock."""
        last = self.last()
        number = 1 if last is None else last.number + 1
        return self.keep(Move(number, by, from_at, to_at, from_at))

    def reached(self, move: Move, at: datetime) -> Move:
        """A step of the move is done."""
        return self.keep(replace(move, reached_at=at))

    def ended(self, move: Move, *, why: str = "") -> Move:
        """The move is over; `why` says what stopped it before its end."""
        state = MoveState.STOPPED if why else MoveState.DONE
        return self.keep(replace(move, state=state, why=why))

    def keep(self, move: Move) -> Move:
        """Write a move as it is now."""
        others = [each for each in self.moves() if each.number != move.number]
        rows = [_written(each) for each in [*others, move][-KEPT:]]
        write_whole(self.file, json.dumps(rows, ensure_ascii=False))
        return move

    def lock(self) -> IO[str] | None:
        """The right to move, for one process at a time; ends when it is closed or dies."""
        stream = self.file.with_suffix(".lock").open("w")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            stream.close()
            return None
        return stream


def _written(move: Move) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(move).items()
    }


def _read(row: dict[str, Any]) -> Move:
    instants = {
        name: datetime.fromisoformat(row[name]) for name in ("from_at", "to_at", "reached_at")
    }
    return Move(**(row | instants | {"state": MoveState(row["state"])}))
