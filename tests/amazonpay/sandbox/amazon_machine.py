"""The state machine of the tests without its rules: calls, look-ups, and the checks of each step.

The log of the local Amazon Pay tells at which virtual millisecond it performed a call. The model is
played up to that instant before it says what the answer must be, so a call may fall on either side
of a timer or of a month's end: what must come is known exactly, however busy the machine is.
"""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from amazon_calendar import iso, month_of, months_later, ms
from amazon_model import (
    AUTHORIZATION,
    DECLINES,
    LIMIT,
    NO_SIMULATION,
    ORDER,
    PERMISSION_MONTHS,
    SESSION,
    Charge,
    Model,
    Permission,
    Refund,
    Refusal,
)
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from wire_client import Got, WireClient, yen

START = "2026-04-01T00:00:00Z"
# A call of the control surface leaves no line in the log: nothing may fall due while it runs.
CLEAR = 10_000
TOUCHED = 4

Act = TypeVar("Act", bound=Callable[..., None])


def operation(**arguments: st.SearchStrategy[Any]) -> Callable[[Act], Act]:
    """Marks a method as something that may happen, with what its arguments are drawn from."""

    def mark(act: Act) -> Act:
        act.__dict__["drawn_from"] = st.fixed_dictionaries(arguments)
        return act

    return mark


