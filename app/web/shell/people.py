"""Who looks at a page, and who may: roles of the staff, customers, and strangers."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from starlette.requests import Request

Face = Literal["staff", "customer"]
MY = "/my"


class Role(StrEnum):
    """What a member of the staff may do; each route names the roles that may use it."""

    VIEWER = "viewer"
    SUPPORT = "support"
    FINANCE = "finance"
    OWNER = "owner"


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Who is signed in at the back office.

    `missing` is what stands between the password and the pages: a code of the second factor, or
    the set-up of one where the merchant is live. With `has_passkey` a passkey may do as a code.
    """

    id: int
    name: str
    role: Role
    epoch: int
    session: str
    missing: Literal["code", "enrolment"] | None = None
    has_passkey: bool = False


@dataclass(frozen=True, slots=True)
class SignedInCustomer:
    """Who is signed in at My Page: a customer of this merchant."""

    customer_id: int
    session: str


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a route; `label` stands in the documents."""

    kind: Literal["open", "signing_in", "staff", "customer"]
    roles: frozenset[Role] = frozenset()

    @property
    def label(self) -> str:
        """`open`, `signing in`, `customer`, or the roles from the least to the most."""
        if self.kind != "staff":
            return self.kind.replace("_", " ")
        return ", ".join(role for role in Role if role in self.roles)

    def admits(self, role: Role) -> bool:
        """True when the staff of this role may use the route."""
        return self.kind != "customer" and (self.kind != "staff" or role in self.roles)


OPEN = Access("open")
SIGNING_IN = Access("signing_in")
CUSTOMERS = Access("customer")
ANY_STAFF = Access("staff", frozenset(Role))


def staff(*roles: Role) -> Access:
    """These roles, and the owner, who may do everything."""
    return Access("staff", frozenset({*roles, Role.OWNER}))


SUPPORTERS = staff(Role.SUPPORT)
FINANCIERS = staff(Role.FINANCE)
OWNERS = staff()


def face_of(request: Request) -> Face:
    """My Page lies under `/my`, the back office everywhere else."""
    path = request.url.path
    return "customer" if path == MY or path.startswith(f"{MY}/") else "staff"


def staff_of(request: Request) -> StaffMember:
    """Who is signed in at the back office; only for routes that need the staff."""
    found = known_staff(request)
    assert found is not None, "this route does not require the staff"  # noqa: S101 - the guard's promise
    return found


def customer_of(request: Request) -> SignedInCustomer:
    """Who is signed in at My Page; only for routes that need a customer."""
    found = known_customer(request)
    assert found is not None, "this route does not require a customer"  # noqa: S101 - the same
    return found


def known_staff(request: Request) -> StaffMember | None:
    """Who is fully signed in at the back office; None for strangers and faults before the gate."""
    found: StaffMember | None = getattr(request.state, "staff", None)
    return found if found and found.missing is None else None


def half_signed_in(request: Request) -> StaffMember | None:
    """Who has given the password but not yet the second factor."""
    found: StaffMember | None = getattr(request.state, "staff", None)
    return found if found and found.missing is not None else None


def known_customer(request: Request) -> SignedInCustomer | None:
    """Who is signed in at My Page; None for strangers."""
    found: SignedInCustomer | None = getattr(request.state, "customer", None)
    return found


def is_signed_in(request: Request) -> bool:
    """True for a person whom the pages of this face are for."""
    return known_staff(request) is not None or known_customer(request) is not None
