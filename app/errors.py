"""Turns what went wrong into one line and an exit code; a user never sees a traceback."""

import os
import sys
import traceback
from collections.abc import Callable

import typer
from sqlalchemy.exc import DBAPIError

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
from scheduler import RunStopped

FORESEEN = (
    AmazonPayError,
    AmazonUnreachable,
    BadInput,
    BadMasterKey,
    CannotUnseal,
    DatabaseBehind,
    AmazonUnreachable,
    DatabaseUnavailable,
    NoKeys,
    Refused,
    RunStopped,
    UnknownAuditMerchant,
    UnknownMerchant,
    WrongEnvironment,
)
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
    except FORESEEN as error:
        return _say(str(error))
    except DBAPIError as error:
        return _say(f"the database refused: {str(error.orig).splitlines()[0]}; check it and retry")
    except Exception as error:
        if os.environ.get("AUTOPAY_TRACEBACK"):
            traceback.print_exc()
        return _say(
            f"a fault of autopay itself ({type(error).__name__}: {error}); nothing is half done. "
            "Please report it with the output of AUTOPAY_TRACEBACK=1"
        )


def _say(message: str, *, code: int = REFUSED) -> int:
    sys.stderr.write(f"autopay: {message}\n")
    return code
