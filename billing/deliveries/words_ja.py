"""The Japanese words that come with the program; a merchant may write its own over them."""

from billing.deliveries.templates import Template

__all__ = ["WORDS_JA"]

_CHARGE = """\
ご契約: {plan}
ご契約番号: {subscription}
金額: {amount}(税込)
{lines}
{part}"""

_LINK = """\
お支払い方法の確認・変更はAmazonのページで承ります:
{buyer_link}"""


def _words(subject: str, body: str) -> Template:
    return Template(subject, f"{{name}}\n\n{body.strip()}")


def _staff(subject: str, body: str) -> Template:
    facts = "契約番号: {subscription}\nお客様: {customer}\nプラン: {plan}\n"
    return Template(subject, f"{body.strip()}\n\n{facts}")


WORDS_JA = {
    "upcoming": _words(
        "次回のご請求のお知らせ({charge_day} {amount})",
        f"""
いつもご利用いただき、ありがとうございます。
次回のご請求についてお知らせいたします。

ご請求日: {{charge_day}}
{_CHARGE}
お支払い方法: Amazon Pay
変更・解約のお手続き期限: {{deadline}}

{_LINK}
""",
    ),
    "charged": _words(
        "お支払い完了のお知らせ({amount})",
        f"""
いつもご利用いただき、ありがとうございます。
下記のお支払いを確認いたしました。

お支払い日: {{day}}
{_CHARGE}
{{tax}}
お支払い方法: Amazon Pay
お支払い番号: {{reference}}
""",
    ),
    "failed": _words(
        "お支払いを完了できませんでした",
        f"""
{{day}}に下記のお支払いを完了できませんでした。
{{reason}}

{_CHARGE}
次回のご請求日: {{next_try}}

{{next_try}}までに、お支払い方法をご確認ください。すでに変更がお済みの場合、お手続きは不要です。

{_LINK}
""",
    ),
    "payment_method_needed": _words(
        "【お手続きのお願い】お支払い方法をご確認ください",
        f"""
下記のお支払いを完了できませんでした。継続してご利用いただくには、お客様のお手続きが必要です。
{{reason}}

{_CHARGE}

{_LINK}
お手続きが確認でき次第、あらためてご請求いたします。
""",
    ),
    "change_declined": _words(
        "ご契約の変更を完了できませんでした",
        f"""
お申し込みいただいた変更のお支払いを完了できなかったため、変更は行われていません。
ご契約はこれまでの内容のまま続きます。
{{reason}}

{_CHARGE}

{_LINK}
""",
    ),
    "one_off_declined": _words(
        "お支払いを完了できませんでした",
        f"""
下記のお支払いが完了しなかったため、このご注文は請求されていません。ご契約はこれまでどおり継続します。
{{reason}}

{_CHARGE}

{_LINK}
""",
    ),
    "cap_moved": _words(
        "ご請求日変更のお知らせ",
        f"""
Amazon Payの月間ご利用上限のため、下記のご請求の全部または一部を後日に変更いたしました。
お客様のお手続きは不要です。

{_CHARGE}
新しいご請求日: {{next_try}}
""",
    ),
    "refunded": _words(
        "返金のお知らせ({amount})",
        """
下記の金額を返金いたしました。

返金日: {day}
返金額: {amount}
ご契約番号: {subscription}
返金番号: {reference}

お支払いに使われた方法に応じ、ご利用明細への反映に日数がかかることがあります。
""",
    ),
    "paused": _words(
        "ご契約休止のお知らせ",
        """
下記のご契約を{day}から休止いたしました。休止中のご請求はありません。
{reason}

ご契約: {plan}
ご契約番号: {subscription}
お支払いいただけなかった金額: {amount}
再開予定日: {until}

お支払い方法の確認・変更(Amazonのページ): {buyer_link}
""",
    ),
    "skipped": _words(
        "次回分お休みのお知らせ",
        """
お申し込みのとおり、下記のご契約をお休みといたしました。お休みの期間のご請求はありません。

ご契約: {plan}
ご契約番号: {subscription}
再開予定日: {until}
""",
    ),
    "resumed": _words(
        "ご契約再開のお知らせ",
        """
下記のご契約を{day}から再開いたしました。

ご契約: {plan}
ご契約番号: {subscription}
""",
    ),
    "cancel_scheduled": _words(
        "解約のお申し込みを承りました",
        """
下記のご契約の解約を承りました。

ご契約: {plan}
ご契約番号: {subscription}
解約日: {day}

解約日まではこれまでどおりご利用いただけます。
""",
    ),
    "canceled": _words(
        "解約完了のお知らせ",
        """
下記のご契約は{day}をもって終了いたしました。以後のご請求はありません。

ご契約: {plan}
ご契約番号: {subscription}
お支払いいただけなかった金額: {amount}
解約料: {fee}

ご利用いただき、ありがとうございました。
""",
    ),
    "price_change": _words(
        "料金改定のお知らせ",
        """
いつもご利用いただき、ありがとうございます。
下記のご契約の料金を改定いたします。

ご契約: {plan}
ご契約番号: {subscription}
現在の料金: {old_amount}(税込)
改定後の料金: {new_amount}(税込)
適用: {day}以降に始まるご契約期間から

改定後の料金にご同意いただけない場合は、適用の前に解約のお手続きをお願いいたします。
""",
    ),
    "price_stays": _words(
        "料金改定の取りやめのお知らせ",
        """
いつもご利用いただき、ありがとうございます。
先にお知らせした下記のご契約の料金改定を、取りやめました。料金はこれまでどおりです。

ご契約: {plan}
ご契約番号: {subscription}
料金: {old_amount}(税込)
取りやめた改定: {day}以降に始まるご契約期間から{new_amount}(税込)

お手続きは必要ありません。ご迷惑をおかけし、申し訳ございません。
""",
    ),
    "signed_up": _words(
        "お申し込みありがとうございます({plan})",
        """
下記のお申し込みを承りました。

ご契約: {plan}
ご契約番号: {subscription}
初回のお支払い: {charge_day} {amount}(税込)
通常のお支払い: {regular}(税込、{every}、解約されるまで自動更新)
お支払い方法: Amazon Pay

ご契約の確認・変更・解約は、マイページからいつでもお手続きいただけます。
お支払い方法の確認・変更はAmazonのページでも承ります:
{buyer_link}
""",
    ),
    "sign_in_link": _words(
        "マイページへのログイン",
        """
マイページへのログイン用リンクです。15分以内に、1回だけお使いいただけます。
リンクの送信を依頼されたときと同じブラウザで開いてください。

{link}

お心当たりのない場合は、このメールを破棄してください。リンクを開かない限り、何も起こりません。
""",
    ),
    "amazon_linked": _words(
        "Amazonアカウントを連携しました",
        """
{day}に、マイページへのログインにお使いいただくAmazonアカウントが連携されました。
お心当たりのない場合は、すぐにご連絡ください。
""",
    ),
    "cap_refused": _staff(
        "月間上限により請求できません: {subscription} {amount}",
        """
月間上限に収まらないため、この請求は行われていません({code})。プランか上限の扱いを見直してください。
請求枠: {reference}
""",
    ),
    "permission_unknown": _staff(
        "Amazonが支払い許可を認識しません: {subscription}",
        """
Amazonはこの契約のCharge Permissionを認識しません({code})。登録された番号と、
どのアカウントの許可かを確認してください。
請求枠: {reference}
金額: {amount}
""",
    ),
    "permission_closed": _staff(
        "Amazonでの同意が終了しました: {subscription}",
        """
この契約のCharge PermissionはAmazonで終了しました。以後は請求できません。
契約は支払い済みの期間の終わりまで続きます。
理由: {code}
""",
    ),
    "permission_suspended": _staff(
        "お支払い方法が使えません: {subscription}",
        """
この契約のCharge Permissionは現在請求できません。お客様がAmazonのページでお支払い方法を
変更すると、請求できるようになります。次回の請求までに変わらない場合は、お客様にメールでお知らせします。
理由: {code}
""",
    ),
    "permission_expires": _staff(
        "次回の請求前に同意の期限が切れます: {subscription}",
        """
この契約のCharge Permissionは{lapses}に期限を迎え、次回の請求に間に合いません。お客様に新しい同意を
お願いしてください。
""",
    ),
    "limit_lowered": _staff(
        "Amazonの月間上限が下がりました: {subscription} {limit}",
        """
この契約のCharge Permissionの月間上限は{limit}になりました。収まらない請求は、上限の扱いの設定に
従います。今後の請求は autopay forecast で確認できます。
""",
    ),
    "quarantined": _staff(
        "確認が必要な請求があります: {subscription} {amount}",
        """
Amazonの回答と記録が一致しないため、請求を止めています({code})。
autopay charge show {reference} で確認してください。二重に請求されることはありません。
請求枠: {reference}
""",
    ),
    "refund_declined": _staff(
        "返金できませんでした: {subscription} {amount}",
        """
Amazonが返金を行いませんでした({code})。返金の義務は残っています。
返金番号: {reference}
対応: {remedy}
""",
    ),
    "refund_quarantined": _staff(
        "確認が必要な返金があります: {subscription} {amount}",
        """
Amazonの回答と記録が一致しないため、返金を止めています({code})。
返金番号: {reference}
対応: {remedy}
""",
    ),
    "refund_by_hand": _staff(
        "手作業の返金が必要です: {subscription} {amount}",
        """
このシステムで受領していない支払いのため、{amount}は自動では返金できません。別の方法で返金してください。
""",
    ),
    "returned_too_much": _staff(
        "受領額を超えて返金されています: {subscription} {amount}",
        """
返金とチャージバックの合計が受領額を{amount}上回っています({code})。セラーセントラルで確認し、
お客様またはAmazonに問い合わせてください。
請求枠: {reference}
""",
    ),
    "shipment_overdue": _staff(
        "出荷されていない商品があります: {subscription} {amount}",
        """
出荷の登録がないまま支払い承認の期限が近づいたため、承認を取り直します。出荷状況を確認してください。
請求枠: {reference}
""",
    ),
    "webhook_disabled": Template(
        "Webhookの送信先を停止しました: {code}",
        """\
送信先 {code} が長時間応答しないため、停止しました。
復旧後に autopay webhooks enable {code} と autopay webhooks replay {code} を実行すると、
停止中のイベントも届きます。""",
    ),
    "passkey_added": Template(
        "パスキーが追加されました: {code}",
        """\
管理画面にログインできるパスキーが追加されました: {code}
心当たりがない場合は、すぐにアカウントをリセットしてください: autopay staff reset NAME""",
    ),
    "passkey_removed": Template(
        "パスキーが削除されました: {code}",
        """\
管理画面のパスキーが削除されました: {code}
心当たりがない場合は、すぐにアカウントをリセットしてください: autopay staff reset NAME""",
    ),
    "passkey_copied": Template(
        "複製の疑いがあるパスキーを拒否しました: {code}",
        """\
使用回数が前に戻ったパスキーが使われました。鍵が複製されている疑いがあります:
{code}
ログインは拒否しました。持ち主がそのパスキーを削除し、作り直してください。""",
    ),
    "other": _staff(
        "お知らせ({kind}): {subscription}",
        """
{kind}
理由: {code}
参照: {reference}
金額: {amount}
""",
    ),
}
