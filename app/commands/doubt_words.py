"""How a doubt and its proofs are shown to people and to programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from app.output import say, write_table
from billing.evidence import REFUSED, DeskItem, DeskKind, KeptProof

Language = Literal["ja", "en"]

KINDS = {
    "charge": ("課金", "charge"),
    "refund": ("返金", "refund"),
    "row": ("データ", "row"),
    "chargeback": ("チャージバック", "chargeback"),
}
STATES = {
    "resting": ("証拠確認中", "looking for proofs"),
    "parked": ("判断待ち", "waits for a decision"),
    "quarantined": ("要確認", "set aside"),
    "refused": ("上限により請求不可", "refused by the cap"),
}
PROOFS = {
    "amazon": ("Amazonの課金情報", "the charge itself"),
    "balance": ("利用枠の残額", "the balance"),
    "report": ("取引レポート", "the report"),
    "notifications": ("通知", "notifications"),
    "person": ("担当者の確認", "a person looked"),
    "decision": ("担当者の判断", "decision"),
}
VERDICTS = {
    "happened": ("実行された", "it happened"),
    "did_not_happen": ("実行されていない", "it did not happen"),
    "silent": ("不明", "says nothing"),
}
_COLUMNS = {
    "ja": ("番号", "種類", "円", "状態", "発生", "理由", "証拠"),
    "en": ("Reference", "Kind", "Yen", "State", "Since", "Why", "Proofs"),
}
_PROOF_COLUMNS = {
    "ja": ("日時", "証拠", "内容", "Amazonの番号", "誰が", "詳細"),
    "en": ("Seen at", "Proof", "Says", "Id at Amazon", "By", "Details"),
}


def show_items(items: Sequence[DeskItem], zone: str, language: Language) -> None:
    """A table of all; a sentence when there is none."""
    if not items:
        say("確認が必要なものはありません。" if language == "ja" else "Nothing waits for a person.")
        return
    write_table(_COLUMNS[language], [_line(item, zone, language) for item in items])


def _line(item: DeskItem, zone: str, language: Language) -> tuple[object, ...]:
    return (
        item.name,
        _word(KINDS, item.kind, language),
        item.amount_yen,
        _word(STATES, item.state, language),
        _when(item.since, zone),
        item.reason,
        len(item.proofs),
    )


def show_item(item: DeskItem, zone: str, language: Language) -> None:
    """The story of one, every proof, and what can be done about it."""
    say(_story(item, zone, language))
    if item.proofs:
        rows = [_proof_line(proof, zone, language) for proof in item.proofs]
        write_table(_PROOF_COLUMNS[language], rows)
    else:
        say("証拠はまだありません。" if language == "ja" else "No proof was seen yet.")
    say(_advice(item, language))


def _story(item: DeskItem, zone: str, language: Language) -> str:
    since = _when(item.since, zone)
    if item.kind is DeskKind.CHARGEBACK:
        return (
            f"{item.name}: {since} にチャージバックの通知({item.permission})"
            if language == "ja"
            else f"{item.name}: a chargeback was told of at {since} ({item.permission})"
        )
    state = _word(STATES, item.state, language)
    if item.kind is DeskKind.ROW:
        return (
            f"{item.name}: {since} に処理から外されました({item.reason})"
            if language == "ja"
            else f"{item.name}: set aside at {since} ({item.reason})"
        )
    if item.state == REFUSED:
        return (
            f"{item.name}: {item.amount_yen:,}円は上限により請求できません"
            f"(期日 {since}、{item.reason})"
            if language == "ja"
            else f"{item.name}: {item.amount_yen:,} yen, due {since}, do not fit under the monthly "
            f"cap ({item.reason}), and by the merchant's rule they are not charged"
        )
    if language == "ja":
        return (
            f"{item.name}: {item.amount_yen:,}円、{since} から結果不明({state})。"
            f"同じキーで{item.sends}回送信しました。理由: {item.reason}"
        )
    return (
        f"{item.name}: {item.amount_yen:,} yen, without a definite answer since {since} ({state}). "
        f"The same key was sent {item.sends} times. Why: {item.reason}"
    )


def _proof_line(proof: KeptProof, zone: str, language: Language) -> tuple[object, ...]:
    details = ", ".join(
        f"{name} {value}" for name, value in proof.what.items() if value is not None
    )
    return (
        _when(proof.seen_at, zone),
        _word(PROOFS, proof.kind, language),
        _word(VERDICTS, proof.verdict, language),
        proof.amazon_id,
        proof.actor,
        details,
    )


def _advice(item: DeskItem, language: Language) -> str:
    if item.kind is DeskKind.CHARGEBACK:
        book = f"autopay charge chargeback … --case {item.name} --amount … --on … --reason …"
        return (
            f"Seller Centralで課金と金額を確認して記帳: {book}。取り下げなら: autopay doubt release"
            if language == "ja"
            else f"Look the charge and the sum up in Seller Central, then: {book}. If it was "
            "withdrawn: autopay doubt release"
        )
    if item.kind is DeskKind.ROW:
        return (
            f"原因を直してから: autopay doubt release {item.name} --reason … --by …"
            if language == "ja"
            else f"Repair the cause, then: autopay doubt release {item.name} --reason … --by …"
        )
    if item.state == REFUSED:
        return (
            "上限の設定を変えたら autopay doubt release で再請求、請求しないなら "
            "autopay doubt abandon で終了します。"
            if language == "ja"
            else "Once the cap has room or its rule was changed: autopay doubt release. Collected "
            "another way, or given up: autopay doubt abandon."
        )
    if language == "ja":
        return (
            "Seller Centralで確認し、autopay doubt resolve で happened か did-not-happen を"
            "記録してください。同じキーでの再送は autopay doubt release です。"
        )
    return (
        "Compare it with Seller Central, then say happened or did-not-happen with "
        "autopay doubt resolve; autopay doubt release sends the same key again."
    )


def item_record(item: DeskItem, zone: str) -> dict[str, Any]:
    """The same for programs."""
    return {
        "reference": item.name,
        "kind": str(item.kind),
        "state": item.state,
        "reason": item.reason,
        "amount": item.amount_yen,
        "since": _when(item.since, zone),
        "charge_permission": item.permission,
        "key": item.idempotency_key,
        "sends": item.sends,
        "resting_since": None if item.rested_at is None else _when(item.rested_at, zone),
        "proofs": [
            {
                "kind": proof.kind,
                "verdict": proof.verdict,
                "seen_at": _when(proof.seen_at, zone),
                "what": dict(proof.what),
                "by": proof.actor,
                "amazon_id": proof.amazon_id,
            }
            for proof in item.proofs
        ],
    }


def _word(words: dict[str, tuple[str, str]], word: str, language: Language) -> str:
    return words.get(word, (word, word))[0 if language == "ja" else 1]


def _when(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
