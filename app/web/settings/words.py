"""The merchant's own words for notices: edited with a preview, each version kept."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from app.web.shell import (
    LANGUAGES,
    OWNERS,
    Again,
    Done,
    FormReader,
    Room,
    Shell,
    Words,
    form_of,
    staff_of,
)
from billing.deliveries import KINDS, OwnWords, Template, load_own_words, words_in_force
from billing.settings import (
    WordsVersion,
    preview_words,
    restore_words,
    store_words,
    words_versions,
)
from plans import BadInput

WORDS = "/settings/words"
RESTORE = "/settings/words/restore"
MOST_BODY, MOST_SUBJECT = 20_000, 200

FAULTS = (
    ("is no placeholder", "settings.words.unknown"),
    ("stands alone", "settings.words.brace"),
)
"""How the rules begin that the engine names for words, and ours for them."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """One kind in one language."""

    kind: str
    language: str

    @property
    def path(self) -> str:
        """Its page."""
        return f"{WORDS}?kind={self.kind}&language={self.language}"

    def sample(self) -> dict[str, str]:
        """A value for each placeholder, in the language of the words."""
        known = Words(self.language)
        return {name: known(f"settings.sample.{name}") for name in KINDS[self.kind].placeholders}


@dataclass(frozen=True, slots=True)
class WordsPages:
    """The words of one merchant's notices."""

    shell: Shell

    def show(self, request: Request) -> Response:
        """All kinds, or the one that was asked for."""
        asked = request.query_params
        if "kind" in asked:
            return self._draw(request, chosen_of(asked.get("kind"), asked.get("language")))
        own = self._own()
        rows = [
            (kind, {each: own.of(kind.code, each).version for each in LANGUAGES})
            for kind in KINDS.values()
        ]
        return self.shell.pages.page(request, "settings/words.html", rows=rows, languages=LANGUAGES)

    def change(self, request: Request) -> Response:
        """Show how words would read, or keep them."""
        form = FormReader(form_of(request))
        chosen = chosen_of(form.code("kind"), form.code("language"))
        subject = form.text("subject", most=MOST_SUBJECT)
        body = form.lines("body", most=MOST_BODY)
        seen = form.code("version", required=False)
        preview = None if form.problems else preview_of(form, chosen, subject, body)
        if preview is None:
            return self._draw(request, chosen, form, status=422)
        if form.choice("do", ("preview", "store")) != "store":
            return self._draw(request, chosen, form, preview=preview)

        def act(form_id: str) -> Done | Again:
            def work(connection: Connection) -> int | None:
                if newest_version(connection, self.shell, chosen) != seen:
                    return None
                return store_words(
                    connection,
                    self.shell.merchant,
                    kind=chosen.kind,
                    language=chosen.language,
                    subject=subject,
                    body=body,
                    by=staff_of(request).name,
                    at=self.shell.wall.now(),
                )

            made = self.shell.write(request, work)
            if made is None:
                form.refuse("body", "settings.meanwhile")
                return Again(self._draw(request, chosen, form, status=422))
            return Done(chosen.path, "settings.words.kept", {"version": made})

        return self.shell.act_once(request, act)

    def restore(self, request: Request) -> Response:
        """Take an earlier version again."""
        form = FormReader(form_of(request))
        chosen = chosen_of(form.code("kind"), form.code("language"))
        version = form.whole("version")
        if form.problems:
            return self._draw(request, chosen, form, status=422)

        def act(form_id: str) -> Done | Again:
            try:
                made = self.shell.write(
                    request, lambda c: self._restored(c, request, chosen, version)
                )
            except BadInput:
                return Again(self._draw(request, chosen, failed=True, status=422))
            return Done(chosen.path, "settings.words.kept", {"version": made})

        return self.shell.act_once(request, act)

    def _restored(
        self, connection: Connection, request: Request, chosen: Chosen, version: int
    ) -> int:
        return restore_words(
            connection,
            self.shell.merchant,
            kind=chosen.kind,
            language=chosen.language,
            version=version,
            by=staff_of(request).name,
            at=self.shell.wall.now(),
        )

    def _own(self) -> OwnWords:
        return self.shell.read(lambda c: load_own_words(c, self.shell.merchant.id))

    def _versions(self, chosen: Chosen) -> list[WordsVersion]:
        return self.shell.read(
            lambda c: words_versions(
                c, merchant_id=self.shell.merchant.id, kind=chosen.kind, language=chosen.language
            )
        )

    def _draw(
        self,
        request: Request,
        chosen: Chosen,
        form: FormReader | None = None,
        *,
        status: int = 200,
        preview: Template | None = None,
        failed: bool = False,
    ) -> Response:
        words, placeholders = words_in_force(
            self._own(), kind=chosen.kind, language=chosen.language
        )
        versions = self._versions(chosen)
        start = {
            "subject": words.subject,
            "body": words.body,
            "version": versions[0].version if versions else 0,
        }
        return self.shell.pages.page(
            request,
            "settings/words_edit.html",
            status=status,
            form=form or FormReader(start=start),
            chosen=chosen,
            in_force=words.version,
            placeholders=placeholders,
            versions=versions,
            preview=preview,
            failed=failed,
        )


def chosen_of(kind: str | None, language: str | None) -> Chosen:
    """The kind and language that were asked for; raises `HTTPException` 404 for others."""
    if kind not in KINDS or language not in LANGUAGES:
        raise HTTPException(404)
    return Chosen(kind, language)


def preview_of(form: FormReader, chosen: Chosen, subject: str, body: str) -> Template | None:
    """The words filled in; None with the fault in the form when they could not be sent."""
    try:
        return preview_words(kind=chosen.kind, subject=subject, body=body, sample=chosen.sample())
    except BadInput as bad:
        words = (key for beginning, key in FAULTS if bad.rule.startswith(beginning))
        form.refuse(bad.field, next(words, "settings.words.bad"), value=str(bad.value)[:100])
        return None


def newest_version(connection: Connection, shell: Shell, chosen: Chosen) -> str:
    """The newest version, as the form that was drawn from it says."""
    found = words_versions(
        connection, merchant_id=shell.merchant.id, kind=chosen.kind, language=chosen.language
    )
    return str(found[0].version if found else 0)


def add_words(room: Room, shell: Shell) -> None:
    """The routes of notices' words."""
    pages = WordsPages(shell)
    room.get(WORDS, pages.show, access=OWNERS)
    room.post(WORDS, pages.change, access=OWNERS)
    room.get(RESTORE, _back, access=OWNERS)
    room.post(RESTORE, pages.restore, access=OWNERS)


def _back() -> Response:
    return RedirectResponse(WORDS, status_code=303)
