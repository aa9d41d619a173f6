"""A look whether Amazon Pay takes our signature, told in words: what failed and what to do.

One signed GET that changes nothing. Any answer about the object itself means that address, TLS,
clock, key id and signature are right.
"""

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from sqlalchemy import select

from amazonpay import (
    AmazonPayError,
    DefiniteRefusal,
    ErrorCode,
    InvalidArgument,
    Misconfigured,
    Throttled,
    UnknownOutcome,
)
from app.problems import Refused
from app.web.shell import Shell
from app.web.shell.tables import TABLES
from billing import CannotUnseal, NoKeys
from scheduler import BillingEngine

# No permission has it: in a shop that has none yet, Amazon's "not found" proves as much.
NOBODYS = {"live": "B03-0000000-0000000", "sandbox": "C03-0000000-0000000"}

_REFUSED = {
    ErrorCode.INVALID_REQUEST_SIGNATURE: "signature",
    ErrorCode.INVALID_AUTHENTICATION: "key_id",
    ErrorCode.UNAUTHORIZED_ACCESS: "key_id",
    ErrorCode.INVALID_ACCOUNT_STATUS: "account",
    ErrorCode.TLS_VERSION_NOT_SUPPORTED: "tls",
}
_BROKEN: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "dns"),
    (ssl.SSLError, "tls"),
    (ConnectionRefusedError, "refused"),
    (httpx.TimeoutException, "timeout"),
    (TimeoutError, "timeout"),
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found: `kind` names its words; `said` is what Amazon or the machine said of it."""

    kind: str
    said: str = ""
    request_id: str = ""

    @property
    def is_good(self) -> bool:
        """True when charges could be sent."""
        return self.kind == "good"


def check_connection(shell: Shell) -> Checked:
    """Ask Amazon for one permission, or for one that nobody has; never raises for the answer."""
    if shell.charging is None or shell.master_key is None:
        return Checked("no_engine")
    try:
        engine = shell.charging()
    except NoKeys:
        return Checked("no_keys")
    except (CannotUnseal, Refused, InvalidArgument) as unusable:
        return Checked("unusable", str(unusable))
    return _asked(shell, engine)


def _asked(shell: Shell, engine: BillingEngine) -> Checked:
    permission_id = shell.read(lambda connection: connection.execute(_newest(shell)).scalar())
    try:
        with engine.make_client() as client:
            client.get_charge_permission(permission_id or NOBODYS[shell.merchant.environment])
    except AmazonPayError as problem:
        return of_error(problem)
    return Checked("good")


def _newest(shell: Shell):  # type: ignore[no-untyped-def] # a Select whose type says nothing here
    permissions = TABLES["charge_permission"]
    mine = permissions.c.merchant_id == shell.merchant.id
    return select(permissions.c.amazon_id).where(mine).order_by(permissions.c.id.desc()).limit(1)


def of_error(problem: AmazonPayError) -> Checked:
    """What an answer, or its absence, says about the connection."""
    if isinstance(problem, Misconfigured):
        kind = _REFUSED.get(problem.reason_code, "header")
        if kind == "header" and "x-amz-pay-date" in problem.message.lower():
            kind = "clock"
        return Checked(kind, str(problem.reason_code.value), problem.request_id or "")
    if isinstance(problem, DefiniteRefusal):
        return Checked("good", request_id=problem.request_id or "")
    if isinstance(problem, Throttled):
        return Checked("throttled")
    if isinstance(problem, UnknownOutcome) and problem.status is None:
        return Checked(_broken(problem), problem.cause)
    return Checked("strange", str(problem))


def _broken(problem: BaseException) -> str:
    causes = list(_causes(problem))
    for kind_of_error, kind in _BROKEN:
        if any(isinstance(cause, kind_of_error) for cause in causes):
            return kind
    return "network"


def _causes(problem: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = problem
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
