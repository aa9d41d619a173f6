"""Travel in time in a sandbox: one virtual clock for the books and for the local Amazon Pay."""

from app.travel.clock import VirtualClock
from app.travel.control import LocalControl
from app.travel.journal import Journal, Move, MoveState
from app.travel.machine import AlreadyMoving, NoSuchTime, TimeMachine
from app.travel.route import NEXT_DAYS, next_charge
from app.travel.set_up import time_machine_of
from app.travel.tricks import TRICKS, Trick, play_trick

__all__ = [
    "NEXT_DAYS",
    "TRICKS",
    "AlreadyMoving",
    "Journal",
    "LocalControl",
    "Move",
    "MoveState",
    "NoSuchTime",
    "TimeMachine",
    "Trick",
    "VirtualClock",
    "next_charge",
    "play_trick",
    "time_machine_of",
]
