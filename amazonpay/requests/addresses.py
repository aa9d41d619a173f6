"""Addresses that a merchant sends. Source: API reference §5 (lengths) and §6."""

from dataclasses import dataclass

from amazonpay.requests.common import check_text, without_none


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AddressDetails:
    """A postal address; `postal_code` and `phone_number` as the buyer wrote them.

    In Japan the prefecture goes to `state_or_region`. Personal data: repr shows none of it.
    """

    name: str
    address_line1: str
    postal_code: str
    state_or_region: str
    country_code: str = "JP"
    address_line2: str | None = None
    address_line3: str | None = None
    city: str | None = None
    county: str | None = None
    district: str | None = None
    phone_number: str | None = None

    def __post_init__(self) -> None:
        _check("name", self.name, at_least=1, at_most=50)
        _check("address_line1", self.address_line1, at_least=1, at_most=180)
        _check("address_line2", self.address_line2, at_most=60)
        _check("address_line3", self.address_line3, at_most=60)
        _check("city", self.city, at_most=50)
        _check("county", self.county, at_most=50)
        _check("district", self.district, at_most=50)
        _check("state_or_region", self.state_or_region, at_least=1, at_most=50)
        _check("postal_code", self.postal_code, at_least=1, at_most=20)
        check_text("country_code", self.country_code, at_least=2, at_most=2)
        _check("phone_number", self.phone_number, at_most=20)

    def __repr__(self) -> str:
        return "AddressDetails(personal data is not shown)"

    def to_json(self) -> dict[str, object]:
        """The JSON object, without the members that are None."""
        return without_none(
            name=self.name,
            addressLine1=self.address_line1,
            addressLine2=self.address_line2,
            addressLine3=self.address_line3,
            city=self.city,
            county=self.county,
            district=self.district,
            stateOrRegion=self.state_or_region,
            postalCode=self.postal_code,
            countryCode=self.country_code,
            phoneNumber=self.phone_number,
        )


def _check(field: str, text: str | None, *, at_least: int = 0, at_most: int) -> None:
    check_text(field, text, at_least=at_least, at_most=at_most, personal=True)
