"""Rules of billing and of notices: shown, changed after a preview, each change on record."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from app.settings import NOTICE_RULES
from app.web.shell import (
    LANGUAGES,
    OWNERS,
    Again,
    Done,
    FormReader,
    Room,
    Shell,
    form_of,
    staff_of,
)
from app.web.staff import Fresh, NotProved
from billing import parse_schedule
from billing.deliveries import NoticeRules
from billing.settings import (
    NOTICE_RULE_NAMES,
    RULES,
    AuditWish,
    CapTooLow,
    ChangedMeanwhile,
    Rule,
    RuleChange,
    audit_entries,
    change_notice_rules,
    change_rules,
    held_notice_rules,
    held_rules,
    rule_differences,
    rules_mark,
)
from plans import BadInput

PAGE = "/settings/rules"
CONFIRM = "/settings/rules/confirm"
ADDRESSES = ("mail_from", "reply_to", "staff_email")
POSTAL_CODE = re.compile(r"\d{3}-?\d{4}", re.ASCII)
MOST_UPCOMING_DAYS = 60
SHOWN_CHANGES = 10
MARKS = ("mark", "notice_mark")
# Raising one of these needs a code of this moment; lowering it is the safe side.
LIMITS = ("cap_yen", "refund_approval_yen")


@dataclass(frozen=True, slots=True)
class Held:
    """What holds now: rules of billing and of notices."""

    billing: dict[str, Any]
    notices: dict[str, Any]

    @property
    def marks(self) -> dict[str, str]:
        """What tells whether somebody else changed something since."""
        return {"mark": rules_mark(self.billing), "notice_mark": rules_mark(self.notices)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an owner typed, without what a setting fixes."""

    billing: dict[str, object]
    notices: dict[str, object]

    def changes(self, held: Held) -> tuple[RuleChange, ...]:
        """What would change."""
        billing = rule_differences(held.billing, self.billing)
        return (*billing, *rule_differences(held.notices, self.notices))


