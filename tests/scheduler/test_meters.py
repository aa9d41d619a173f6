"""The counts of one process: one send is one more, by what came of it."""

import httpx
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from support.mail_server import free_port

from scheduler.meters import count_send, serve_meters


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_send_is_counted_once_with_its_times() -> None:
    before = [value("autopay_sends_total", result="throttled"), value("autopay_answer_seconds_sum")]
    count_send(result="throttled", answer_seconds=0.5, wait_seconds=2.0)
    after = [value("autopay_sends_total", result="throttled"), value("autopay_answer_seconds_sum")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 0.5]
    assert value("autopay_quota_wait_seconds_bucket", le="1.0") < value(
        "autopay_quota_wait_seconds_bucket", le="2.0"
    )


def test_prometheus_can_fetch_them() -> None:
    port = free_port()
    serve_meters(port, host="127.0.0.1")
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"autopay_sends", "autopay_answer_seconds", "autopay_quota_wait_seconds"} <= names
