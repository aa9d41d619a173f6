"""Where owners set the shop up: Amazon Pay, rules, words of notices, staff; and the audit log."""

from app.web.settings.pages import settings_room

__all__ = ["settings_room"]
