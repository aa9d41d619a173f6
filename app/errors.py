"""Turns what went wrong into one line and an exit code; a user never sees a traceback."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import TextIO

import typer

from app.output import visible

DONE, REFUSED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def explained(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; say on standard error why it was refused."""
    try:
        result = command()
        # What cannot be written must be told here, not by the interpreter on its way out.
        sys.stdout.flush()
        return result if isinstance(result, int) else DONE
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.TyperException as error:
        from app.usage import usage_words

        return _say(usage_words(error), code=BAD_USAGE)
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as leaving:
        # So typer ends a command whose reader has left.
        if isinstance(leaving.__context__, BrokenPipeError):
            return _reader_left()
        raise
    except Exception as error:
        return _say(_explanation(error))


def _reader_left() -> int:
    """The reader of our output left (`autopay charges | head`): nothing is wrong."""
    # typer puts a wrapper around a broken output, and the interpreter flushes it at its end.
    sys.stdout = sys.stderr = _nowhere()
    os.dup2(sys.stdout.fileno(), 1)
    return DONE


def open_streams() -> None:
    """Give a program that was started without an output (`autopay … >&-`) one to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, _nowhere())


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _explanation(error: Exception) -> str:
    # Imported only now: `--help` need not wait for the database's and Amazon's libraries.
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, foreseen()):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"the database refused: {str(error.orig).splitlines()[0]}; check it and retry"
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{error.filename} cannot be used ({error.strerror}); check the path in the settings "
            "or on the command line, its rights, and the room on the disk"
        )
    if isinstance(error, OSError) and error.strerror:
        return (
            f"the system refused ({error.strerror}); make room on the disk or check the network "
            "addresses of `autopay settings`, and retry"
        )
    if os.environ.get("AUTOPAY_TRACEBACK"):
        traceback.print_exception(error)
    return (
        f"a fault of autopay itself ({type(error).__name__}: {error}); nothing is half done. "
        "Please report it with the output of AUTOPAY_TRACEBACK=1"
    )


def foreseen() -> tuple[type[Exception], ...]:
    """Errors whose message already says what to do; a test holds all of the rooms against it."""
    from amazonpay import AmazonPayError, FastTransportMissing
    from app.migrations import DatabaseBehind
    from app.problems import Refused
    from billing import (
        AmazonUnreachable,
        BadMasterKey,
        CannotUnseal,
        DatabaseUnavailable,
        NoKeys,
        RowRefused,
        ShipmentsRefused,
        TermsAlreadySet,
        UnknownAuditMerchant,
        UnknownMerchant,
        WrongEnvironment,
    )
    from billing.evidence import UnreadableReport
    from billing.quotes import CapRefuses, StaleQuote
    from billing.store.environment import NotThisEnvironment
    from plans import PlansError
    from scheduler import AmazonSilent, RunStopped

    return (
        AmazonPayError,
        AmazonSilent,
        AmazonUnreachable,
        BadMasterKey,
        CannotUnseal,
        CapRefuses,
        DatabaseBehind,
        DatabaseUnavailable,
        FastTransportMissing,
        NoKeys,
        NotThisEnvironment,
        PlansError,
        Refused,
        RowRefused,
        RunStopped,
        ShipmentsRefused,
        StaleQuote,
        TermsAlreadySet,
        UnknownAuditMerchant,
        UnknownMerchant,
        UnreadableReport,
        WrongEnvironment,
    )


def _say(message: str, *, code: int = REFUSED) -> int:
    # Foreign text (a driver's, a user's) may run over lines; a refusal is always one.
    sys.stderr.write(f"autopay: {visible(' '.join(message.split()))}\n")
    return code
