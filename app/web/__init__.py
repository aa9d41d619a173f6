"""The web face: the back office's charge history behind a log-in, in Japanese and English.

It holds no business rule: it asks `billing` and shows the answer. Pages are drawn on the server,
need no JavaScript and load nothing from elsewhere.
"""

from app.web.application import create_app

__all__ = ["create_app"]
