"""What became of a notification, in one word each; screens turn them into sentences."""

from enum import StrEnum


class InboxResult(StrEnum):
    """The results that a notification can have."""

    READ = "read"  # the object was read at Amazon, and the books say what it says
    SETTLED_BEFORE = "settled_before"  # the books held a final answer already
    SET_ASIDE = "set_aside"  # its slot or refund waits for a person anyway
    UNKNOWN_OBJECT = "unknown_object"  # our books do not know it
    UNREACHABLE = "unreachable"  # Amazon did not let us read it
    CHARGEBACK = "chargeback"  # no call can read one; Seller Central shows it
    UNKNOWN_TYPE = "unknown_type"  # a kind of object that Amazon added
    UNREADABLE = "unreadable"  # genuine, but no message that we can read
    UNSUBSCRIBED = "unsubscribed"  # a topic stops notifying us
    TO_CONFIRM = "to_confirm"  # a topic asks us to confirm; nobody did