@dataclass(frozen=True, slots=True)
class RulesPages:
    """The rules of one merchant."""

    shell: Shell

    def show(self, request: Request) -> Response:
        """The rules that hold."""
        return self._draw(request)

    def preview(self, request: Request) -> Response:
        """What would change, before it does."""
        form = FormReader(form_of(request))
        held, wanted = self._held(), self._read(form)
        if form.problems:
            return self._draw(request, form, status=422)
        changes = wanted.changes(held)
        if not changes:
            form.refuse("charge_hour", "settings.rules.nothing")
            return self._draw(request, form, status=422)
        return self._ask(request, form, changes)

    def _ask(
        self,
        request: Request,
        form: FormReader,
        changes: tuple[RuleChange, ...],
        *,
        status: int = 200,
    ) -> Response:
        return self.shell.pages.page(
            request,
            "settings/rules_confirm.html",
            status=status,
            form=form,
            changes=changes,
            sent=form.typed,
            asks_code=raises_a_limit(changes) and Fresh(self.shell).is_asked(request),
        )

    def confirm(self, request: Request) -> Response:
        """Change the rules."""
        form = FormReader(form_of(request))
        wanted = self._read(form)
        marks = [form.code(name) for name in MARKS]
        if form.problems:
            return self._draw(request, form, status=422)

        def act(form_id: str) -> Done | Again:
            changes = wanted.changes(self._held())

            def work(connection: Connection) -> int:
                return self._change(connection, request, wanted, marks)

            try:
                if raises_a_limit(changes):
                    number = Fresh(self.shell).write(request, form, work)
                else:
                    number = self.shell.write(request, work)
            except NotProved:
                return Again(self._ask(request, form, changes, status=422))
            except ChangedMeanwhile:
                return Again(self._draw(request, meanwhile=True, status=409))
            except CapTooLow as low:
                form.refuse("cap_yen", "settings.rules.cap_taken", yen=f"¥{low.taken_yen:,}")
                return Again(self._draw(request, form, status=422))
            except BadInput as bad:
                form.refuse(bad.field, "settings.rules.bad")
                return Again(self._draw(request, form, status=422))
            self.shell.rules.forget()
            return Done(PAGE, "settings.rules.kept", {"number": number})

        return self.shell.act_once(request, act)

    def _change(
        self, connection: Connection, request: Request, wanted: Wanted, marks: list[str]
    ) -> int:
        who: dict[str, Any] = {
            "merchant_id": self.shell.merchant.id,
            "by": staff_of(request).name,
            "at": self.shell.wall.now(),
        }
        billing = change_rules(connection, wanted=wanted.billing, mark=marks[0], **who)
        notices = change_notice_rules(connection, wanted=wanted.notices, mark=marks[1], **who)
        return len(billing) + len(notices)

    @property
    def _fixed(self) -> frozenset[str]:
        """Rules that a setting gives: it would put them back at the next start."""
        given = self.shell.given_settings
        notices = {rule for setting, rule in NOTICE_RULES.items() if setting in given}
        return frozenset(notices | {rule.name for rule in RULES if rule.name in given})

    def _held(self) -> Held:
        merchant_id = self.shell.merchant.id
        return self.shell.read(
            lambda c: Held(
                held_rules(c, merchant_id=merchant_id),
                held_notice_rules(c, merchant_id=merchant_id),
            )
        )

    def _read(self, form: FormReader) -> Wanted:
        fixed = self._fixed
        billing = {rule.name: read_rule(form, rule) for rule in RULES if rule.name not in fixed}
        names = [name for name in NOTICE_RULE_NAMES if name not in fixed]
        notices = {name: read_notice_rule(form, name) for name in names}
        if not form.problems:
            try:
                NoticeRules(**{**self._held().notices, **notices})
            except BadInput as bad:
                form.refuse(bad.field, "settings.rules.bad")
        return Wanted(billing, notices)

    def _draw(
        self,
        request: Request,
        form: FormReader | None = None,
        *,
        status: int = 200,
        meanwhile: bool = False,
    ) -> Response:
        held, merchant_id = self._held(), self.shell.merchant.id
        wish = AuditWish(kind="rules_changed")
        history = self.shell.read(
            lambda c: audit_entries(
                c, merchant_id=merchant_id, wish=wish, before_id=None, limit=SHOWN_CHANGES
            )
        )
        shown = form or FormReader(start={**held.billing, **held.notices})
        shown.typed |= held.marks
        return self.shell.pages.page(
            request,
            "settings/rules.html",
            status=status,
            form=shown,
            held=held,
            rules=RULES,
            notice_names=NOTICE_RULE_NAMES,
            fixed=self._fixed,
            history=history,
            meanwhile=meanwhile,
        )


def raises_a_limit(changes: tuple[RuleChange, ...]) -> bool:
    """Whether more may be charged, or given back by one person alone, than before."""
    return any(
        isinstance(change.before, int)
        and isinstance(change.after, int)
        and change.name in LIMITS
        and change.after > change.before
        for change in changes
    )


def read_rule(form: FormReader, rule: Rule) -> object:
    """What was typed for a rule of billing."""
    if rule.options:
        return form.choice(rule.name, rule.options)
    if rule.is_number:
        return form.whole(rule.name, least=rule.least, most=rule.most)
    typed = unicodedata.normalize("NFKC", form.text(rule.name)).replace("、", ",").replace(" ", "")
    try:
        return ",".join(str(day) for day in parse_schedule(typed))
    except ValueError:
        form.refuse(rule.name, "settings.rules.days")
        return ""


def read_notice_rule(form: FormReader, name: str) -> object:
    """What was typed for a rule of notices."""
    if name == "language":
        return form.choice(name, LANGUAGES)
    if name == "upcoming_days":
        return form.whole(name, most=MOST_UPCOMING_DAYS)
    if name in ADDRESSES:
        return form.email(name, required=False)
    if name == "seller_postal_code":
        code = form.code(name, required=False)
        if code and not POSTAL_CODE.fullmatch(code):
            form.refuse(name, "settings.rules.postal_code")
        return code
    return form.text(name, most=300, required=False)


def add_rules(room: Room, shell: Shell) -> None:
    """The routes of the rules."""
    pages = RulesPages(shell)
    room.get(PAGE, pages.show, access=OWNERS)
    room.post(PAGE, pages.preview, access=OWNERS)
    room.get(CONFIRM, _back, access=OWNERS)
    room.post(CONFIRM, pages.confirm, access=OWNERS)


def _back() -> Response:
    return RedirectResponse(PAGE, status_code=303)
