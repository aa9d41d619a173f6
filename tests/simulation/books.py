"""How instants stand in the books of SQLite."""

from datetime import UTC, datetime


def instant_of(text: str) -> datetime:
    """A stored instant, aware, in UTC."""
    return datetime.fromisoformat(text[:26]).replace(tzinfo=UTC)
