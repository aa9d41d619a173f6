"""A form that came after its session had ended: its words are there again after the sign-in.

Nothing is done with it. That it is ours shows its token, which was made for the cookie of the
session that is over; only who that session belonged to sees the words again.
"""

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.web.shell.cookies import SESSIONS, read_cookie
from app.web.shell.forms import MOST_BYTES, SAFE_METHODS, ForeignForm, SentForm, read_checked
from app.web.shell.kept import FORM_ID, Unfinished, person_of, without_secrets
from app.web.shell.once import OnceForms
from app.web.shell.owners import OwningPages
from app.web.shell.people import face_of


async def keep_of_ended_session(request: Request, once: OnceForms, owners: OwningPages) -> str:
    """Keep the words of such a form; returns the address that shows them, or an empty text."""
    session_id = read_cookie(request, SESSIONS[face_of(request)])
    if request.method in SAFE_METHODS or not session_id:
        return ""
    person = await run_in_threadpool(once.sessions.whose, session_id)
    if not person:
        return ""
    try:
        sent = await read_checked(request, most_bytes=MOST_BYTES, bound_to=session_id)
    except HTTPException:
        return ""
    return await _keep(request, sent, person, once, owners)


async def keep_of_older_page(
    request: Request, error: HTTPException, once: OnceForms, owners: OwningPages
) -> str:
    """The same for a page of before the sign-in, as one in another tab of the browser is."""
    person = person_of(request)
    if not isinstance(error, ForeignForm) or error.sent is None or not person:
        return ""
    return await _keep(request, error.sent, person, once, owners)


async def _keep(
    request: Request, sent: SentForm, person: str, once: OnceForms, owners: OwningPages
) -> str:
    fields = without_secrets(sent.fields)
    if not fields or not FORM_ID.fullmatch(sent.form_id):
        return ""
    found = Unfinished(sent.form_id, fields, ended=True)
    await run_in_threadpool(lambda: once.kept.save(request, found=found, person=person))
    return owners.page_of_form(request, form_id=sent.form_id)
