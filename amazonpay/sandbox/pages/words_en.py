"""The English texts of the pages."""

import calendar
from typing import Final

ENGLISH: Final = {
    "brand": "Local Amazon Pay (test)",
    "brand.name": "Local Amazon Pay",
    "brand.test": "test",
    "skip": "Skip to content",
    "switch.code": "ja",
    "switch.name": "日本語",
    "sign_out": "Sign out",
    "footer": (
        "This page is for development and tests. It is not a site of Amazon, and nobody is charged."
    ),
    "back": "Back",
    "none": "none",
    "optional": "optional",
    "cancel.to_shop": "Cancel and return to the shop",
    "shop.unnamed": "a shop without a store name",
    # money and time
    "money": "¥{figure}",
    "date": "{month} {day}, {year}",
    "moment": "{day}, {clock} (Japan)",
    **{f"month.{month}": calendar.month_name[month] for month in range(1, 13)},
    "every.variable": "at irregular intervals",
    "every.1.Year": "every year",
    "every.1.Month": "every month",
    "every.1.Week": "every week",
    "every.1.Day": "every day",
    "every.n.Year": "every {count} years",
    "every.n.Month": "every {count} months",
    "every.n.Week": "every {count} weeks",
    "every.n.Day": "every {count} days",
    "plan": "{amount} {every}",
    "plan.variable": "{amount} each time, at irregular intervals",
    "plan.open": "{every}, the amount may differ each time",
    "plan.open.variable": "amount and interval may differ each time",
    # log-in
    "login.title": "Log in",
    "login.email": "E-mail of a test buyer",
    "login.password": "Password",
    "login.any_password": "Any password will do, also none.",
    "login.button": "Log in",
    "login.test_buyers": "Choose a test buyer",
    "login.one_click": "One click logs you in.",
    "login.unknown": (
        "No test buyer has this e-mail address. Choose one from the list below or check the "
        "spelling."
    ),
    "login.for_checkout": "Log in to go on with your payment to {shop}.",
    "login.for_sign_in": "Log in as a test buyer to sign in to {shop}.",
    "login.for_account": "Log in to see your payment agreements.",
    # checkout
    "pay.title": "Choose how to pay",
    "pay.title.with_address": "Choose address and payment method",
    "pay.title.now": "Review and pay",
    "pay.buyer": "{name} ({email})",
    "pay.address": "Delivery address",
    "pay.new_address": "Add an address",
    "pay.payment": "Payment method (test cards)",
    "pay.summary": "Your order",
    "pay.shop": "Shop",
    "pay.reference": "Order number",
    "pay.amount": "Amount",
    "pay.recurring": "Recurring payment",
    "pay.continue": "Continue to the shop",
    "pay.save": "Save and return to the shop",
    "pay.agree": "Agree and continue",
    "pay.now": "Pay {amount}",
    "pay.now_open": "Pay",
    "pay.not_yet": "Nothing is paid at this step yet.",
    "pay.problem.consent": "Tick the box if you agree to the recurring payment.",
    "pay.problem.choice": "Choose an address and a payment method from the lists.",
    "consent": "I authorize recurring payments to {shop} ({plan}).",
    "consent.more": (
        "The shop may charge future payments to the payment method chosen here. I can end this "
        "agreement at any time on my account page."
    ),
    "change.title.changePayment": "Change payment method",
    "change.title.changeAddress": "Change delivery address",
    "upgrade.title": "Change to a recurring payment",
    "address.title": "Add an address",
    "address.name": "Name",
    "address.postalCode": "Postal code",
    "address.stateOrRegion": "Prefecture",
    "address.addressLine1": "City, street and number",
    "address.addressLine2": "Building and room",
    "address.addressLine3": "Company or other",
    "address.phoneNumber": "Phone number",
    "address.save": "Add this address",
    "address.problem.empty": "{label}: please fill it in.",
    "address.problem.long": "{label}: at most {longest} characters.",
    "address.problem.postal": "A postal code has 7 digits, e.g. 153-0064.",
    "address.problem.phone": "A phone number has digits and hyphens, e.g. 03-0000-0000.",
    "address.problem.many": "An address book holds at most {most} addresses.",
    "processing.title": "Processing",
    "processing.text": (
        "Your payment to {shop} is being processed. You will return to the shop by yourself when "
        "it is done."
    ),
    "processing.button": "Return to the shop",
    "canceled.title": "You have canceled",
    "canceled.text": (
        "The shop named no address to return to, so this is the end. You may close this page."
    ),
    "signed_out.title": "You are signed out",
    "signed_out.text": "You can log in as a test buyer again at any time.",
    # simulated cards
    "card.ok": "The payment succeeds.",
    "card.buyer_canceled": "Ends as canceled by the buyer (BuyerCanceled).",
    "card.declined": "The payment is declined (Declined).",
    "card.pending": (
        "Pending, authorized after 30 seconds (needs Authorize and canHandlePendingAuthorization)."
    ),
    "card.pending_declined": (
        "Pending, declined after 30 seconds (needs Authorize and canHandlePendingAuthorization)."
    ),
    # sign-in
    "share.title": "Share your information",
    "share.text": "You sign in to {host} and share this information with it.",
    "share.button": "Continue",
    "scope.buyerId": "Buyer id",
    "scope.name": "Name",
    "scope.email": "E-mail address",
    "scope.postalCode": "Postal code",
    "scope.shippingAddress": "Delivery address",
    "scope.billingAddress": "Billing address",
    "scope.phoneNumber": "Phone number",
    "scope.primeStatus": "Kind of Prime membership",
    # account
    "account.title": "Your payment account",
    "account.agreements": "Agreements",
    "account.none": "You have no agreements with shops yet.",
    "account.one_time": "One-time payment",
    "account.since": "since {day}",
    "agreement.title": "Agreement",
    "agreement.id": "Agreement number",
    "agreement.began": "Began",
    "agreement.until": "Valid until",
    "agreement.card": "Payment method",
    "agreement.change_card": "Change payment method",
    "agreement.end": "End agreement",
    "agreement.card_changed": "The payment method was changed; the next payment uses it.",
    "agreement.ended": "The agreement has ended. It cannot be charged any more.",
    "method.text": "The next charge uses the new method. What was authorized before stays.",
    "method.button": "Use this payment method",
    "end.title": "End this agreement?",
    "end.text": (
        "An ended agreement cannot be brought back. The shop can no longer charge it. To begin "
        "again, order at the shop anew."
    ),
    "end.button": "End the agreement",
    "end.keep": "Keep it and go back",
    "history.title": "Payments",
    "history.day": "Date",
    "history.amount": "Amount",
    "history.state": "State",
    "history.refunded": "refunded {amount}",
    "history.none": "No payments yet.",
    "history.older": "Older payments",
    "order.title": "Payment",
    "order.id": "Transaction number",
    "order.at": "Time",
    "order.captured": "Charged",
    "order.refunded": "Refunded",
    "order.reason": "Reason code",
    "wallet.title": "Payment methods",
    "wallet.none": "You have no payment methods.",
    "wallet.delete": "Delete",
    "wallet.delete_text": (
        "Agreements that use this payment method cannot be charged until you choose another one."
    ),
    "wallet.delete_button": "Delete {card}",
    "wallet.deleted": "The payment method was deleted.",
    "state.Chargeable": "active",
    "state.NonChargeable": "cannot be charged",
    "state.Closed": "ended",
    "state.AuthorizationInitiated": "being authorized",
    "state.Authorized": "authorized",
    "state.CaptureInitiated": "being charged",
    "state.Captured": "paid",
    "state.Canceled": "canceled",
    "state.Declined": "declined",
    "reason.PaymentMethodInvalid": "The payment method did not work. Please change it.",
    "reason.PaymentMethodDeleted": "The payment method was deleted. Please choose another one.",
    "reason.PaymentMethodExpired": "The card has expired. Please choose another one.",
    "reason.PaymentMethodNotSet": "No payment method is set.",
    "reason.PaymentMethodNotAllowed": "This payment method is not allowed. Please change it.",
    "reason.BillingAddressDeleted": (
        "The billing address was deleted. Please choose the payment method again."
    ),
    "reason.MFAFailed": "You could not be verified. Please choose the payment method again.",
    "reason.MerchantClosed": "The shop ended this agreement.",
    "reason.BuyerClosed": "You ended this agreement.",
    "reason.BuyerCanceled": "You ended this agreement.",
    "reason.AmazonCanceled": "Amazon ended this agreement.",
    "reason.AmazonClosed": "This agreement is used up.",
    "reason.Expired": "This agreement has expired.",
    # refusals
    "error.title": "This page cannot be shown",
    "error.help": "Return to the shop and try again. Developers find the cause above.",
    "error.not_found": "There is no such page: {path}",
    "error.method": "This cannot be done with {method}: {path}",
    "error.internal": "Something went wrong inside the local Amazon Pay; its log says more.",
    "error.refused": "{code}: {message}",
    "error.form_type": "The form must be application/x-www-form-urlencoded.",
    "error.form_slow": "The form took too long to arrive.",
    "error.form_unreadable": "The form cannot be read.",
    "error.form_large": "The form is too large.",
    "error.foreign_form": (
        "This form cannot be taken. Allow cookies, open the page anew and try again."
    ),
    "error.return_url": (
        "The address to return to cannot be used (an absolute http or https URL is needed): {value}"
    ),
    "error.ticket": "This cannot go on. Start again from the button of the shop.",
    "error.session": "There is no such checkout: {value}",
    "error.session_ended": "This checkout has ended ({state} {reason}).",
    "error.session_not_ready": (
        "This checkout cannot be paid yet: the shop must set amount and return address first."
    ),
    "error.not_recurring": "This is not a recurring payment: {value}",
    "error.other_buyer": "This checkout belongs to another buyer. Sign out and start again.",
    "error.parameter": "The parameter {name} is not right: {value}",
    "error.not_yours": "{value} is not an agreement of this account.",
    "button.missing": "The button did not send {field}.",
    "button.base64": "payloadBase64 is not the base64 form of UTF-8 text.",
    "button.algorithm": "The algorithm {value} cannot be used; known are {known}",
    "button.merchant": "The merchantId {value} is not known; here it is {known}",
    "button.key": "The publicKeyId {value} is not known; live are {known}",
    "button.store": "The storeId {value} is wrong; here it is {known}",
    "button.json": "payloadJSON is not a JSON object.",
    "button.signature": "The signature does not fit payloadJSON.",
    "button.fact.hint": "Likely cause",
    "button.fact.reason": "Reason",
    "button.fact.string_to_sign": (
        "What should have been signed (algorithm, line feed, SHA-256 of the payload)"
    ),
    "button.fact.algorithm": "algorithm",
    "button.fact.key": "publicKeyId",
    "button.fact.signature": "signature that came",
    "button.fact.payload": "payloadJSON that came",
    "button.fact.payload_bytes": "bytes of payloadJSON",
    "button.hint.algorithm": (
        "It was signed with the other algorithm. Button and server must name the same one "
        "(AMZN-PAY-RSASSA-PSS when it is left out)."
    ),
    "button.hint.key": (
        "It was signed with another key. Check that publicKeyId fits the private key."
    ),
    "button.hint.slashes": (
        'It is about "/" and "\\/": put the very text that was signed into payloadJSON.'
    ),
    "button.hint.backslashes": (
        "It is about backslashes: put the very text that was signed into payloadJSON."
    ),
    "button.hint.spaces": "It is about spaces or line breaks at the ends.",
    "button.hint.encoded_again": (
        "The JSON was encoded again after signing. Hand over the very text that was signed."
    ),
    "button.hint.unknown": (
        "payloadJSON changed after signing, or the private key or salt length (32 for V2, 20 for "
        "the older algorithm) is another one."
    ),
}
