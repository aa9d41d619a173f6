"""What this process has sent to Amazon, counted for a machine that watches it.

Counts are of this process and begin with it; what the books know is in `billing.watch.indicators`.
"""

from prometheus_client import Counter, Histogram, start_http_server

__all__ = ["count_send", "count_set_aside", "serve_meters"]

SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)
SENDS = Counter("autopay_sends", "calls of Create Charge by what came of them", ["result"])
ANSWER = Histogram("autopay_answer_seconds", "time until Amazon answered a send", buckets=SECONDS)
WAIT = Histogram("autopay_quota_wait_seconds", "time a send waited for its quota", buckets=SECONDS)

SET_ASIDE = Counter("autopay_checkouts_set_aside", "tries to finish a checkout that went wrong")


def count_send(*, result: str, answer_seconds: float, wait_seconds: float) -> None:
    """Count one send; safe from any thread."""
    SENDS.labels(result).inc()
    ANSWER.observe(answer_seconds)
    WAIT.observe(wait_seconds)


def count_set_aside() -> None:
    """Count a checkout that a round has left as it is."""
    SET_ASIDE.inc()


def serve_meters(port: int, *, host: str) -> None:
    """Serve the counts to Prometheus from a thread; raises `OSError` when the port is taken."""
    start_http_server(port, addr=host)
