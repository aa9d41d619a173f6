"""My Page: what a customer sees and decides about her own subscriptions."""

from app.web.mypage.pages import mypage_room
from app.web.mypage.signing_in import sign_in_customer, sign_out_customer

__all__ = ["mypage_room", "sign_in_customer", "sign_out_customer"]
