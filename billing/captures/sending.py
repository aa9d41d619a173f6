"""The only place that calls Amazon to capture, cancel or close. No database, no transaction.

A capture goes under its key. Amazon ignores keys of cancellations and closings; repeating one
changes nothing more, and how the charge or the permission stands tells what became of it.
"""

from dataclasses import replace

from amazonpay import AmazonPayClient, AmazonPayError, DefiniteRefusal
from billing.captures.outcome import (
    WRONG_STATE,
    ActOutcome,
    ActOutcomeKind,
    OpenAct,
    from_act_error,
    from_charge_seen,
    from_permission_seen,
)
from billing.protocol.checkpoints import reached

NOTHING_HAPPENED = frozenset({ActOutcomeKind.THROTTLED, ActOutcomeKind.MISCONFIGURED})


def send_act(client: AmazonPayClient, act: OpenAct) -> ActOutcome:
    """Send the act's frozen bytes; safe to repeat for ever.

    One that Amazon works on is asked about instead. Where the charge is no longer in the state
    that the act needs, an earlier send may have done it: then Amazon is asked how it stands.
    """
    if act.asks:
        return _look(client, act)
    try:
        reached("act.before_send")
        outcome = _sent(client, act)
        reached("act.after_send")
        return outcome
    except AmazonPayError as error:
        if isinstance(error, DefiniteRefusal) and str(error.reason_code) in WRONG_STATE:
            return _after_refusal(client, act, error)
        return from_act_error(act, error)


def _sent(client: AmazonPayClient, act: OpenAct) -> ActOutcome:
    if act.kind == "capture":
        key = act.idempotency_key
        return from_charge_seen(
            act, client.capture_charge(act.charge_id, act.body, idempotency_key=key)
        )
    if act.kind == "cancel":
        return from_charge_seen(act, client.cancel_charge(act.charge_id, act.body))
    closed = client.close_charge_permission(act.permission_amazon_id, act.body)
    return from_permission_seen(act, closed)


def _after_refusal(client: AmazonPayClient, act: OpenAct, error: DefiniteRefusal) -> ActOutcome:
    """Amazon refused for the state of the object: what it is now decides."""
    seen = _look(client, act)
    # Refused, although nothing stands in the way that we know of: no rule covers that.
    unchanged = seen.kind is ActOutcomeKind.UNCHANGED
    return from_act_error(act, error) if unchanged else seen


def _look(client: AmazonPayClient, act: OpenAct) -> ActOutcome:
    try:
        if act.kind == "close":
            permission = client.get_charge_permission(act.permission_amazon_id)
            return from_permission_seen(act, permission)
        return from_charge_seen(act, client.get_charge(act.charge_id))
    except AmazonPayError as error:
        outcome = from_act_error(act, error)
    if outcome.kind in NOTHING_HAPPENED:
        return outcome
    # Not being able to read it says nothing about it, whatever code refused it.
    return replace(outcome, kind=ActOutcomeKind.UNKNOWN, reason_code=None)
