"""Options that many commands of the command line share, and how their texts are read."""

from datetime import date, datetime
from typing import Annotated, Literal

import typer

__all__ = ["MOST", "Actor", "At", "Json", "Lang", "Reason", "day", "instant"]

MOST = 2**31 - 1
"""The largest whole number that any column holds on every database."""

Json = Annotated[bool, typer.Option("--json", help="one JSON document instead of a table")]
Lang = Annotated[Literal["ja", "en"], typer.Option(help="language of the words")]
At = Annotated[str | None, typer.Option(help="pretend it is this instant (ISO 8601)")]
Actor = Annotated[
    Literal["staff", "customer"], typer.Option("--actor", "--as", help="whose rules hold")
]
Reason = Annotated[
    str, typer.Option(help="why, for the books; staff need one to override a customer's rule")
]


# Around the ends of the calendar every sum of days overflows; no books reach that far.
_YEARS = range(2000, 2200)


def instant(text: str | None, *, option: str = "--at") -> datetime | None:
    """Read an instant; raises BadParameter for what is no instant or has no zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not an instant; write 2026-12-01T09:00+09:00", param_hint=option
        ) from error
    if found.tzinfo is None:
        raise typer.BadParameter(
            f"{text!r} has no zone; write {text}+09:00 or {text}Z", param_hint=option
        )
    _check_year(found.year, text, option)
    return found


def _check_year(year: int, text: str, option: str) -> None:
    if year not in _YEARS:
        raise typer.BadParameter(
            f"{text!r} is not of the years {_YEARS[0]} to {_YEARS[-1]}; write 2026-12-01 as a day "
            "or 2026-12-01T09:00+09:00 as an instant",
            param_hint=option,
        )


def day(text: str | None, *, option: str) -> date | None:
    """Read a day; raises BadParameter for what is none."""
    if text is None:
        return None
    try:
        found = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is not a day; write 2026-12-01", param_hint=option
        ) from error
    _check_year(found.year, text, option)
    return found
