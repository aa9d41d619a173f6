"""Rules of the state machine on Checkout Sessions and on buyers who sign in."""

from typing import Any

from amazon_calendar import ms
from amazon_charging import AMOUNTS, KINDS, PICK
from amazon_machine import Watched, operation, refused
from amazon_model import (
    CARDS_ON_COMPLETE,
    CARDS_ON_RETURN,
    COMPLETE_CODES,
    DECLINES,
    LIMIT,
    SESSION,
    TOKEN,
    WRONG_SESSION,
    Session,
    Token,
)
from hypothesis import strategies as st
from wire_client import yen

INTENTS = st.sampled_from(["Authorize", "AuthorizeWithCapture", "Confirm"])
CARDS = st.sampled_from(["1111", "1111", *CARDS_ON_RETURN, *CARDS_ON_COMPLETE])
CODES = st.sampled_from([None, None, None, *COMPLETE_CODES])
SCRIPTED = st.sampled_from([None, None, None, "ok", *DECLINES, "ProcessingFailure"])
MONTHLY = {"frequency": {"unit": "Month", "value": "1"}, "amount": None}
FLAGS = st.integers(min_value=0, max_value=7)
BESIDE = st.sampled_from([-60, -15, -1, 0, 1, 500])


class CheckingOut(Watched):
    """A buyer on the hosted pages, and the merchant who waits for the return."""

    def session(self, pick: int) -> Session:
        sessions = self.model.sessions or [self.opened_session(pick, 1_000, "Authorize", "OneTime")]
        return sessions[-1 - pick % min(len(sessions), 6)]

    def opened_session(self, flags: int, amount: int, intent: str, kind: str) -> Session:
        may_wait = flags % 2 == 1 and intent != "AuthorizeWithCapture"
        wishes = {"extendExpiration": flags & 2 > 0, "allowOvercharge": flags & 4 > 0}
        payload: dict[str, Any] = {
            "webCheckoutDetails": {
                "checkoutReviewReturnUrl": "https://shop.example.jp/review",
                "checkoutResultReturnUrl": "https://shop.example.jp/result",
            },
            "storeId": self.store_id,
            "chargePermissionType": kind,
            "paymentDetails": {
                "paymentIntent": intent,
                "chargeAmount": yen(amount),
                "canHandlePendingAuthorization": may_wait,
                **wishes,
            },
        }
        if kind == "Recurring":
            payload["recurringMetadata"] = MONTHLY
        got = self.act("POST", "/checkout-sessions", {"payload": payload})
        assert got.status == 201, got.raw
        at, name = ms(got.json["createdAt"]), got.json["checkoutSessionId"]
        session = Session(name, at, kind, amount, intent, may_wait, flags & 2 > 0, flags & 4 > 0)
        self.model.sessions.append(session)
        return session

    @operation(flags=FLAGS, amount=AMOUNTS, intent=INTENTS, kind=KINDS)
    def open_session(self, flags: int, amount: int, intent: str, kind: str) -> None:
        self.opened_session(flags, amount, intent, kind)

    @operation(
        pick=PICK,
        doing=st.sampled_from(["buyer", "pay", "pay", "cancel"]),
        card=CARDS,
        script=SCRIPTED,
    )
    def buyer_in_checkout(self, pick: int, doing: str, card: str, script: str | None) -> None:
        self.buyer(self.session(pick), doing, card, script)

    def buyer(self, session: Session, doing: str, card: str, script: str | None) -> None:
        body = {"card": card} if doing == "buyer" else {}
        if doing == "pay" and script is not None:
            body = {"outcome": script}
        got = self.act("POST", f"/checkout-sessions/{session.id}/{doing}", body)
        if session.state != "Open" or (doing == "pay" and session.card is None):
            assert 400 <= got.status < 500, got.raw
            return
        assert got.status < 300, got.raw
        if doing == "cancel":
            session.move("Canceled", "BuyerCanceled")
        elif doing == "buyer":
            session.card, session.is_approved = card, False
        else:
            session.script = script or session.script
            if session.card in CARDS_ON_RETURN:
                session.move("Canceled", CARDS_ON_RETURN[session.card])
            else:
                session.is_approved = True

    @operation(pick=PICK, amount=AMOUNTS)
    def update_session(self, pick: int, amount: int) -> None:
        self.updated(self.session(pick), amount)

    def updated(self, session: Session, amount: int) -> None:
        body = {"paymentDetails": {"chargeAmount": yen(amount)}}
        got = self.call("PATCH", f"/checkoutSessions/{session.id}", body)
        if session.is_gone:
            return refused(got, (404, "ResourceNotFound"))
        if session.state != "Open":
            return refused(got, WRONG_SESSION)
        assert got.status == 200, got.raw
        session.amount, session.is_approved = amount, False

    @operation(pick=PICK, more=st.sampled_from([0, 0, 0, 1]), code=CODES)
    def complete_session(self, pick: int, more: int, code: str | None) -> None:
        self.complete(self.session(pick), more, code)

    @operation(flags=FLAGS, amount=AMOUNTS, intent=INTENTS, kind=KINDS, card=CARDS, code=CODES)
    def whole_checkout(
        self, flags: int, amount: int, intent: str, kind: str, card: str, code: str | None
    ) -> None:
        session = self.paid(flags, amount, intent, kind, card)
        self.complete(session, 0, code)

    @operation(
        flags=FLAGS, amount=AMOUNTS, intent=INTENTS, kind=KINDS, more=st.sampled_from([0, 1])
    )
    def plain_checkout(self, flags: int, amount: int, intent: str, kind: str, more: int) -> None:
        session = self.paid(flags, amount, intent, kind, "1111")
        if more:
            self.complete(session, more, None)
        self.complete(session, 0, None)

    @operation(
        card=st.sampled_from([*CARDS_ON_COMPLETE, *CARDS_ON_RETURN]),
        kind=KINDS,
        intent=st.sampled_from(["Authorize", "Authorize", "Confirm"]),
    )
    def simulated_card(self, card: str, kind: str, intent: str) -> None:
        self.complete(self.paid(1, 1_000, intent, kind, card), 0, None)

    @operation(
        intent=INTENTS,
        script=st.sampled_from(["Pending:Authorized", "CaptureInitiated", *DECLINES]),
        code=st.sampled_from([None, *COMPLETE_CODES]),
    )
    def header_beats_script(self, intent: str, script: str, code: str | None) -> None:
        session = self.paid(1, 1_000, intent, "OneTime", "4354", script)
        self.complete(session, 0, code)

    @operation(kind=KINDS)
    def change_what_was_paid(self, kind: str) -> None:
        """What was approved must be approved again."""
        session = self.paid(0, 1_000, "Authorize", kind, "1111")
        self.updated(session, 999)
        self.complete(session, 0, None)

    @operation(flags=FLAGS, beside=BESIDE, kind=KINDS)
    def complete_at_the_last_moment(self, flags: int, beside: int, kind: str) -> None:
        session = self.paid(flags, LIMIT, "Authorize", kind, "1111")
        self.go_to(session.created + SESSION + beside)
        self.complete(session, 0, None)

    def paid(
        self,
        flags: int,
        amount: int,
        intent: str,
        kind: str,
        card: str,
        script: str | None = None,
    ) -> Session:
        session = self.opened_session(flags, amount, intent, kind)
        self.buyer(session, "buyer", card, None)
        self.buyer(session, "pay", card, script)
        return session

    def complete(self, session: Session, more: int, code: str | None) -> None:
        body = {"chargeAmount": yen(session.amount + more)}
        got = self.call("POST", f"/checkoutSessions/{session.id}/complete", body, sim=code)
        refusal = session.refuse_complete(session.amount + more)
        if refusal is not None:
            return refused(got, refusal)
        outcome = session.outcome_of(code)
        refusal = session.refuse_outcome(outcome)
        if refusal is not None:
            return refused(got, refusal)
        is_pending = outcome.startswith("Pending:")
        assert got.status == (202 if is_pending else 200), got.raw
        permission = session.permission(got.json["chargePermissionId"], self.at)
        self.model.permissions.append(permission)
        self.touched.append(permission)
        assert (got.json["chargeId"] is None) == (session.intent == "Confirm")
        if session.intent != "Confirm":
            now = session.intent == "AuthorizeWithCapture"
            self.opened(permission, got.json["chargeId"], session.amount, now, outcome)

    @operation(beside=st.sampled_from([None, -60, -15, 0, 1, 500]))
    def sign_in(self, beside: int | None) -> None:
        """A buyer token is good for five minutes."""
        earliest = self.clock()
        got = self.amazon.control("POST", "/buyer-tokens", {})
        self.model.tokens = [Token(got["buyerToken"], earliest, self.clock())]
        if beside is not None:
            self.go_to(self.model.tokens[0].latest + TOKEN + beside)
        self.ask_for_the_buyer()

    @operation()
    def ask_for_the_buyer(self) -> None:
        for token in self.model.tokens:
            got = self.call("GET", f"/buyers/{token.id}")
            if self.at < token.earliest + TOKEN:
                assert got.status == 200, got.raw
            elif self.at >= token.latest + TOKEN:
                refused(got, (404, "ResourceNotFound"))
