"""What the merchant's staff works with."""

from app.web.backoffice.pages import backoffice_room

__all__ = ["backoffice_room"]
