"""Calls with tokens: the buyer who signed in, the merchant who delegated.

Source: API reference §10, sign-in §3 and §4.
"""

from amazonpay.calls.common import Call, token_segment
from amazonpay.models import AuthorizationToken, Buyer
from amazonpay.requests.common import check_text


def get_buyer(buyer_token: str) -> Call[Buyer]:
    """GET /buyers/{buyerToken}."""
    return Call(
        operation="GetBuyer",
        method="GET",
        path=f"/buyers/{token_segment('buyer_token', buyer_token)}",
        read=Buyer.from_json,
    )


def get_authorization_token(mws_auth_token: str, *, merchant_id: str) -> Call[AuthorizationToken]:
    """GET /authorizationTokens/{mwsAuthToken}?merchantId=…"""
    check_text("merchant_id", merchant_id, at_least=1, at_most=64)
    return Call(
        operation="GetAuthorizationToken",
        method="GET",
        path=f"/authorizationTokens/{token_segment('mws_auth_token', mws_auth_token)}",
        query=(("merchantId", merchant_id),),
        read=AuthorizationToken.from_json,
    )
