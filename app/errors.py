"""Turns what went wrong into one line and an exit code; a user never sees a traceback."""

import os
import sys
import traceback
from collections.abc import Callable

import typer

DONE, REFUSED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130


def explained(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; say on standard error why it was refused."""
    try:
        result = command()
        return result if isinstance(result, int) else DONE
    except typer.Exit as leaving:
        return leaving.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.TyperException as error:
        return _say(error.format_message(), code=BAD_USAGE)
    except BrokenPipeError:
        # The reader of our output left (`autopay charges | head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        return _say(_explanation(error))


def _explanation(error: Exception) -> str:
    # Imported only now: `--help` need not wait for the database's and Amazon's libraries.
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, _foreseen()):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"the database refused: {str(error.orig).splitlines()[0]}; check it and retry"
    if isinstance(error, OSError) and error.filename is not None:
        return (
            f"{error.filename} cannot be used ({error.strerror}); check the path in the settings "
            "or on the command line, its rights, and the room on the disk"
        )
    if os.environ.get("AUTOPAY_TRACEBACK"):
        traceback.print_exception(error)
    return (
        f"a fault of autopay itself ({type(error).__name__}: {error}); nothing is half done. "
        "Please report it with the output of AUTOPAY_TRACEBACK=1"
    )


def _foreseen() -> tuple[type[Exception], ...]:
    """Errors whose message already says what to do."""
    from amazonpay import AmazonPayError
    from app.migrations import DatabaseBehind
    from app.problems import Refused
    from billing import (
        AmazonUnreachable,
        BadMasterKey,
        CannotUnseal,
        DatabaseUnavailable,
        NoKeys,
        UnknownAuditMerchant,
        UnknownMerchant,
        WrongEnvironment,
    )
    from plans import BadInput
    from scheduler import AmazonSilent, RunStopped

    return (
        AmazonPayError,
        AmazonSilent,
        AmazonUnreachable,
        BadInput,
        BadMasterKey,
        CannotUnseal,
        DatabaseBehind,
        DatabaseUnavailable,
        NoKeys,
        Refused,
        RunStopped,
        UnknownAuditMerchant,
        UnknownMerchant,
        WrongEnvironment,
    )


def _say(message: str, *, code: int = REFUSED) -> int:
    # Foreign text (a driver's, a user's) may run over lines; a refusal is always one.
    sys.stderr.write(f"autopay: {' '.join(message.split())}\n")
    return code
