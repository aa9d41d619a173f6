"""The Amazon Pay account: ids, the private key, what to paste into Seller Central, and a check."""

import re
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from amazonpay import UnusableKey
from app.web.mypage.amazon_button import public_address
from app.web.mypage.link_amazon import BACK as LINK_BACK
from app.web.mypage.payment_method import SAVE_BACK
from app.web.mypage.sign_in_amazon import AMAZON_BACK
from app.web.mypage.sign_up import RETURN as JOIN_BACK
from app.web.notifications import PREFIX
from app.web.settings.checking import Checked, check_connection
from app.web.shell import OWNERS, Again, Done, FormReader, Room, Shell, form_of, staff_of
from app.web.staff import Fresh, NotProved
from billing import WrongEnvironment
from billing.settings import (
    Account,
    GivenAccount,
    KeyOfTheOther,
    KeyWithoutFile,
    change_account,
    load_account,
    twin_of,
)

CONNECTION = "/settings"
CHECK = "/settings/check"
# A 4096-bit key in PEM has 3 KB; whatever is much longer is another file.
MOST_KEY_BYTES = 16_384
MOST_FORM_BYTES = 65_536
ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
IDS = ("seller_id", "store_id", "public_key_id")
KEY_SETTINGS = frozenset({"private_key_file"})

KEY_FAULTS = (
    ("there is no -----BEGIN", "settings.key.no_pem"),
    ("the PEM text is damaged", "settings.key.damaged"),
    ("it is not an RSA key", "settings.key.not_rsa"),
    ("it has ", "settings.key.too_short"),
    ("this is a ", "settings.key.public"),
    ("it is protected", "settings.key.password"),
    ("the file is cut short", "settings.key.cut"),
)
"""How the rules begin that `amazonpay.load_private_key` names, and our words for them."""


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """One merchant's account."""

    shell: Shell

    def show(self, request: Request) -> Response:
        """The account as it is."""
        return self._draw(request)

    def change(self, request: Request) -> Response:
        """Keep ids and, if one was chosen, the private key."""
        form, given = read_account(request)
        if self._is_locked:
            form.refuse("private_key", "settings.key.by_setting")
        if self.shell.master_key is None and given.private_key_pem is not None:
            form.refuse("private_key", "settings.key.no_master")
        if form.problems:
            return self._draw(request, form, status=422)

        def act(form_id: str) -> Done | Again:
            try:
                self._store(request, form, given)
            except NotProved:
                return Again(self._draw(request, form, status=422))
            except (UnusableKey, WrongEnvironment, KeyOfTheOther, KeyWithoutFile) as refused:
                form.refuse(*why_refused(refused))
                return Again(self._draw(request, form, status=422))
            return Done(CONNECTION, "settings.account_kept")

        return self.shell.act_once(request, act)

    def check(self, request: Request) -> Response:
        """Ask Amazon, and say what came of it."""
        return self._draw(request, checked=check_connection(self.shell))

    def _store(self, request: Request, form: FormReader, given: GivenAccount) -> None:
        def work(connection: Connection) -> Account:
            return change_account(
                connection,
                merchant_id=self.shell.merchant.id,
                given=given,
                master_key=self.shell.master_key,
                by=staff_of(request).name,
                at=self.shell.wall.now(),
            )

        Fresh(self.shell).write(request, form, work)

    @property
    def _is_locked(self) -> bool:
        """A key that comes from a file of the settings would be put back at the next start."""
        return bool(KEY_SETTINGS & self.shell.given_settings)

    def _draw(
        self,
        request: Request,
        form: FormReader | None = None,
        *,
        status: int = 200,
        checked: Checked | None = None,
    ) -> Response:
        shell = self.shell

        def look(connection: Connection) -> tuple[Account, Account | None]:
            account = load_account(connection, merchant_id=shell.merchant.id)
            return account, twin_of(connection, account)

        account, twin = shell.read(look)
        start = {name: getattr(account, name) for name in IDS}
        return shell.pages.page(
            request,
            "settings/connection.html",
            status=status,
            form=form or FormReader(start=start),
            account=account,
            accounts={account.environment: account, **({twin.environment: twin} if twin else {})},
            addresses=addresses(public_address(shell, request), shell.merchant.id),
            locked=self._is_locked,
            can_seal=shell.master_key is not None,
            checked=checked,
            asks_code=Fresh(shell).is_asked(request),
        )


def read_account(request: Request) -> tuple[FormReader, GivenAccount]:
    """The form and what it says; a key that was pasted into a line is not kept on the page."""
    form = FormReader(form_of(request))
    ids = {}
    for name in IDS:
        ids[name] = form.code(name, most=4000)
        if "PRIVATE KEY" in ids[name].upper():
            form.typed.pop(name, None)
            form.refuse(name, "settings.key.in_a_line")
        elif ids[name] and not ID.fullmatch(ids[name]):
            form.refuse(name, "settings.account.letters")
    sent = form.file("private_key", most_bytes=MOST_KEY_BYTES, required=False)
    if sent.name and not sent.content:
        form.refuse("private_key", "settings.key.empty")
    return form, GivenAccount(**ids, private_key_pem=sent.content or None)


def why_refused(problem: Exception) -> tuple[str, str]:
    """The field and the words of a fault in an account."""
    if isinstance(problem, WrongEnvironment):
        return "public_key_id", "settings.key.wrong_environment"
    if isinstance(problem, KeyOfTheOther):
        return "private_key", "settings.key.of_the_other"
    if isinstance(problem, KeyWithoutFile):
        return "private_key", "settings.key.needs_file"
    rule = problem.rule if isinstance(problem, UnusableKey) else ""
    words = (key for beginning, key in KEY_FAULTS if rule.startswith(beginning))
    return "private_key", next(words, "settings.key.unusable")


def addresses(origin: str | None, merchant_id: str) -> dict[str, list[str]]:
    """What to paste into Seller Central; nothing without an address that buyers reach."""
    if origin is None:
        return {}
    backs = (AMAZON_BACK, LINK_BACK, JOIN_BACK, SAVE_BACK)
    return {
        "origins": [origin],
        "returns": [f"{origin}{path}" for path in backs],
        "notifications": [f"{origin}{PREFIX}{merchant_id}"],
    }


def add_connection(room: Room, shell: Shell) -> None:
    """The routes of the account."""
    page = ConnectionPage(shell)
    room.get(CONNECTION, page.show, access=OWNERS)
    room.post(CONNECTION, page.change, access=OWNERS, most_bytes=MOST_FORM_BYTES)
    room.get(CHECK, _back, access=OWNERS)
    room.post(CHECK, page.check, access=OWNERS)


def _back() -> Response:
    """A check is never repeated by a link or by loading the page anew."""
    return RedirectResponse(CONNECTION, status_code=303)
