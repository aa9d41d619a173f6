"""The English words that come with the program; a merchant may write its own over them."""

from billing.deliveries.templates import Template

__all__ = ["WORDS_EN"]

_CHARGE = """\
Plan: {plan}
Subscription: {subscription}
Amount: {amount}, tax included
{lines}
{part}"""

_LINK = """\
You can see and change your payment method on Amazon's page:
{buyer_link}"""


def _words(subject: str, body: str) -> Template:
    return Template(subject, f"{{name}}\n\n{body.strip()}")


def _staff(subject: str, body: str) -> Template:
    facts = "Subscription: {subscription}\nCustomer: {customer}\nPlan: {plan}\n"
    return Template(subject, f"{body.strip()}\n\n{facts}")


WORDS_EN = {
    "upcoming": _words(
        "Your next payment: {amount} on {charge_day}",
        f"""
Thank you for being our customer. This is to tell you about your next payment.

Charged on: {{charge_day}}
{_CHARGE}
Paid with: Amazon Pay
Change or cancel until: {{deadline}}

{_LINK}
""",
    ),
    "charged": _words(
        "Payment received: {amount}",
        f"""
Thank you. We have received this payment.

Paid on: {{day}}
{_CHARGE}
{{tax}}
Paid with: Amazon Pay
Payment number: {{reference}}
""",
    ),
    "failed": _words(
        "Your payment did not go through",
        f"""
The payment below did not go through on {{day}}.
{{reason}}

{_CHARGE}
We will try again on: {{next_try}}

Please check your payment method before {{next_try}}, unless you have changed it already.

{_LINK}
""",
    ),
    "payment_method_needed": _words(
        "Action needed: please check your payment method",
        f"""
The payment below did not go through. To go on with your subscription we need your help.
{{reason}}

{_CHARGE}

{_LINK}
Once you have done so, we will charge you again.
""",
    ),
    "change_declined": _words(
        "Your change could not be made",
        f"""
The payment for the change you asked for did not go through, so the change was not made.
Your subscription goes on as it was.
{{reason}}

{_CHARGE}

{_LINK}
""",
    ),
    "one_off_declined": _words(
        "Your payment could not be made",
        f"""
The payment below did not go through, so this order is not charged.
Your subscription goes on as it was.
{{reason}}

{_CHARGE}

{_LINK}
""",
    ),
    "cap_moved": _words(
        "The date of your payment has moved",
        f"""
Because of the monthly limit of Amazon Pay, all or part of the payment below is charged later.
There is nothing you need to do.

{_CHARGE}
New date: {{next_try}}
""",
    ),
    "refunded": _words(
        "Refund: {amount}",
        """
We have given this amount back.

Refunded on: {day}
Amount: {amount}
Subscription: {subscription}
Refund number: {reference}

Depending on how you paid, it may take some days until you see it.
""",
    ),
    "paused": _words(
        "Your subscription is paused",
        """
The subscription below is paused from {day}. Nothing is charged during the pause.
{reason}

Plan: {plan}
Subscription: {subscription}
Not paid: {amount}
Goes on: {until}

Your payment method, on Amazon's page: {buyer_link}
""",
    ),
    "skipped": _words(
        "Skipped, as you asked",
        """
As you asked, the subscription below is skipped. Nothing is charged meanwhile.

Plan: {plan}
Subscription: {subscription}
Goes on: {until}
""",
    ),
    "resumed": _words(
        "Your subscription goes on",
        """
The subscription below goes on from {day}.

Plan: {plan}
Subscription: {subscription}
""",
    ),
    "cancel_scheduled": _words(
        "We have received your cancellation",
        """
We have received the cancellation of the subscription below.

Plan: {plan}
Subscription: {subscription}
Ends on: {day}

Until then you can use it as before.
""",
    ),
    "canceled": _words(
        "Your subscription has ended",
        """
The subscription below ended on {day}. Nothing more will be charged.

Plan: {plan}
Subscription: {subscription}
Not paid: {amount}
Cancellation fee: {fee}

Thank you for having been our customer.
""",
    ),
    "price_change": _words(
        "Our price changes",
        """
Thank you for being our customer. The price of the subscription below changes.

Plan: {plan}
Subscription: {subscription}
Price now: {old_amount}, tax included
New price: {new_amount}, tax included
From: periods that begin on or after {day}

If you do not agree to the new price, please cancel before it takes effect.
""",
    ),
    "price_stays": _words(
        "Our price stays as it is",
        """
Thank you for being our customer. We told you that the price of the subscription below would
change. We have withdrawn that change: your price stays as it was.

Plan: {plan}
Subscription: {subscription}
Your price: {old_amount}, tax included
Withdrawn: {new_amount} for periods that begin on or after {day}

You need not do anything. We apologise for the confusion.
""",
    ),
    "signed_up": _words(
        "Thank you for your order ({plan})",
        """
Thank you. We have your order.

Plan: {plan}
Subscription: {subscription}
First payment: {charge_day} {amount}, tax included
Regular payment: {regular}, tax included, {every}, renewed by itself until you cancel
Paid with: Amazon Pay

On My Page you can look at it, change it and cancel it at any time.
Amazon's page of this agreement shows and changes the payment method too:
{buyer_link}
""",
    ),
    "sign_in_link": _words(
        "Sign in to My Page",
        """
This link signs you in to My Page. It works once, within 15 minutes, in the browser in which you
asked for it.

{link}

If you did not ask for it, throw this mail away: nothing happens unless the link is opened.
""",
    ),
    "amazon_linked": _words(
        "Your Amazon account was linked",
        """
On {day} an Amazon account was linked that signs in to your page.
If that was not you, please tell us at once.
""",
    ),
    "cap_refused": _staff(
        "Refused by the monthly cap: {subscription} {amount}",
        """
This charge does not fit under the monthly cap and was not made ({code}). Look at the plan, or at
the rule for the cap.
Slot: {reference}
""",
    ),
    "permission_unknown": _staff(
        "Amazon does not know the permission: {subscription}",
        """
Amazon does not know the charge permission of this subscription ({code}). Check the id, and for
which account the permission was made.
Slot: {reference}
Amount: {amount}
""",
    ),
    "permission_closed": _staff(
        "The consent has ended at Amazon: {subscription}",
        """
The charge permission of this subscription is closed at Amazon; it cannot be charged any
more. The subscription goes on until the end of the days that are paid.
Why: {code}
""",
    ),
    "permission_suspended": _staff(
        "The payment method cannot be used: {subscription}",
        """
The charge permission of this subscription cannot be charged now. It can be again when the
customer changes the payment method on Amazon's page; who has not by the next charge gets a mail.
Why: {code}
""",
    ),
    "permission_expires": _staff(
        "The consent lapses before the next charge: {subscription}",
        """
The charge permission of this subscription lapses on {lapses}, before its next charge. Ask the
customer for a new consent.
""",
    ),
    "limit_lowered": _staff(
        "Amazon's monthly limit is lower now: {subscription} {limit}",
        """
The monthly limit of this subscription's charge permission is {limit} now. What does not fit goes by
your rule for the cap; autopay forecast shows the charges to come.
""",
    ),
    "quarantined": _staff(
        "A charge needs a person: {subscription} {amount}",
        """
Amazon's answer contradicts the books, so this charge is set aside ({code}). Look at it with
autopay charge show {reference}. It will not be charged twice.
Slot: {reference}
""",
    ),
    "refund_declined": _staff(
        "A refund was declined: {subscription} {amount}",
        """
Amazon did not give this back ({code}). It is still owed.
Refund: {reference}
What to do: {remedy}
""",
    ),
    "refund_quarantined": _staff(
        "A refund needs a person: {subscription} {amount}",
        """
Amazon's answer contradicts the books, so this refund is set aside ({code}).
Refund: {reference}
What to do: {remedy}
""",
    ),
    "refund_by_hand": _staff(
        "A refund must be made by hand: {subscription} {amount}",
        """
The payment was not taken by this system, so {amount} cannot be given back by it. Give it back
another way.
""",
    ),
    "returned_too_much": _staff(
        "More was given back than taken: {subscription} {amount}",
        """
Refunds and chargebacks together are {amount} above what was captured ({code}). Compare the charge
in Seller Central, and ask the customer or Amazon for it.
Slot: {reference}
""",
    ),
    "shipment_overdue": _staff(
        "Goods were not shipped: {subscription} {amount}",
        """
No shipment was entered and the authorization is about to lapse, so it is made anew. Look whether
the goods have left.
Slot: {reference}
""",
    ),
    "webhook_disabled": Template(
        "Webhooks to {code} are stopped",
        """\
The address {code} has not answered for a long time and is stopped.
Once it works again, autopay webhooks enable {code} and autopay webhooks replay {code} also send
what happened meanwhile.""",
    ),
    "passkey_added": Template(
        "A passkey was added: {code}",
        """\
A member of the staff has added a passkey that opens the back office: {code}
If nobody of you did, reset that account at once: autopay staff reset NAME""",
    ),
    "passkey_removed": Template(
        "A passkey was removed: {code}",
        """\
A member of the staff has removed a passkey of the back office: {code}
If nobody of you did, reset that account at once: autopay staff reset NAME""",
    ),
    "passkey_copied": Template(
        "Refused: a passkey that seems to be copied: {code}",
        """\
Somebody used a passkey whose counter went back, so that a second copy of its key seems to exist:
{code}
It was refused. Let its owner remove that passkey and make another one.""",
    ),
    "other": _staff(
        "Notice ({kind}): {subscription}",
        """
{kind}
Why: {code}
About: {reference}
Amount: {amount}
""",
    ),
}
