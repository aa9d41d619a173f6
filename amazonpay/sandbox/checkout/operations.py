"""The API operations of this room."""

from typing import Final

from amazonpay.sandbox.operation import Table

TABLE: Final[Table] = {}
