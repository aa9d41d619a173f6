"""The component page: every part of the pages with made-up content, to look at and to test."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import Request
from starlette.responses import Response

from app.web.shell import (
    FormReader,
    SentForm,
    Series,
    Shell,
    Words,
    bar_chart,
    line_chart,
    sparkline,
    words_of,
)

START = datetime(2026, 12, 1, tzinfo=UTC)
DAYS = 14


def components_page(shell: Shell) -> Callable[[Request], Response]:
    """The page `/components`."""

    def components(request: Request) -> Response:
        """Every part once."""
        words = words_of(request)
        return shell.pages.page(
            request,
            "staff/components.html",
            form=_faulty_form(words),
            fresh=FormReader(start={"plan": "light", "name": words("components.name")}),
            start=START,
            hour=timedelta(hours=1),
            **_charts(words),
        )

    return components


def _faulty_form(words: Words) -> FormReader:
    sent = SentForm(
        fields=(("mail", "hanako@"), ("seats", "many"), ("on", "2026-13-01"), ("plan", "light"))
    )
    form = FormReader(sent, start={"name": words("components.name")})
    form.email("mail")
    form.whole("seats", least=1, most=99)
    form.day("on")
    form.flag("agree", must=True)
    return form


def _charts(words: Words) -> dict[str, Any]:
    days = [f"{START + timedelta(days=number):%Y-%m-%d}" for number in range(DAYS)]
    received = tuple(12_000 + 7_300 * (number * 5 % 9) for number in range(DAYS))
    declined = tuple(900 * (number * 3 % 4) for number in range(DAYS))
    both = (
        Series(words("components.received"), received),
        Series(words("components.declined"), declined),
    )
    return {
        "bars": bar_chart(items=days, series=both[:1], links=["/charges"] * DAYS),
        "stacked": bar_chart(items=days, series=both),
        "lines": line_chart(items=days, series=both),
        "line": sparkline(received),
    }
