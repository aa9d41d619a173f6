"""What Amazon Pay must do, as tables from states.md; it shares no code with the local Amazon Pay.

Instants are whole virtual seconds since 1970 UTC, since bodies show seconds only.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

DAY = 86_400
PENDING = CAPTURE = REFUND = 30
AUTHORIZATION = 30 * DAY
SYNCHRONOUS_CAPTURE = 7 * DAY
SESSION = DAY
PERMISSION_MONTHS = 13
MOST_REFUNDS = 10

# states.md §1–§4: every move an object may make; what is not here is terminal.
CHARGE_MOVES = {
    "AuthorizationInitiated": {"Authorized", "Captured", "Declined", "Canceled"},
    "Authorized": {"Captured", "CaptureInitiated", "Canceled", "Declined"},
    "CaptureInitiated": {"Captured", "Declined"},
}
PERMISSION_MOVES = {
    "Chargeable": {"NonChargeable", "Closed"},
    "NonChargeable": {"Chargeable", "Closed"},
}
REFUND_MOVES = {"RefundInitiated": {"Refunded", "Declined"}}
SESSION_MOVES = {"Open": {"Completed", "Canceled"}}

# states.md §7: the answer to a declined Create Charge, and what becomes of the permission.
DECLINES: dict[str, tuple[str, str] | None] = {
    "SoftDeclined": None,
    "HardDeclined": ("NonChargeable", "PaymentMethodInvalid"),
    "AmazonRejected": ("Closed", "AmazonCanceled"),
    "TransactionTimedOut": None,
    "PaymentMethodNotAllowed": ("NonChargeable", "PaymentMethodNotAllowed"),
    "MFANotCompleted": None,
}
# sandbox-simulation.md §4: codes of Create Charge.
CODES = ("SoftDeclined", "HardDeclined", "AmazonRejected", "TransactionTimedOut")


@dataclass
class Refund:
    id: str
    amount: int
    created: int
    state: str = "RefundInitiated"
    changed: int = 0


@dataclass
class Charge:
    id: str
    permission: "Permission"
    amount: int
    state: str
    created: int
    changed: int
    month: str
    capture_now: bool
    reason: str | None = None
    ends_in: str | None = None
    captured: int = 0
    authorized_at: int = 0
    refunds: list[Refund] = field(default_factory=list)

    @property
    def takes_room(self) -> bool:
        """Whether it counts against its month: canceled, expired and declined ones do not."""
        return self.state not in ("Canceled", "Declined")

    @property
    def refundable(self) -> int:
        """Japan: the captured amount and the lesser of 15 % and ¥8,400, less what was asked."""
        extra = min(self.captured * 15 // 100, 8_400)
        return self.captured + extra - sum(refund.amount for refund in self.refunds)

    def move(self, state: str, at: int, reason: str | None = None) -> None:
        assert state in CHARGE_MOVES[self.state], (self.id, self.state, state)
        self.state, self.reason, self.changed = state, reason, at

    def capture(self, amount: int, at: int, *, late: bool, ends_in: str | None) -> None:
        self.captured = amount
        self.ends_in = ends_in
        self.move("CaptureInitiated" if late else "Captured", at)

    @property
    def due(self) -> int | None:
        if self.state == "AuthorizationInitiated":
            return self.created + PENDING
        if self.state == "Authorized":
            return self.created + AUTHORIZATION
        return self.changed + CAPTURE if self.state == "CaptureInitiated" else None

    def fire(self, at: int) -> None:
        if self.state == "Authorized":
            self.move("Canceled", at, "ExpiredUnused")
        elif self.ends_in is not None:
            self.captured = 0
            self.move("Declined", at, self.ends_in)
            self.permission.decline(self.ends_in, at)
        elif self.state == "CaptureInitiated":
            self.move("Captured", at)
        else:
            self.authorized_at = at
            self.captured = self.amount if self.capture_now else 0
            self.move("Captured" if self.capture_now else "Authorized", at)


@dataclass
class Permission:
    id: str
    limit: int
    changed: int
    expires: int
    state: str = "Chargeable"
    reason: str | None = None
    script: list[str] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)

    def balance(self, month: str) -> int:
        used = sum(c.amount for c in self.charges if c.month == month and c.takes_room)
        return max(self.limit - used, 0)

    def move(self, state: str, reason: str | None, at: int) -> None:
        assert state == self.state != "Closed" or state in PERMISSION_MOVES[self.state]
        self.state, self.reason, self.changed = state, reason, at

    def decline(self, reason: str, at: int) -> None:
        effect = DECLINES.get(reason)
        if effect is not None and self.state != "Closed":
            self.move(*effect, at)

    def next_scripted(self) -> str:
        return self.script.pop(0) if self.script else "ok"


@dataclass
class Session:
    id: str
    created: int
    state: str = "Open"
    reason: str | None = None
    has_buyer: bool = False
    amount: int = 0
    intent: str = ""
    is_approved: bool = False

    def move(self, state: str, reason: str | None = None) -> None:
        assert state in SESSION_MOVES[self.state]
        self.state, self.reason = state, reason


@dataclass
class Model:
    """Everything that exists, and the second up to which it was played."""

    now: int
    permissions: list[Permission] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)

    @property
    def charges(self) -> list[Charge]:
        return [charge for permission in self.permissions for charge in permission.charges]

    @property
    def refunds(self) -> list[Refund]:
        return [refund for charge in self.charges for refund in charge.refunds]

    def play(self, now: int) -> None:
        """Lets everything happen that is due by then, in order."""
        while due := min(self._due(), key=lambda pair: pair[0], default=None):
            at, thing = due
            if at > now:
                break
            self._fire(thing, at)
        self.now = now

    def is_near(self, seconds: int) -> bool:
        """Whether something happens, or a limit passes, within so many seconds from now."""
        moments = [at for at, _ in self._due()]
        moments += [c.authorized_at + SYNCHRONOUS_CAPTURE for c in self.charges]
        moments.append(next_month(self.now))
        return any(self.now - 2 <= at <= self.now + seconds for at in moments)

    def _due(self) -> Iterator[tuple[int, "Charge | Refund | Permission | Session"]]:
        for charge in self.charges:
            if charge.due is not None:
                yield charge.due, charge
        for refund in self.refunds:
            if refund.state == "RefundInitiated":
                yield refund.created + REFUND, refund
        for permission in self.permissions:
            if permission.state != "Closed":
                yield permission.expires, permission
        for session in self.sessions:
            if session.state == "Open":
                yield session.created + SESSION, session

    @staticmethod
    def _fire(thing: "Charge | Refund | Permission | Session", at: int) -> None:
        if isinstance(thing, Charge):
            thing.fire(at)
        elif isinstance(thing, Refund):
            thing.state, thing.changed = "Refunded", at
        elif isinstance(thing, Permission):
            thing.move("Closed", "Expired", at)
        else:
            thing.move("Canceled", "Expired")


def month_of(at: int) -> str:
    """The calendar month in Japan."""
    return f"{datetime.fromtimestamp(at + 9 * 3600, UTC):%Y-%m}"


def next_month(at: int) -> int:
    """When the next month begins in Japan."""
    japan = datetime.fromtimestamp(at + 9 * 3600, UTC)
    first = (japan.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0)
    return int(first.timestamp()) - 9 * 3600


def months_later(at: int, months: int) -> int:
    """The same UTC day and time, or the last day of a shorter month."""
    moment = datetime.fromtimestamp(at, UTC)
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


def seconds(compact: str) -> int:
    """`20260401T000000Z`, or the control surface's ISO text, as seconds since 1970."""
    return int(datetime.fromisoformat(compact).timestamp())
