"""What a person does about a refund that Amazon did not make, in Japanese and in English."""

_BY_CODE = {
    "AmazonRejected": (
        "Amazon does not give it back (the account's balance may be too low): pay the buyer "
        "another way, or ask again later",
        "Amazonでは返金できません(残高不足など)。別の方法で返金するか、後日もう一度お試しください",
    ),
    "ProcessingFailure": (
        "the buyer may have the money already, by a claim or a chargeback: look in Seller "
        "Central, then ask again if not",
        "保証申請やチャージバックで返金済みの可能性があります。セラーセントラルで確認し、"
        "未返金なら再度お試しください",
    ),
    "TransactionCountExceeded": (
        "Amazon makes no further refund of this charge: pay the buyer another way",
        "この課金への返金回数の上限に達しました。別の方法で返金してください",
    ),
    "TransactionAmountExceeded": (
        "more was given back at Amazon than our books know: compare the charge in Seller Central",
        "記録より多く返金されています。セラーセントラルで課金を確認してください",
    ),
    "InvalidChargeStatus": (
        "the charge is not captured at Amazon: run autopay audit",
        "Amazonでこの課金は受領済みではありません。autopay auditを実行してください",
    ),
}
_OTHERWISE = (
    "compare the charge with Seller Central before anything else is done",
    "まずセラーセントラルで課金の内容を確認してください",
)


def refund_remedy(reason_code: str | None) -> tuple[str, str]:
    """What to do about a refund declined or set aside for `reason_code`: (English, Japanese)."""
    return _BY_CODE.get(reason_code or "", _OTHERWISE)
