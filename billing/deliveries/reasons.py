"""Why a payment did not go through, in the words of a customer; Amazon's code stays with staff."""

__all__ = ["reason_words"]

_BANK = (
    "カード会社などの都合により、今回のお支払いが承認されませんでした。",
    "The payment was not approved this time, for example by the card's issuer.",
)
_METHOD = (
    "登録されているお支払い方法が使えない状態です。Amazonのページで変更をお願いいたします。",
    "The payment method on file cannot be used. Please change it on Amazon's page.",
)
_LATE = (
    "お支払いの処理が時間内に完了しませんでした。",
    "The payment was not completed in time.",
)
_CLOSED = (
    "Amazonでのお支払いの同意が終了しています。継続には新しいお手続きが必要です。",
    "Your consent to payments has ended at Amazon. To go on, a new one is needed.",
)
_CONFIRM = (
    "ご本人確認が完了しませんでした。Amazonのページでお手続きをお願いいたします。",
    "Your identity was not confirmed. Please follow the steps on Amazon's page.",
)
_REJECTED = (
    "Amazon Payでのお支払いが承認されませんでした。お手数ですが、お問い合わせください。",
    "Amazon Pay did not accept the payment. Please get in touch with us.",
)
_AMOUNT = (
    "Amazon Payの金額または回数の上限に達しています。お手数ですが、お問い合わせください。",
    "A limit of Amazon Pay for amount or number has been reached. Please get in touch with us.",
)
_CAP = (
    "Amazon Payの月間ご利用上限に収まりませんでした。",
    "It did not fit under the monthly limit of Amazon Pay.",
)
_OTHERWISE = (
    "お支払いが完了しませんでした。Amazonのページでお支払い方法をご確認ください。",
    "The payment was not completed. Please check your payment method on Amazon's page.",
)

_BY_CODE = {
    "SoftDeclined": _BANK,
    "ProcessingFailure": _LATE,
    "TransactionTimedOut": _LATE,
    "HardDeclined": _METHOD,
    "PaymentMethodNotAllowed": _METHOD,
    "PaymentMethodDeleted": _METHOD,
    "NonChargeable": _METHOD,
    "MFANotCompleted": _CONFIRM,
    "AmazonRejected": _REJECTED,
    "TransactionAmountExceeded": _AMOUNT,
    "TransactionCountExceeded": _AMOUNT,
    "InvalidChargePermissionStatus": _METHOD,
    "Closed": _CLOSED,
    "BuyerClosed": _CLOSED,
    "BuyerCanceled": _CLOSED,
    "ChargePermissionCanceled": _CLOSED,
    "AmazonClosed": _CLOSED,
    "AmazonCanceled": _REJECTED,
    "Expired": _CLOSED,
    "ExpiredUnused": _CLOSED,
    "MerchantClosed": _CLOSED,
    "cap": _CAP,
}


def reason_words(code: str | None) -> tuple[str, str]:
    """What to tell a customer about a reason code, (Japanese, English); empty without one."""
    if not code:
        return "", ""
    return _BY_CODE.get(code, _OTHERWISE)
