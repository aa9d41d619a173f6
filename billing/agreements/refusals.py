"""Why a quote cannot be confirmed now."""

from plans import BadInput

__all__ = [
    "AgreementRefused",
    "ChangeUnderWay",
    "ChargingStopped",
    "PermissionNotReady",
    "QuoteOver",
    "UnknownQuote",
]


class AgreementRefused(BadInput):
    """The change cannot be made as things stand; nothing was changed."""


class UnknownQuote(AgreementRefused):
    """The merchant has no quote of that id."""

    def __init__(self, quote_id: str) -> None:
        super().__init__(
            field="quote",
            value=quote_id,
            rule="no quote of that id is stored",
            remedy="ask for a quote first: autopay quote --help",
        )


class QuoteOver(AgreementRefused):
    """The quote was confirmed before and its charge was declined."""

    def __init__(self, quote_id: str, result: str) -> None:
        super().__init__(
            field="quote",
            value=quote_id,
            rule=f"it was confirmed before and is over: {result}",
            remedy="ask for a new quote",
        )


class ChangeUnderWay(AgreementRefused):
    """Another change of the subscription waits for its charge."""

    def __init__(self, subscription_id: str, quote_id: str) -> None:
        super().__init__(
            field="subscription",
            value=subscription_id,
            rule=f"the charge of quote {quote_id} is under way and decides what holds",
            remedy="wait for its outcome, then ask again",
        )


class PermissionNotReady(AgreementRefused):
    """Amazon lets nobody charge this permission now."""

    def __init__(self, permission_id: str, reason: str) -> None:
        super().__init__(
            field="charge_permission",
            value=permission_id,
            rule=f"Amazon Pay does not let it be charged ({reason or 'not chargeable'})",
            remedy="let the buyer update the payment method, or change at the end of the period",
        )


class ChargingStopped(AgreementRefused):
    """The brake is pulled: a change that costs something now would wait at a price of today."""

    def __init__(self, words: str) -> None:
        super().__init__(
            field="brake",
            value="pulled",
            rule=words,
            remedy="confirm a new quote when the brake is released",
        )
