"""Where a merchant delivers to: `deliverySpecifications` against an address (api.md §6)."""

from fnmatch import fnmatchcase

from amazonpay.sandbox.checkout.rows import Session
from amazonpay.sandbox.fields import Json


def deliverable(session: Session, address: Json) -> bool:
    """Whether the merchant ships to an address; without restrictions anywhere."""
    restrictions = (session.extras.get("deliverySpecifications") or {}).get("addressRestrictions")
    if restrictions is None:
        return True
    allowed: bool = restrictions["type"] == "Allowed"
    return _matches(restrictions["restrictions"], address) == allowed


def _matches(countries: Json, address: Json) -> bool:
    rule = countries.get(address["countryCode"])
    if rule is None:
        return False
    states, codes = rule.get("statesOrRegions") or [], rule.get("zipCodes") or []
    if not states and not codes:
        return True
    code = _plain(address["postalCode"])
    return _region(address["stateOrRegion"]) in map(_region, states) or any(
        fnmatchcase(code, _plain(pattern)) for pattern in codes
    )


def _plain(code: str | None) -> str:
    return (code or "").replace("-", "").replace(" ", "").upper()


def _region(name: str | None) -> str:
    return (name or "").strip().casefold()
