"""The Japanese texts of the pages."""

from typing import Final

JAPANESE: Final = {
    "brand": "ローカル Amazon Pay (テスト)",
    "brand.name": "ローカル Amazon Pay",
    "brand.test": "テスト",
    "skip": "本文へ移動",
    "switch.code": "en",
    "switch.name": "English",
    "sign_out": "ログアウト",
    "footer": (
        "このページは開発とテストのためのもので、Amazon のサイトではありません。"
        "実際のお支払いは発生しません。"
    ),
    "back": "戻る",
    "none": "なし",
    "optional": "任意",
    "cancel.to_shop": "キャンセルしてショップに戻る",
    "shop.unnamed": "店舗名が設定されていないショップ",
    # money and time
    "money": "{figure}円",
    "date": "{year}年{month}{day}日",
    "moment": "{day} {clock}",
    **{f"month.{month}": f"{month}月" for month in range(1, 13)},
    "every.variable": "不定期",
    "every.1.Year": "毎年",
    "every.1.Month": "毎月",
    "every.1.Week": "毎週",
    "every.1.Day": "毎日",
    "every.n.Year": "{count}年ごと",
    "every.n.Month": "{count}か月ごと",
    "every.n.Week": "{count}週間ごと",
    "every.n.Day": "{count}日ごと",
    "plan": "{every} {amount}",
    "plan.variable": "1回 {amount}（お支払いの間隔は不定期）",
    "plan.open": "{every}（金額は毎回異なる場合があります）",
    "plan.open.variable": "お支払いの間隔と金額は不定期",
    # log-in
    "login.title": "ログイン",
    "login.email": "テスト購入者のメールアドレス",
    "login.password": "パスワード",
    "login.any_password": "どのパスワードでもログインできます（空欄も可）。",
    "login.button": "ログイン",
    "login.test_buyers": "テスト購入者を選ぶ",
    "login.one_click": "クリックするだけでログインできます。",
    "login.unknown": (
        "このメールアドレスのテスト購入者はいません。下の一覧から選ぶか、綴りを確かめてください。"
    ),
    "login.for_checkout": "{shop} でのお支払いを続けるにはログインしてください。",
    "login.for_sign_in": "{shop} にログインするには、テスト購入者としてログインしてください。",
    "login.for_account": "お支払いの契約を見るにはログインしてください。",
    # checkout
    "pay.title": "お支払い方法の選択",
    "pay.title.with_address": "お届け先とお支払い方法の選択",
    "pay.title.now": "ご注文内容の確認とお支払い",
    "pay.buyer": "{name} 様（{email}）",
    "pay.address": "お届け先",
    "pay.new_address": "新しい住所を追加",
    "pay.payment": "お支払い方法（テスト用カード）",
    "pay.summary": "ご注文内容",
    "pay.shop": "販売事業者",
    "pay.reference": "ご注文番号",
    "pay.amount": "お支払い金額",
    "pay.recurring": "継続支払い",
    "pay.continue": "ショップに戻って続ける",
    "pay.save": "変更を保存してショップに戻る",
    "pay.agree": "同意して続ける",
    "pay.now": "{amount} を支払う",
    "pay.now_open": "支払う",
    "pay.not_yet": "ここではまだお支払いは確定しません。",
    "pay.problem.consent": "継続支払いに同意する場合は、チェックを入れてください。",
    "pay.problem.choice": "お届け先とお支払い方法を一覧から選んでください。",
    "consent": "{shop} に継続支払い（{plan}）を承認します。",
    "consent.more": (
        "選択したお支払い方法に、販売事業者が今後の代金を請求することに同意します。"
        "この契約はアカウントのページからいつでも終了できます。"
    ),
    "change.title.changePayment": "お支払い方法の変更",
    "change.title.changeAddress": "お届け先の変更",
    "upgrade.title": "継続支払いへの切り替え",
    "address.title": "住所の追加",
    "address.name": "氏名",
    "address.postalCode": "郵便番号",
    "address.stateOrRegion": "都道府県",
    "address.addressLine1": "市区町村・番地",
    "address.addressLine2": "建物名・部屋番号",
    "address.addressLine3": "会社名など",
    "address.phoneNumber": "電話番号",
    "address.save": "住所を追加",
    "address.problem.empty": "{label}を入力してください。",
    "address.problem.long": "{label}は{longest}文字以内で入力してください。",
    "address.problem.postal": "郵便番号は 7 桁の数字で入力してください（例: 153-0064）。",
    "address.problem.phone": "電話番号は数字とハイフンで入力してください（例: 03-0000-0000）。",
    "address.problem.many": "住所は{most}件まで登録できます。",
    "processing.title": "処理しています",
    "processing.text": (
        "{shop} へのお支払いを処理しています。完了すると自動的にショップへ戻ります。"
    ),
    "processing.button": "ショップへ戻る",
    "canceled.title": "お手続きをキャンセルしました",
    "canceled.text": (
        "ショップが戻り先の URL を指定していないため、ここで終わります。"
        "このページは閉じてかまいません。"
    ),
    "signed_out.title": "ログアウトしました",
    "signed_out.text": "またいつでもテスト購入者としてログインできます。",
    # simulated cards
    "card.ok": "お支払いは成功します。",
    "card.buyer_canceled": "購入者のキャンセルとして終わります（BuyerCanceled）。",
    "card.declined": "お支払いは拒否されます（Declined）。",
    "card.pending": (
        "保留になり、30 秒後に承認されます（Authorize と canHandlePendingAuthorization が必要）。"
    ),
    "card.pending_declined": (
        "保留になり、30 秒後に拒否されます（Authorize と canHandlePendingAuthorization が必要）。"
    ),
    # sign-in
    "share.title": "情報の共有",
    "share.text": "{host} にログインし、次の情報を共有します。",
    "share.button": "続行",
    "scope.buyerId": "購入者ID",
    "scope.name": "氏名",
    "scope.email": "メールアドレス",
    "scope.postalCode": "郵便番号",
    "scope.shippingAddress": "お届け先住所",
    "scope.billingAddress": "請求先住所",
    "scope.phoneNumber": "電話番号",
    "scope.primeStatus": "プライム会員の種別",
    # account
    "account.title": "お支払いアカウント",
    "account.agreements": "販売事業者との契約",
    "account.none": "販売事業者との契約はまだありません。",
    "account.one_time": "一回のお支払い",
    "account.since": "{day}から",
    "agreement.title": "契約の詳細",
    "agreement.id": "契約番号",
    "agreement.began": "開始日",
    "agreement.until": "有効期限",
    "agreement.card": "お支払い方法",
    "agreement.change_card": "お支払い方法を変更",
    "agreement.end": "契約を終了",
    "agreement.card_changed": "お支払い方法を変更しました。次回のお支払いから使われます。",
    "agreement.ended": "契約を終了しました。今後この契約での請求はできません。",
    "method.text": "新しいお支払い方法は次回の請求から使われます。承認済みの請求は変わりません。",
    "method.button": "このお支払い方法に変更",
    "end.title": "契約を終了しますか",
    "end.text": (
        "終了した契約は元に戻せません。販売事業者は以後この契約で請求できなくなります。"
        "もう一度始めるには、ショップで改めてお手続きください。"
    ),
    "end.button": "契約を終了する",
    "end.keep": "終了せずに戻る",
    "history.title": "お支払い履歴",
    "history.day": "日付",
    "history.amount": "金額",
    "history.state": "状態",
    "history.refunded": "返金 {amount}",
    "history.none": "お支払いはまだありません。",
    "history.older": "さらに前のお支払い",
    "order.title": "お支払いの詳細",
    "order.id": "取引番号",
    "order.at": "日時",
    "order.captured": "売上請求額",
    "order.refunded": "返金額",
    "order.reason": "理由コード",
    "wallet.title": "お支払い方法",
    "wallet.none": "登録されているお支払い方法はありません。",
    "wallet.delete": "削除",
    "wallet.delete_text": (
        "このお支払い方法を使っている契約は、別のお支払い方法に変更するまで請求できなくなります。"
    ),
    "wallet.delete_button": "{card} を削除する",
    "wallet.deleted": "お支払い方法を削除しました。",
    "state.Chargeable": "有効",
    "state.NonChargeable": "請求できません",
    "state.Closed": "終了",
    "state.AuthorizationInitiated": "承認待ち",
    "state.Authorized": "承認済み",
    "state.CaptureInitiated": "請求処理中",
    "state.Captured": "支払い済み",
    "state.Canceled": "取り消し",
    "state.Declined": "拒否",
    "reason.PaymentMethodInvalid": "お支払い方法が使えませんでした。別の方法に変更してください。",
    "reason.PaymentMethodDeleted": "お支払い方法が削除されました。別の方法に変更してください。",
    "reason.PaymentMethodExpired": "カードの有効期限が切れています。別の方法に変更してください。",
    "reason.PaymentMethodNotSet": "お支払い方法が設定されていません。",
    "reason.PaymentMethodNotAllowed": "このお支払い方法は使えません。別の方法に変更してください。",
    "reason.BillingAddressDeleted": (
        "請求先住所が削除されました。お支払い方法を選び直してください。"
    ),
    "reason.MFAFailed": "本人確認ができませんでした。お支払い方法を選び直してください。",
    "reason.MerchantClosed": "販売事業者が契約を終了しました。",
    "reason.BuyerClosed": "お客様が契約を終了しました。",
    "reason.BuyerCanceled": "お客様が契約を終了しました。",
    "reason.AmazonCanceled": "Amazon 側で契約が終了しました。",
    "reason.AmazonClosed": "契約は使い終わりました。",
    "reason.Expired": "契約の有効期限が切れました。",
    # refusals
    "error.title": "このページは表示できません",
    "error.help": "ショップに戻ってやり直してください。開発者の方は上の内容をご確認ください。",
    "error.not_found": "ページが見つかりません: {path}",
    "error.method": "この操作は {method} では行えません: {path}",
    "error.internal": "ローカル Amazon Pay の内部で問題が起きました。詳しくはログをご覧ください。",
    "error.refused": "{code}: {message}",
    "error.form_type": "フォームの形式が違います（application/x-www-form-urlencoded が必要です）。",
    "error.form_slow": "フォームの送信に時間がかかりすぎました。",
    "error.form_unreadable": "フォームの内容を読み取れません。",
    "error.form_large": "フォームが大きすぎます。",
    "error.foreign_form": (
        "このフォームは受け付けられません。Cookie を有効にし、ページを開き直してから"
        "もう一度お試しください。"
    ),
    "error.return_url": (
        "戻り先の URL が使えません（http または https の絶対 URL が必要です）: {value}"
    ),
    "error.ticket": "この手続きは続けられません。ショップのボタンからやり直してください。",
    "error.session": "お支払い手続きが見つかりません: {value}",
    "error.session_ended": "このお支払い手続きは終了しています（{state} {reason}）。",
    "error.session_not_ready": (
        "このお支払い手続きはまだ確定できません。ショップ側で金額と戻り先の設定が必要です。"
    ),
    "error.not_recurring": "この手続きは継続支払いではありません: {value}",
    "error.other_buyer": (
        "このお支払い手続きは別の購入者のものです。ログアウトしてやり直してください。"
    ),
    "error.parameter": "パラメーター {name} が正しくありません: {value}",
    "error.not_yours": "{value} はこのアカウントの契約ではありません。",
    "button.missing": "ボタンから {field} が届いていません。",
    "button.base64": "payloadBase64 が base64 の UTF-8 テキストではありません。",
    "button.algorithm": "algorithm {value} は使えません。使えるもの: {known}",
    "button.merchant": "merchantId {value} は知られていません。この環境の値: {known}",
    "button.key": "publicKeyId {value} は知られていません。有効なもの: {known}",
    "button.store": "storeId {value} が正しくありません。この環境の値: {known}",
    "button.json": "payloadJSON は正しい JSON オブジェクトではありません。",
    "button.signature": "署名が payloadJSON と一致しません。",
    "button.fact.hint": "考えられる原因",
    "button.fact.reason": "理由",
    "button.fact.string_to_sign": "署名されるべき文字列（algorithm、改行、payload の SHA-256）",
    "button.fact.algorithm": "algorithm",
    "button.fact.key": "publicKeyId",
    "button.fact.signature": "届いた署名",
    "button.fact.payload": "届いた payloadJSON",
    "button.fact.payload_bytes": "payloadJSON のバイト数",
    "button.hint.algorithm": (
        "別の algorithm で署名されています。ボタンの algorithm とサーバーの設定を"
        "一致させてください（省略時は AMZN-PAY-RSASSA-PSS）。"
    ),
    "button.hint.key": "別の鍵で署名されています。publicKeyId と秘密鍵の組を確かめてください。",
    "button.hint.slashes": (
        "「/」と「\\/」の違いです。署名した文字列をそのまま payloadJSON に入れてください。"
    ),
    "button.hint.backslashes": (
        "バックスラッシュの有無が違います。署名した文字列をそのまま payloadJSON に入れてください。"
    ),
    "button.hint.spaces": "前後の空白または改行が違います。",
    "button.hint.encoded_again": (
        "JSON が署名の後で作り直されています。署名した文字列をそのまま渡してください。"
    ),
    "button.hint.unknown": (
        "署名後に payloadJSON が変わったか、秘密鍵・ソルト長（V2 は 32、旧方式は 20）が"
        "違う可能性があります。"
    ),
}
