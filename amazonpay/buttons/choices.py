"""The words a page may use towards Amazon's script.

Closed lists: they go out, and a word the script does not know leaves the buyer without a button.
Source: sign-in reference §2, recurring reference §7, Amazon's page on its front-end script.
"""

from enum import StrEnum


class Placement(StrEnum):
    """On which page the button stands."""

    HOME = "Home"
    PRODUCT = "Product"
    CART = "Cart"
    CHECKOUT = "Checkout"
    OTHER = "Other"


class ButtonColor(StrEnum):
    """Colour of the button."""

    GOLD = "Gold"
    LIGHT_GRAY = "LightGray"
    DARK_GRAY = "DarkGray"


class CheckoutLanguage(StrEnum):
    """Language of the button and of Amazon's hosted pages."""

    JA_JP = "ja_JP"
    EN_US = "en_US"
    EN_GB = "en_GB"
    DE_DE = "de_DE"
    FR_FR = "fr_FR"
    IT_IT = "it_IT"
    ES_ES = "es_ES"


class ChangeAction(StrEnum):
    """What the buyer may change in a Checkout Session that is still Open."""

    CHANGE_PAYMENT = "changePayment"
    CHANGE_ADDRESS = "changeAddress"
