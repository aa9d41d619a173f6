"""What happens in this room by itself as virtual time passes."""

from amazonpay.sandbox.world import Timer

TIMERS: tuple[Timer, ...] = ()
