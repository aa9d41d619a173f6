"""A local Amazon Pay: the wire behaviour of Checkout v2 (Japan) on loopback, for tests.

It is a program of its own. It knows nothing of the engine that calls it and is reached only over
HTTP, with signed requests, exactly as Amazon would be. `main(argv)` is its one public door.
"""

from amazonpay.sandbox.cli import main

__all__ = ["main"]
