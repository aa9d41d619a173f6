"""Moves the virtual time of a sandbox; its routes and the bar on every page come from here."""

from app.web.time_machine.pages import time_machine_room

__all__ = ["time_machine_room"]
