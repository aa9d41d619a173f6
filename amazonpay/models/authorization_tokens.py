"""A solution provider's token for one merchant. Source: API reference §10."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from amazonpay.models.common import kept
from amazonpay.reading import optional_text


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationToken:
    """A delegated token. It is a secret: repr does not show it.

    The name of the field in Amazon's answer is not documented in public; where `token` is None
    although the call succeeded, look into `raw`.
    """

    token: str | None = field(default=None, repr=False)
    request_id: str | None = field(default=None, compare=False)
    raw: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_json(cls, source: Mapping[str, object], *, request_id: str | None = None) -> Self:
        """Reads Amazon's object. Raises MalformedResponse naming the field at fault."""
        token = optional_text(source, "authorizationToken")
        return cls(token=token, request_id=request_id, raw=kept(source))
