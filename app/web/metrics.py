"""`/metrics` for Prometheus: the indicators of the books, for who knows the token."""

import hmac
from collections.abc import Iterable, Iterator

from fastapi import FastAPI, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Engine
from starlette.responses import PlainTextResponse, Response

from billing import Indicator, load_indicators, reading
from scheduler import Clock

__all__ = ["add_metrics", "exposition"]


def add_metrics(app: FastAPI, *, database: Engine, clock: Clock, token: str | None) -> None:
    """Serve `/metrics` to requests with `Authorization: Bearer TOKEN`; without a token to none."""

    @app.get("/metrics")
    def metrics(request: Request) -> Response:
        if not token:
            return PlainTextResponse(
                "metrics are off; set AUTOPAY_METRICS_TOKEN to serve them", status_code=404
            )
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), token.encode()):
            return PlainTextResponse(
                "send Authorization: Bearer with the value of AUTOPAY_METRICS_TOKEN",
                status_code=401,
                headers={"WWW-Authenticate": "Bearer"},
            )
        with reading(database) as connection:
            found = load_indicators(connection, at=clock.now())
        return Response(exposition(found), media_type=CONTENT_TYPE_LATEST)


def exposition(indicators: Iterable[Indicator]) -> bytes:
    """The indicators in the text form that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(indicators))
    return generate_latest(registry)


class _Gauges(Collector):
    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._indicators = tuple(indicators)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One family per name, in the order of the indicators."""
        families: dict[str, GaugeMetricFamily] = {}
        for each in self._indicators:
            family = families.get(each.name)
            if family is None:
                names = [name for name, _ in each.labels]
                family = GaugeMetricFamily(each.name, each.meaning, labels=names)
                families[each.name] = family
            family.add_metric([value for _, value in each.labels], each.value)
        yield from families.values()
