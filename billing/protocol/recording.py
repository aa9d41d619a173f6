"""How answers of Amazon's are recorded: together, and one that cannot be written set aside alone.

Charges, refunds and acts on charges share this. What cannot be written is never lost: it goes to
a person with what Amazon said.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import OperationalError

Answer = TypeVar("Answer")


def record_together(
    answers: Sequence[Answer],
    *,
    write: Callable[[Sequence[Answer]], None],
    set_aside: Callable[[Answer, Exception], None],
) -> None:
    """Write answers in one transaction; if that fails, each in one of its own.

    `write` is a whole transaction. `set_aside` gets the one answer that cannot be written and
    why. A database that is away is nobody's fault: `OperationalError` is raised, nothing is
    written, and the same answers come again.
    """
    try:
        write(answers)
    except OperationalError:
        raise
    except Exception as error:
        if len(answers) == 1:
            set_aside(answers[0], error)
            return
        for answer in answers:
            record_together([answer], write=write, set_aside=set_aside)


def cannot_be_recorded(said: str, error: Exception) -> str:
    """The words kept with what was set aside: what Amazon said, and why it was not written."""
    return f"Amazon said {said}, which cannot be recorded: {type(error).__name__}: {error}"
