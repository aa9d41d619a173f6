"""The merchant's own days of dunning, as a setting gives them: "1,3,7,14"."""

__all__ = ["parse_schedule"]

# A debt older than this is no longer dunning, and dates stay far from the calendar's end.
LONGEST_DUNNING_DAYS = 365


def parse_schedule(text: str) -> tuple[int, ...]:
    """Days after the first decline, "1,3,7,14" → (1, 3, 7, 14); must ascend from 1 to 365.

    Raises `ValueError` with the rule otherwise.
    """
    try:
        days = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"dunning_days {text!r} must be whole days such as 1,3,7,14") from error
    if not days or days[0] < 1 or list(days) != sorted(set(days)):
        raise ValueError(f"dunning_days {text!r} must ascend and begin at 1 or later")
    if days[-1] > LONGEST_DUNNING_DAYS:
        raise ValueError(
            f"dunning_days {text!r} must end after {LONGEST_DUNNING_DAYS} days at the latest"
        )
    return days
