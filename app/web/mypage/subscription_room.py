"""The pages of a customer's subscriptions, put together."""

from app.web.mypage.canceling import add_canceling
from app.web.mypage.change import add_change
from app.web.mypage.change_quote import add_quote
from app.web.mypage.charges import add_charges
from app.web.mypage.home import add_home
from app.web.mypage.pausing import add_pausing
from app.web.mypage.receipt import add_receipt
from app.web.mypage.subscription import add_subscription
from app.web.mypage.subscription_decide import add_decide
from app.web.mypage.subscription_mine import Mine
from app.web.shell import Room, Shell


def add_subscriptions(room: Room, shell: Shell) -> None:
    """Declare every route of them."""
    mine = Mine(shell)
    for add in (
        *(add_home, add_subscription, add_charges, add_receipt),
        *(add_change, add_pausing, add_canceling, add_quote, add_decide),
    ):
        add(room, mine)
