"""Customers who serve themselves: whose Amazon account it is, and links by mail that sign in.

An Amazon account belongs to one customer of a merchant and a customer to one Amazon account; what
would change that is refused and put to the customer. An e-mail address never links anybody.
"""

from billing.customers.buyers import (
    BuyerTaken,
    CustomerHasAnother,
    KnownBuyer,
    OwnedPermission,
    buyer_of_customer,
    customer_of_buyer,
    link_buyer,
    permissions_of_buyer,
    tell_linked,
    unlink_buyer,
)
from billing.customers.mail_links import (
    LINK_KIND,
    LINK_LASTS,
    MailAsked,
    ask_mail_link,
    browser_of_link,
    mail_link_address,
    mail_link_token,
    use_mail_link,
)

__all__ = [
    "LINK_KIND",
    "LINK_LASTS",
    "BuyerTaken",
    "CustomerHasAnother",
    "KnownBuyer",
    "MailAsked",
    "OwnedPermission",
    "ask_mail_link",
    "browser_of_link",
    "buyer_of_customer",
    "customer_of_buyer",
    "link_buyer",
    "mail_link_address",
    "mail_link_token",
    "permissions_of_buyer",
    "tell_linked",
    "unlink_buyer",
    "use_mail_link",
]
