"""`/metrics`: for who knows the token, in the form that Prometheus reads."""

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from web_books import PASSWORD, Browser, FixedClock, WebBooks

from app.web import create_app

TOKEN = "a-token-of-monitoring"


@pytest.fixture
def monitored(web_books: WebBooks) -> FastAPI:
    return create_app(
        database=web_books.database,
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        metrics_token=TOKEN,
    )


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN[:-1]]
)
def test_without_the_token_nothing_is_told(monitored: FastAPI, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = Browser(monitored).get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "autopay_" not in answer.text


def test_where_no_token_is_set_there_are_no_metrics(stranger: Browser) -> None:
    answer = stranger.get("/metrics", headers={"Authorization": "Bearer None"})
    assert (answer.status_code, "AUTOPAY_METRICS_TOKEN" in answer.text) == (404, True)


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer"])
def test_an_empty_token_opens_nothing(web_books: WebBooks, header: str | None) -> None:
    """As AUTOPAY_METRICS_TOKEN= in a file of settings gives it."""
    app = create_app(
        database=web_books.database,
        merchant=web_books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        metrics_token="",
    )
    headers = {} if header is None else {"Authorization": header}
    assert Browser(app).get("/metrics", headers=headers).status_code == 404


def test_prometheus_reads_what_is_told(monitored: FastAPI, web_books: WebBooks) -> None:
    for state in ("declined", "declined", "in_doubt", "captured"):
        web_books.add_charge(state=state)
    answer = Browser(monitored).get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    families = {each.name: each for each in text_string_to_metric_families(answer.text)}
    (doubt,) = families["autopay_attempts_open"].samples
    assert (doubt.labels, doubt.value) == ({"merchant": "web", "state": "in_doubt"}, 1)
    assert families["autopay_attempts_open"].documentation
    assert [sample.value for sample in families["autopay_charges_due"].samples] == [3]
