"""When a refund needs a second person, and who that may be. Pure."""

import unicodedata
from datetime import timedelta

from plans import BadInput

__all__ = ["KEPT_FOR", "ApprovalRefused", "check_decider", "needs_second_person"]

KEPT_FOR = timedelta(hours=24)
DECISIONS = ("approved", "declined", "withdrawn")


class ApprovalRefused(BadInput):
    """A request for approval that is not made or not decided; `code` is meant for programs."""

    def __init__(self, *, code: str, field: str, value: object, rule: str, remedy: str) -> None:
        self.code = code
        super().__init__(field=field, value=value, rule=rule, remedy=remedy)


def needs_second_person(*, amount_yen: int, given_back_yen: int, limit_yen: int) -> bool:
    """Whether a refund of `amount_yen` is more than one person may give back.

    What was given back of the same charge before counts, so that a sum cut into small ones is
    judged as a whole. A limit of 0 lets nobody give anything back alone.
    """
    return amount_yen + given_back_yen > limit_yen


def check_decider(*, to: str, by: str, asked_by: str) -> None:
    """Raise `ApprovalRefused` unless this person may decide so.

    Another one approves or declines; only who asked withdraws. Names differ by more than case or
    the width of their letters.
    """
    if to not in DECISIONS:
        raise ApprovalRefused(
            code="unknown",
            field="to",
            value=to,
            rule=f"is one of {', '.join(DECISIONS)}",
            remedy="use one of these",
        )
    same = _plain(by) == _plain(asked_by)
    if to == "withdrawn" and not same:
        raise ApprovalRefused(
            code="not_yours",
            field="by",
            value=by,
            rule=f"only {asked_by}, who asked for it, takes it back",
            remedy="decline it instead",
        )
    if to != "withdrawn" and (same or not _plain(by)):
        raise ApprovalRefused(
            code="same_person",
            field="by",
            value=by,
            rule="who asks for a refund never decides about it",
            remedy="let another member of the staff decide",
        )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
