"""Passkeys at work: for which address they are, what browsers are asked, and what counts as proof.

A challenge is taken before its answer is looked at, in a transaction of its own: a second answer
to it finds none, whatever became of the first.
"""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Connection
from starlette.requests import Request

from app.web.shell import Shell, StaffMember
from app.web.staff import ceremonies
from app.web.staff.ceremonies import MadeCredential, NoProof, RelyingParty
from app.web.staff.passkeys import (
    Ceremony,
    Passkey,
    hold,
    make_challenge,
    note_use,
    open_challenge,
    passkeys_of,
    take_challenge,
)
from billing import writing
from billing.deliveries import tell_staff

PASSKEY = "passkey"
"""Name of the field for what a browser's passkey answers, as JSON."""
LOCAL = "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sent, and the challenge that was taken for it; None when there was none."""

    sent: str
    challenge: bytes | None


@dataclass(frozen=True, slots=True)
class PasskeyDesk:
    """Makes and asks passkeys for whoever is at one address; `party` is None where none can be."""

    shell: Shell
    party: RelyingParty | None

    def ask_to_make(self, member: StaffMember) -> str | None:
        """What the browser is asked in order to make one, as JSON.

        None where nobody proved right before who asks, and where no passkey can be.
        """
        at = self.shell.wall.now()
        challenge, known = self.shell.read(
            lambda c: (
                open_challenge(c, member, ceremony="register", at=at),
                passkeys_of(c, member),
            )
        )
        if self.party is None or challenge is None:
            return None
        return ceremonies.options_to_make(
            party=self.party,
            challenge=challenge,
            name=member.name,
            handle=self._handle(member),
            known=[each.credential for each in known],
            verification=self.shell.passkey_verification,
        )

    def made(self, member: StaffMember, sent: str) -> MadeCredential:
        """The passkey that a browser made as it was asked to; raises `NoProof`."""
        answer = self.answer(member, sent, ceremony="register")
        if self.party is None or answer.challenge is None:
            raise NoProof
        return ceremonies.check_made(
            sent,
            party=self.party,
            challenge=answer.challenge,
            verification=self.shell.passkey_verification,
        )

    def ask_to_prove(self, member: StaffMember) -> str | None:
        """What the browser is asked as a proof, as JSON; None without a passkey of this address."""
        known = self.shell.read(lambda c: self._usable(c, member))
        if self.party is None or not known:
            return None
        challenge = writing(
            self.shell.database,
            lambda c: make_challenge(c, member, ceremony="prove", at=self.shell.wall.now()),
        )
        return ceremonies.options_to_prove(
            party=self.party,
            challenge=challenge,
            known=[each.credential for each in known],
            verification=self.shell.passkey_verification,
        )

    def answer(self, member: StaffMember, sent: str, *, ceremony: Ceremony = "prove") -> Answer:
        """Take the challenge that this is an answer to; from now on it is used up."""
        challenge = writing(
            self.shell.database,
            lambda c: take_challenge(c, member, ceremony=ceremony, at=self.shell.wall.now()),
        )
        return Answer(sent, challenge)

    def proves(self, connection: Connection, member: StaffMember, answer: Answer) -> bool:
        """True for the answer of a passkey of this very member, which counts it as used."""
        if self.party is None or answer.challenge is None:
            return False
        hold(connection, member)
        try:
            wanted = ceremonies.credential_id_of(answer.sent)
            known = {
                each.credential.credential_id: each for each in self._usable(connection, member)
            }
            if wanted not in known:
                return False
            count = ceremonies.check_proof(
                answer.sent,
                party=self.party,
                challenge=answer.challenge,
                verification=self.shell.passkey_verification,
                public_key=known[wanted].public_key,
                handle=self._handle(member),
            )
        except NoProof:
            return False
        is_newer = note_use(
            connection,
            member,
            merchant_id=self.shell.merchant.id,
            passkey=known[wanted],
            count=count,
            at=self.shell.wall.now(),
        )
        if not is_newer:
            self.tell(connection, member, "passkey_copied", known[wanted].name)
        return is_newer

    def tell(self, connection: Connection, member: StaffMember, kind: str, passkey: str) -> None:
        """Tell the staff by mail; at the time of the books, as mails go by that."""
        tell_staff(
            connection,
            merchant_id=self.shell.merchant.id,
            kind=kind,
            about=f"{member.name}: {passkey}",
            at=self.shell.clock.now(),
        )

    def _usable(self, connection: Connection, member: StaffMember) -> list[Passkey]:
        """Those made for this address."""
        found = passkeys_of(connection, member)
        return [each for each in found if self.party and each.rp_id == self.party.id]

    def _handle(self, member: StaffMember) -> bytes:
        return ceremonies.user_handle(merchant_id=self.shell.merchant.id, staff_id=member.id)


def passkey_desk(shell: Shell, request: Request) -> PasskeyDesk:
    """The desk for whoever asks."""
    return PasskeyDesk(shell, party_of(shell, request))


def party_of(shell: Shell, request: Request) -> RelyingParty | None:
    """Whom passkeys are made for: the public address, by https; None where that cannot be.

    Without that setting a sandbox is reached as http://localhost. The `Host` header says nothing
    else: browsers make no passkey for a bare address such as 127.0.0.1.
    """
    if shell.public_url:
        return party_at(shell.public_url)
    if shell.merchant.environment == "live" or request.url.hostname != LOCAL:
        return None
    return party_at(f"http://{LOCAL}:{request.url.port or 80}")


def party_at(address: str) -> RelyingParty | None:
    """The relying party of an address of pages; None for one that browsers do not allow."""
    parts = urlsplit(address)
    host = _plain_host(parts.hostname or "")
    if not host or (parts.scheme != "https" and host != LOCAL):
        return None
    usual = 443 if parts.scheme == "https" else 80
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def _plain_host(host: str) -> str:
    """The host as browsers send it, in letters of ASCII; empty for a bare number or none."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return ""
