"""The purpose of charges beside the cycles of a subscription, known to every step of charging.

They are charged at once or not at all, and say nothing about the cycle that runs.
"""

ONE_OFF = "one_off-"


def is_one_off(purpose: str) -> bool:
    """True for the purpose of a slot or an invoice that belongs to no cycle and no change."""
    return purpose.startswith(ONE_OFF)
