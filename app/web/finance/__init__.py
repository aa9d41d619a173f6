"""What finance looks at: the charge history; months, journals and settlements come beside it."""

from app.web.finance.pages import finance_room

__all__ = ["finance_room"]
