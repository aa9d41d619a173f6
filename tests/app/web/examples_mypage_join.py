"""Examples of the paths on which customers sign in, sign up and choose how they pay."""

import hashlib

from web_books import START, TABLES, WebBooks

from billing import store_catalogue, writing
from plans import parse_catalogue

OFFERS = """
plans:
  - {code: other, name: {ja: 別, en: Other}, price: 980, tax: standard,
     every: {unit: month, count: 1}}
add_ons:
  - {code: sticker, name: {ja: シール, en: Sticker}, price: 300, per_seat: true, tax: standard,
     recurring: false}
"""
BROWSER = "0" * 64


def examples(books: WebBooks) -> dict[str, str]:
    """A plan, a subscription, and a checkout that is somebody else's browser's."""
    books.add_charge()
    # Customer 1 walks through the pages; another merchant's books have an id of their own.
    subscription = "s-1" if books.merchant_id == "web" else f"s-{books.added}"
    checkout = hashlib.sha256(books.merchant_id.encode()).hexdigest()[:32]
    row = {
        "id": checkout,
        "merchant_id": books.merchant_id,
        "session_id": "9f0a1b2c-0000-4000-8000-000000000000",
        "purpose": "sign_up",
        "state": "open",
        "browser_hash": BROWSER,
        "buyer_id": "amzn1.account.SOMEBODY",
        "wanted": '{"plan_code":"light","trial_ends_on":null}',
        "amount_yen": 1980,
        "language": "ja",
        "begun_at": START,
    }
    writing(books.database, lambda c: c.execute(TABLES["checkout"].insert().values(**row)))
    offers = parse_catalogue(OFFERS)
    writing(books.database, lambda c: store_catalogue(c, books.merchant_id, offers))
    found = {"/my/join/plans/{plan_code}": "/my/join/plans/light"}
    for last in ("", "/result", "/done", "/give-up"):
        found[f"/my/checkout/{{checkout_id}}{last}"] = f"/my/checkout/{checkout}{last}"
    for last in ("", "/return"):
        found[f"/my/payment/{{subscription_id}}{last}"] = f"/my/payment/{subscription}{last}"
    found["/my/extras/{subscription_id}"] = f"/my/extras/{subscription}"
    found["/my/extras/{subscription_id}/{code}"] = f"/my/extras/{subscription}/sticker"
    return found
