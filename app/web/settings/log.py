"""The audit log: who did what to the engine, newest first, and how far the chain proves it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import Response

from app.web.shell import LARGEST_ID, OWNERS, FormReader, Room, Shell, read_day
from billing import charge_instant
from billing.settings import (
    AuditWish,
    audit_actors,
    audit_entries,
    audit_kinds,
    chained_up_to,
)

LOG = "/settings/log"
ROWS = 50


@dataclass(frozen=True, slots=True)
class LogPage:
    """The audit log of one merchant."""

    shell: Shell

    def show(self, request: Request) -> Response:
        """One page of it, from the newest or from below an id."""
        asked = request.query_params
        form = FormReader(start={name: asked.get(name, "") for name in ("from", "to")})
        wish = self._wish(request, form)
        merchant_id = self.shell.merchant.id
        with_one_more = self.shell.read(
            lambda connection: audit_entries(
                connection,
                merchant_id=merchant_id,
                wish=wish,
                before_id=_below(asked.get("below", "")),
                limit=ROWS + 1,
            )
        )
        rows = with_one_more[:ROWS]
        kept = {name: asked.get(name, "") for name in ("actor", "kind", "from", "to")}
        older = {**kept, "below": rows[-1].id} if len(with_one_more) > ROWS else {}
        return self.shell.pages.page(
            request,
            "settings/log.html",
            status=422 if form.problems else 200,
            rows=rows,
            form=form,
            wish=wish,
            actors=self.shell.read(lambda c: audit_actors(c, merchant_id=merchant_id)),
            kinds=self.shell.read(lambda c: audit_kinds(c, merchant_id=merchant_id)),
            chained=self.shell.read(chained_up_to),
            older=f"{LOG}?{urlencode(older)}" if older else "",
            newest=f"{LOG}?{urlencode(kept)}" if asked.get("below") else "",
        )

    def _wish(self, request: Request, form: FormReader) -> AuditWish:
        asked = request.query_params
        return AuditWish(
            actor=asked.get("actor", "").replace("\0", "")[:200],
            kind=asked.get("kind", "").replace("\0", "")[:200],
            since=self._midnight(form, "from"),
            until=self._midnight(form, "to", days=1),
        )

    def _midnight(self, form: FormReader, field: str, *, days: int = 0) -> datetime | None:
        typed = form.typed[field].strip()
        if not typed:
            return None
        day = read_day(typed)
        if day is None or not 2000 <= day.year <= 2100:
            form.refuse(field, "field.day", value=typed)
            return None
        return self._start_of(day + timedelta(days=days))

    def _start_of(self, day: date) -> datetime:
        return charge_instant(on=day, hour=0, timezone=self.shell.merchant.timezone)


def _below(text: str) -> int | None:
    """The id of a link; anything else is the first page."""
    if not (text.isascii() and text.isdigit()):
        return None
    return min(int(text[:19]), LARGEST_ID)


def add_log(room: Room, shell: Shell) -> None:
    """The route of the audit log."""
    room.get(LOG, LogPage(shell).show, access=OWNERS)
