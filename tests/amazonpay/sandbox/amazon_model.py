"""What Amazon Pay must do, as tables from states.md; it shares no code with the local Amazon Pay.

Instants are whole virtual milliseconds since 1970 UTC, durations milliseconds, money yen.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from amazon_calendar import DAY, SECOND, month_of, months_later, next_month

PENDING = CAPTURE = REFUND = 30 * SECOND
AUTHORIZATION = 30 * DAY
SYNCHRONOUS_CAPTURE = 7 * DAY
SESSION = DAY
FORGOTTEN = 30 * DAY
ORDER = 180 * DAY
TOKEN = 300 * SECOND
PERMISSION_MONTHS = 13
MOST_REFUNDS = 10
MOST_CHARGES = 25
HIGHEST = 10_000_000
LIMIT = 100_000
MIGRATED_LIMIT = 50_000

# states.md §1-§4: every move an object may make; what is not here is terminal.
CHARGE_MOVES = {
    "AuthorizationInitiated": {"Authorized", "Captured", "Declined", "Canceled"},
    "Authorized": {"Captured", "CaptureInitiated", "Canceled", "Declined"},
    "CaptureInitiated": {"Captured", "Declined"},
}
PERMISSION_MOVES = {
    "Chargeable": {"Chargeable", "NonChargeable", "Closed"},
    "NonChargeable": {"Chargeable", "NonChargeable", "Closed"},
}
REFUND_MOVES = {"RefundInitiated": {"Refunded", "Declined"}}
SESSION_MOVES = {"Open": {"Completed", "Canceled"}}
STILL_OPEN = frozenset(CHARGE_MOVES)

# states.md §7: the answer to a declined Create Charge, and what becomes of the permission.
DECLINES: dict[str, tuple[str, str] | None] = {
    "SoftDeclined": None,
    "HardDeclined": ("NonChargeable", "PaymentMethodInvalid"),
    "AmazonRejected": ("Closed", "AmazonCanceled"),
    "TransactionTimedOut": None,
    "PaymentMethodNotAllowed": ("NonChargeable", "PaymentMethodNotAllowed"),
    "MFANotCompleted": None,
}
# sandbox-simulation.md §4 and §2: header codes and cards.
CHARGE_CODES = ("SoftDeclined", "HardDeclined", "AmazonRejected", "TransactionTimedOut")
COMPLETE_CODES = ("BuyerCanceled", "AmazonCanceled", "Declined", "AuthorizationInitiated")
CARDS_ON_RETURN = {"3064": "BuyerCanceled", "3434": "Declined"}
CARDS_ON_COMPLETE = {"0701": "Pending:Authorized", "4354": "Pending:HardDeclined"}

Refusal = tuple[int, str]
NO_SIMULATION: Refusal = (400, "InvalidSandboxSimulationSpecified")
WRONG_SESSION: Refusal = (422, "InvalidCheckoutSessionStatus")


@dataclass
class Refund:
    id: str
    charge: "Charge"
    amount: int
    created: int
    ends_in: str | None = None
    state: str = "RefundInitiated"
    reason: str | None = None
    changed: int = 0

    def fire(self, at: int) -> None:
        state = "Refunded" if self.ends_in is None else "Declined"
        assert state in REFUND_MOVES[self.state]
        self.state, self.reason, self.changed = state, self.ends_in, at


@dataclass
class Charge:
    id: str
    permission: "Permission"
    amount: int
    state: str
    created: int
    capture_now: bool = False
    ends_in: str | None = None
    changed: int = 0
    reason: str | None = None
    captured: int = 0
    authorized_at: int = 0
    refunds: list[Refund] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = self.authorized_at = self.created
        if self.state in ("Captured", "CaptureInitiated"):
            self.captured = self.captured or self.amount

    @property
    def month(self) -> str:
        return month_of(self.created)

    @property
    def room(self) -> int:
        """What it takes of its permission; on an order a partial capture gives the rest back."""
        if self.state in ("Canceled", "Declined"):
            return 0
        is_settled_order = self.permission.is_order and self.state == "Captured"
        return self.captured if is_settled_order else self.amount

    @property
    def refundable(self) -> int:
        """Japan: the captured amount and the lesser of 15 % and ¥8,400, less what was asked."""
        extra = min(self.captured * 15 // 100, 8_400)
        asked = sum(refund.amount for refund in self.refunds if refund.state != "Declined")
        return min(self.captured + extra, HIGHEST) - asked

    @property
    def refunded(self) -> int:
        return sum(refund.amount for refund in self.refunds if refund.state == "Refunded")

    @property
    def due(self) -> tuple[str, int] | None:
        if self.state == "AuthorizationInitiated":
            return "pending", self.created + PENDING
        if self.state == "Authorized":
            return "authorization", self.created + AUTHORIZATION
        return ("capture", self.changed + CAPTURE) if self.state == "CaptureInitiated" else None

    def move(self, state: str, at: int, reason: str | None = None) -> None:
        assert state in CHARGE_MOVES[self.state], (self.id, self.state, state)
        self.state, self.reason, self.changed = state, reason, at
        self.permission.settle(at)

    def refuse_capture(self, amount: int) -> Refusal | None:
        if self.state != "Authorized":
            return 422, "InvalidChargeStatus"
        return (400, "TransactionAmountExceeded") if amount > self.amount else None

    def capture(self, amount: int, at: int, code: str | None) -> None:
        late = code is not None or at - self.authorized_at > SYNCHRONOUS_CAPTURE
        self.captured = amount
        self.ends_in = "AmazonRejected" if code == "AmazonRejected" else None
        self.move("CaptureInitiated" if late else "Captured", at)

    def refuse_refund(self, amount: int) -> Refusal | None:
        if self.state != "Captured":
            return 422, "InvalidChargeStatus"
        if len(self.refunds) >= MOST_REFUNDS:
            return 422, "TransactionCountExceeded"
        return (400, "TransactionAmountExceeded") if amount > self.refundable else None

    def fire(self, at: int) -> None:
        if self.state == "Authorized":
            self.move("Canceled", at, "ExpiredUnused")
        elif self.ends_in is not None:
            self.captured = 0
            self.state, self.reason, self.changed = "Declined", self.ends_in, at
            self.permission.decline(self.ends_in, at)
            self.permission.settle(at)
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
    created: int
    expires: int | None
    kind: str = "Recurring"
    is_migrated: bool = False
    state: str = "Chargeable"
    reason: str | None = None
    changed: int = 0
    script: list[str] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.changed = self.created

    @property
    def is_order(self) -> bool:
        return self.kind == "OneTime"

    def balance(self, month: str) -> int:
        used = sum(c.room for c in self.charges if self.is_order or c.month == month)
        return max(self.limit - used, 0)

    def move(self, state: str, reason: str | None, at: int) -> None:
        assert state in PERMISSION_MOVES[self.state], (self.id, self.state, state)
        self.state, self.reason, self.changed = state, reason, at

    def decline(self, reason: str, at: int) -> None:
        effect = DECLINES.get(reason)
        if effect is not None and self.state != "Closed":
            self.move(*effect, at)

    def settle(self, at: int) -> None:
        """An order has one open charge at a time, and is closed when it is used up."""
        if not self.is_order or self.state == "Closed":
            return
        taken = sum(c.captured for c in self.charges if c.state == "Captured")
        if any(c.state in STILL_OPEN for c in self.charges):
            if self.state == "Chargeable":
                self.move("NonChargeable", "ChargeInProgress", at)
        elif taken >= (1 if self.is_migrated else self.limit):
            self.move("Closed", "AmazonClosed", at)
        elif self.reason == "ChargeInProgress":
            self.move("Chargeable", None, at)

    def refuse_charge(self, amount: int, at: int) -> Refusal | None:
        if self.state != "Chargeable":
            return 422, "InvalidChargePermissionStatus"
        if self.is_order and amount <= HIGHEST and len(self.charges) >= MOST_CHARGES:
            return 422, "TransactionCountExceeded"
        if amount > HIGHEST or (self.is_order and amount > self.balance("")):
            return 400, "TransactionAmountExceeded"
        return (400, "PeriodicAmountExceeded") if amount > self.balance(month_of(at)) else None

    def outcome_of(self, code: str | None) -> str:
        """How a charge that was not refused ends: the header beats the script."""
        return code or (self.script.pop(0) if self.script else "ok")

    def open_charge(self, charge_id: str, amount: int, at: int, now: bool, outcome: str) -> Charge:
        state = "Captured" if now else "Authorized"
        ends_in = None
        if outcome == "CaptureInitiated" and now:
            state = outcome
        elif outcome.startswith("Pending:"):
            state = "AuthorizationInitiated"
            word = outcome.removeprefix("Pending:")
            ends_in = None if word == "Authorized" else word
        charge = Charge(charge_id, self, amount, state, at, now, ends_in)
        self.charges.append(charge)
        if not self.is_order and self.expires is not None:
            self.expires = months_later(at, PERMISSION_MONTHS)
        self.settle(at)
        return charge


@dataclass
class Session:
    id: str
    created: int
    kind: str
    amount: int
    intent: str
    may_wait: bool = False
    is_extended: bool = False
    may_exceed: bool = False
    state: str = "Open"
    reason: str | None = None
    card: str | None = None
    script: str | None = None
    is_approved: bool = False
    is_gone: bool = False

    def move(self, state: str, reason: str | None = None) -> None:
        assert state in SESSION_MOVES[self.state]
        self.state, self.reason = state, reason

    @property
    def due(self) -> tuple[str, int] | None:
        if self.is_gone:
            return None
        if self.state == "Open":
            return "session", self.created + SESSION
        return "forgotten", self.created + FORGOTTEN

    def fire(self, at: int) -> None:
        if self.state == "Open":
            self.move("Canceled", "Expired")
        else:
            self.is_gone = True

    def refuse_complete(self, amount: int) -> Refusal | None:
        if self.is_gone:
            return 404, "ResourceNotFound"
        if self.state == "Canceled" and self.reason != "Expired":
            return 422, "CheckoutSessionCanceled"
        if self.state != "Open" or not self.is_approved:
            return WRONG_SESSION
        return None if amount == self.amount else (409, "AmountMismatch")

    def outcome_of(self, code: str | None) -> str:
        """How Complete ends: the header beats the script, the script beats the card."""
        if code is not None:
            return "Pending:Authorized" if code == "AuthorizationInitiated" else code
        return self.script or CARDS_ON_COMPLETE.get(self.card or "", "ok")

    def refuse_outcome(self, outcome: str) -> Refusal | None:
        may_wait = self.may_wait and self.intent == "Authorize"
        if outcome.startswith("Pending:") and not may_wait:
            return NO_SIMULATION
        if outcome == "CaptureInitiated" and self.intent != "AuthorizeWithCapture":
            return NO_SIMULATION
        if outcome == "ProcessingFailure":
            return 500, outcome
        if outcome in COMPLETE_CODES:
            self.move("Canceled", outcome)
            return 422, "CheckoutSessionCanceled"
        if outcome in DECLINES:
            self.move("Canceled", "Declined")
            return 422, outcome
        if self.kind == "Recurring" and self.intent != "Confirm" and self.amount > LIMIT:
            return 400, "PeriodicAmountExceeded"
        return None

    def permission(self, permission_id: str, at: int) -> Permission:
        """What Complete leads to."""
        self.move("Completed")
        if self.kind == "Recurring":
            return Permission(permission_id, LIMIT, at, months_later(at, PERMISSION_MONTHS))
        expires = months_later(at, PERMISSION_MONTHS) if self.is_extended else at + ORDER
        extra = min(self.amount * 15 // 100, 8_400) if self.may_exceed else 0
        return Permission(permission_id, self.amount + extra, at, expires, "OneTime")


@dataclass(frozen=True)
class Token:
    """A buyer token that was issued at some instant from `earliest` to `latest`."""

    id: str
    earliest: int
    latest: int


@dataclass
class Model:
    """Everything that exists, and the instant up to which it was played."""

    now: int
    permissions: list[Permission] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    refund_script: list[str] = field(default_factory=list)

    @property
    def charges(self) -> list[Charge]:
        return [charge for permission in self.permissions for charge in permission.charges]

    @property
    def refunds(self) -> list[Refund]:
        return [refund for charge in self.charges for refund in charge.refunds]

    def play(self, now: int) -> None:
        """Lets everything happen that is due by then, in order."""
        assert now >= self.now, (now, self.now)
        while due := min(self._due(), key=lambda entry: entry[1], default=None):
            _, at, thing = due
            if at > now:
                break
            if isinstance(thing, Permission):
                thing.move("Closed", "Expired", at)
            else:
                thing.fire(at)
        self.now = now

    def moments(self) -> list[tuple[str, int]]:
        """What is to come: kind and instant of each timer and of each limit, soonest first."""
        found = [(kind, at) for kind, at, _ in self._due()]
        found += [
            ("late capture", charge.authorized_at + SYNCHRONOUS_CAPTURE)
            for charge in self.charges
            if charge.state == "Authorized"
        ]
        found += [("token", token.latest + TOKEN) for token in self.tokens]
        found.append(("month", next_month(self.now)))
        return sorted((entry for entry in found if entry[1] > self.now), key=lambda entry: entry[1])

    def changes_between(self, earlier: int, later: int) -> bool:
        """Whether something happens, or a month begins, after one instant and by the other."""
        moments = [at for _, at, _ in self._due()] + [next_month(earlier)]
        return any(earlier < at <= later for at in moments)

    def _due(self) -> Iterator[tuple[str, int, "Charge | Refund | Permission | Session"]]:
        things: list[Charge | Session] = [*self.charges, *self.sessions]
        for thing in things:
            if thing.due is not None:
                yield *thing.due, thing
        for refund in self.refunds:
            if refund.state == "RefundInitiated":
                yield "refund", refund.created + REFUND, refund
        for permission in self.permissions:
            if permission.state != "Closed" and permission.expires is not None:
                yield "permission", permission.expires, permission