class Watched(RuleBasedStateMachine):
    """The model beside the real thing: calls, and what must hold after every step."""

    def __init__(self, amazon: WireClient, store_id: str) -> None:
        super().__init__()
        self.amazon = amazon
        self.store_id = store_id
        self.calls = 0
        self.at = ms(START)
        self.model = Model(now=self.at)
        self.kept: list[tuple[str, str, dict[str, Any], Got]] = []
        self.touched: list[Permission | Charge | Refund] = []
        self.noted: set[str] = set()
        self.deck: list[str] = []

    @initialize()
    def empty(self) -> None:
        self.amazon.control("POST", "/reset", {"now": START})
        self.amazon.set_clock(START)
        self.consent()

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        """Every operation once, in any order, before any comes again.

        Left to itself Hypothesis repeats parts of earlier examples and leaves rules out of most of
        them: good for many short examples, but here half of the rules would hardly ever run.
        """
        if not self.deck:
            acts = {name: getattr(type(self), name) for name in dir(type(self))}
            self.deck = [name for name, act in acts.items() if hasattr(act, "drawn_from")]
        name = data.draw(st.sampled_from(self.deck), label="operation")
        self.deck.remove(name)
        act = getattr(self, name)
        act(**data.draw(act.drawn_from, label=name))

    # calls

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        key: str | None = None,
        sim: str | None = None,
    ) -> Got:
        """An API call; the model stands at the instant at which it was performed."""
        got = self.amazon.api(method, path, body, key=key, sim=sim)
        line = self.amazon.control("GET", f"/requests?after={self.calls}&limit=1")["items"][0]
        self.calls += 1
        self.at = ms(line["at"])
        self.model.play(self.at)
        assert line["status"] == got.status, (line, got.raw)
        return got

    def act(self, method: str, path: str, body: Any) -> Got:
        """What buyer or Amazon does, while nothing falls due."""
        self.clear()
        got = self.amazon.control_raw(method, path, body)
        self.model.play(self.clock())
        return got

    def clear(self) -> None:
        """Brings the model to the present, and the present away from anything that is due."""
        self.model.play(self.clock())
        while self.model.changes_between(self.model.now, self.model.now + CLEAR):
            self.go_to(self.model.now + CLEAR + 1)

    def clock(self) -> int:
        return ms(self.amazon.control("GET", "/clock")["now"])

    def go_to(self, instant: int) -> None:
        """Lets time pass until then; nothing happens when that is over already."""
        got = self.amazon.control_raw("POST", "/clock", {"now": iso(instant)})
        assert got.status == 200 or instant <= self.clock(), got.raw
        now = self.clock()
        self.model.play(now)
        self.amazon.date = iso(now)[:19].replace("-", "").replace(":", "") + "Z"

    # additions

    def consent(
        self, limit: int = LIMIT, script: tuple[str, ...] = (), kind: str = "Recurring"
    ) -> Permission:
        wish = {"amountLimit": limit, "behaviour": [*script], "chargePermissionType": kind}
        return self.granted(self.act("POST", "/charge-permissions", wish))

    def granted(self, got: Got, *, is_migrated: bool = False) -> Permission:
        assert got.status == 201, got.raw
        row = got.json
        created, kind = ms(row["createdAt"]), "OneTime" if row["frequency"] is None else "Recurring"
        expires = months_later(created, PERMISSION_MONTHS)
        if is_migrated:
            kind = "OneTime" if row["chargePermissionId"][0] in "SP" else "Recurring"
        if kind == "OneTime":
            expires = created + ORDER
        permission = Permission(
            row["chargePermissionId"],
            row["amountLimit"],
            created,
            None if is_migrated else expires,
            kind,
            is_migrated,
            script=[*row["behaviour"]],
        )
        self.model.permissions.append(permission)
        return permission

    def create(
        self,
        permission: Permission,
        amount: int,
        *,
        now: bool = True,
        pending: bool = False,
        code: str | None = None,
        key: str | None = None,
    ) -> Charge | None:
        """Create Charge, and what must come of it."""
        key = key or uuid.uuid4().hex
        body = {
            "chargePermissionId": permission.id,
            "chargeAmount": yen(amount),
            "captureNow": now,
            "canHandlePendingAuthorization": pending,
        }
        got = self.call("POST", "/charges", body, key, code)
        self.keep("/charges", key, body, got)
        self.touched.append(permission)
        refusal, outcome = self._refusal(permission, amount, now, pending, code)
        if refusal is not None:
            refused(got, refusal)
            return None
        assert got.status == 201, got.raw
        return self.opened(permission, got.json["chargeId"], amount, now, outcome)

    def _refusal(
        self, permission: Permission, amount: int, now: bool, pending: bool, code: str | None
    ) -> tuple[Refusal | None, str]:
        """The refusal that must come, if any, else how the charge ends."""
        if code == "CaptureInitiated" and not now:
            return NO_SIMULATION, ""
        refusal = permission.refuse_charge(amount, self.at)
        if refusal is not None:
            return refusal, ""
        outcome = permission.outcome_of(code)
        if outcome.startswith("Pending:") and not pending:
            return (422, "TransactionTimedOut"), ""
        if outcome == "ProcessingFailure":
            return (500, outcome), ""
        if outcome in DECLINES:
            permission.decline(outcome, self.at)
            return (422, outcome), ""
        return None, outcome

    def opened(
        self, permission: Permission, charge_id: str, amount: int, now: bool, outcome: str
    ) -> Charge:
        assert not permission.is_order or charge_id.startswith(f"{permission.id}-C")
        charge = permission.open_charge(charge_id, amount, self.at, now, outcome)
        self.touched.append(charge)
        return charge

    def keep(self, path: str, key: str, body: dict[str, Any], got: Got) -> None:
        """Notes an answer that stays with its key: successes, 409, 422 and refused amounts."""
        is_amount = got.status == 400 and got.reason in (
            "PeriodicAmountExceeded",
            "TransactionAmountExceeded",
        )
        if got.status < 300 or got.status in (409, 422) or is_amount:
            self.kept.append((path, key, body, got))

    # what must hold after every step

    @invariant()
    def the_truth_is_what_the_model_says(self) -> None:
        rows = self._truth()
        assert rows["/charges"] == {c.id: self._charge_row(c) for c in self.model.charges}
        assert rows["/refunds"] == {
            r.id: {"state": r.state, "reasonCode": r.reason, "amount": r.amount, **_stamps(r)}
            for r in self.model.refunds
        }
        assert rows["/charge-permissions"] == {
            p.id: self._permission_row(p) for p in self.model.permissions
        }
        assert rows["/checkout-sessions"] == {
            s.id: {
                "state": s.state,
                "reasonCode": s.reason,
                "isApproved": s.is_approved,
                "expiresAt": s.created + SESSION,
            }
            for s in self.model.sessions
            if not s.is_gone
        }

    @invariant()
    def captured_and_refunded_stay_within_bounds(self) -> None:
        for charge in self.model.charges:
            assert 0 <= charge.captured <= charge.amount
            assert charge.refundable >= 0
        for permission in self.model.permissions:
            for month in {c.month for c in permission.charges}:
                assert 0 <= permission.balance(month) <= permission.limit

    @invariant()
    def the_api_says_the_same(self) -> None:
        touched = {thing.id: thing for thing in self.touched[-TOUCHED:]}
        self.touched.clear()
        for thing in touched.values():
            if isinstance(thing, Charge):
                self._check_charge(thing)
            elif isinstance(thing, Permission):
                self._check_permission(thing)
            else:
                got = self.call("GET", f"/refunds/{thing.id}").json
                self._check_status(thing, got["statusDetails"], got["statusDetails"]["reasonCode"])

    def _check_charge(self, charge: Charge) -> None:
        got = self.call("GET", f"/charges/{charge.id}").json
        self._check_status(charge, got["statusDetails"], got["statusDetails"]["reasonCode"])
        is_captured = charge.state == "Captured"
        assert got["captureAmount"] == (yen(charge.captured) if is_captured else None)
        assert got["refundedAmount"] == (yen(charge.refunded) if is_captured else None)
        expires = (charge.created + AUTHORIZATION) // 1000
        assert ms(got["expirationTimestamp"]) // 1000 == expires

    def _check_permission(self, permission: Permission) -> None:
        got = self.call("GET", f"/chargePermissions/{permission.id}").json
        reasons = got["statusDetails"]["reasons"] or [{"reasonCode": None}]
        self._check_status(permission, got["statusDetails"], reasons[0]["reasonCode"])
        if permission.is_migrated:
            assert got["limits"] is got["expirationTimestamp"] is None
        else:
            balance = permission.balance(month_of(self.at))
            assert got["limits"] == {
                "amountLimit": yen(permission.limit),
                "amountBalance": yen(balance),
            }
            assert ms(got["expirationTimestamp"]) // 1000 == (permission.expires or 0) // 1000

    @staticmethod
    def _check_status(
        thing: Permission | Charge | Refund, status: dict[str, Any], reason: str | None
    ) -> None:
        found = (status["state"], reason, ms(status["lastUpdatedTimestamp"]) // 1000)
        assert found == (thing.state, thing.reason, thing.changed // 1000), (thing, status)

    def _truth(self) -> dict[str, dict[str, Any]]:
        """All lists of the control surface, as of one instant; the model stands there too."""
        while True:
            before = self.clock()
            rows = {path: self._rows(path) for path in _READERS}
            after = self.clock()
            self.model.play(before)
            if not self.model.changes_between(before, after):
                self.model.play(after)
                return rows

    def _rows(self, path: str) -> dict[str, Any]:
        items = self.amazon.control("GET", f"{path}?limit=5000")["items"]
        name = _READERS[path]
        return {row[name]: _read(path, row) for row in items}

    def _charge_row(self, charge: Charge) -> dict[str, Any]:
        captured = charge.captured if charge.state == "Captured" else 0
        return {
            "state": charge.state,
            "reasonCode": charge.reason,
            "amount": charge.amount,
            "capturedAmount": captured,
            "refundedAmount": charge.refunded,
        } | _stamps(charge)

    def _permission_row(self, permission: Permission) -> dict[str, Any]:
        return {
            "state": permission.state,
            "reasonCode": permission.reason,
            "amountLimit": permission.limit,
            "amountBalance": permission.balance(month_of(self.model.now)),
            "behaviour": permission.script,
            # An instant beyond the year 9000 stands for an expiry that Amazon does not tell.
            "expiresAt": permission.expires,
        } | _stamps(permission)


_READERS = {
    "/charges": "chargeId",
    "/refunds": "refundId",
    "/charge-permissions": "chargePermissionId",
    "/checkout-sessions": "checkoutSessionId",
}
_FIELDS = {
    "/charges": ("state", "reasonCode", "amount", "capturedAmount", "refundedAmount"),
    "/refunds": ("state", "reasonCode", "amount"),
    "/charge-permissions": ("state", "reasonCode", "amountLimit", "amountBalance", "behaviour"),
    "/checkout-sessions": ("state", "reasonCode"),
}
_NEVER = ms("9000-01-01T00:00:00Z")


def _read(path: str, row: dict[str, Any]) -> dict[str, Any]:
    """The part of a row that the model knows."""
    found = {name: row[name] for name in _FIELDS[path]}
    if "expiresAt" in row:
        at = ms(row["expiresAt"])
        found["expiresAt"] = at if at < _NEVER else None
    if path == "/checkout-sessions":
        return found | {"isApproved": row["approvedAt"] is not None}
    return found | {"createdAt": ms(row["createdAt"]), "updatedAt": ms(row["updatedAt"])}


def _stamps(thing: Permission | Charge | Refund) -> dict[str, int]:
    return {"createdAt": thing.created, "updatedAt": thing.changed}


def refused(got: Got, refusal: Refusal) -> None:
    """A call that must have been refused so."""
    assert (got.status, got.reason) == refusal, got.raw
