"""What Amazon, and who pretends to be Amazon, may POST; failure modes 30 and 32 to 40."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text
from support.signed_ipn import hostile_urls, ipn

import app.web.notifications as door
import app.web.refusals
import billing.notifications.keeping as keeping
from amazonpay.notifications import FetchFailed
from app.migrations import migrate
from app.web import create_app
from billing import load_merchant, open_engine, reading, store_merchant, writing

PATH = "/amazon-pay/notifications/shop"


class FixedClock:
    """Five minutes after the messages of the vectors were sent."""

    def now(self) -> datetime:
        now: datetime = ipn.NOW
        return now


@dataclass
class Shop:
    """A merchant that listens, and Amazon's side of the wire."""

    database: Engine
    fetcher: Any
    app: Any

    def post(self, *bodies: bytes, path: str = PATH, method: str = "POST") -> list[httpx.Response]:
        """Deliver bodies one after another."""

        async def send() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
                headers = {"content-type": "text/plain; charset=UTF-8"}
                return [
                    await client.request(method, path, content=body, headers=headers)
                    for body in bodies
                ]

        return asyncio.run(send())

    def codes(self, *bodies: bytes) -> list[int]:
        return [answer.status_code for answer in self.post(*bodies)]

    def rows(self, table: str = "notification") -> list[dict[str, Any]]:
        with reading(self.database) as connection:
            found = connection.execute(text(f"SELECT * FROM {table}")).mappings()
            return [dict(row) for row in found]

    def refused(self, total: int = 1) -> dict[str, int]:
        """Counts by kind, once so many are written."""
        deadline = time.monotonic() + 5
        while True:
            counts = {row["kind"]: row["refused"] for row in self.rows("refused_notification")}
            if sum(counts.values()) >= total or time.monotonic() > deadline:
                return counts
            time.sleep(0.01)


OpenShop = Callable[..., Shop]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Migrated once for all tests here; how rows are kept is tried in tests/billing."""
    made = open_engine(f"sqlite:///{tmp_path_factory.mktemp('door') / 'autopay.sqlite3'}")
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def opened(database: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenShop]:
    """Open the shop with an empty inbox; `topics` are the ones it has listed."""
    monkeypatch.setattr(app.web.refusals, "WRITE_AFTER_SECONDS", 0.02)
    with database.begin() as connection:
        for table in ("notification", "refused_notification"):
            connection.execute(text(f"DELETE FROM {table}"))

    def _open(*, topics: str = ipn.TOPIC_ARN, fetcher: Any = None) -> Shop:
        used = ipn.CountingFetcher() if fetcher is None else fetcher
        rules = {"seller_id": ipn.MERCHANT_ID, "notification_topics": topics}
        writing(
            database,
            lambda c: store_merchant(c, merchant_id="shop", environment="sandbox", rules=rules),
        )
        with reading(database) as connection:
            merchant = load_merchant(connection, "shop")
        made = create_app(
            database=database,
            merchant=merchant,
            staff_password="long enough",
            clock=FixedClock(),
            certificates=ipn.InLoop(used),
        )
        return Shop(database, used, made)

    yield _open
    time.sleep(0.05)  # counts on their way to the books


@pytest.fixture
def shop(opened: OpenShop) -> Shop:
    return opened()


def delivery(number: int = 1, inner: Any = None, **changes: Any) -> bytes:
    """A signed notification with a message id of its own."""
    ids = {"MessageId": f"00000000-0000-4000-8000-{number:012d}"}
    body: bytes = ipn.signed(ipn.notification(inner, **ids | changes))
    return body


def test_a_genuine_notification_is_kept_and_then_answered(shop: Shop) -> None:
    answer = shop.post(delivery())[0]
    assert (answer.status_code, answer.text) == (200, "ok")
    (row,) = shop.rows()
    kept = ("kind", "state", "object_type", "object_id", "permission_amazon_id", "tries")
    assert [row[name] for name in kept] == [
        *("change", "waiting", "CHARGE", ipn.CHARGE_ID, ipn.PERMISSION_ID, 0)
    ]
    assert "content-security-policy" in answer.headers


def test_a_thousandfold_delivery_is_kept_once(shop: Shop) -> None:
    """Failure mode 30: one row and, as one object, one Get later on."""
    assert set(shop.codes(*[delivery()] * 60)) == {200}
    assert len(shop.rows()) == 1
    assert len(shop.fetcher.urls) == 1


def test_what_cannot_be_kept_is_asked_for_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failure mode 39: never a 200 for what is not on disk."""

    def disk_is_full(*_arguments: Any, **_options: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(door, "keep_arrival", disk_is_full)
    answer = shop.post(delivery())[0]
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    monkeypatch.undo()
    assert shop.codes(delivery()) == [200]


FORGED = {
    "altered after signing": (
        lambda: delivery().replace(b"C064126", b"C064127"),
        (403, "BadSignature"),
    ),
    "signature of another text": (
        lambda: delivery().replace(
            b'"Timestamp": "2026-04-01T00:00:01', b'"Timestamp": "2026-04-01T00:00:02'
        ),
        (403, "BadSignature"),
    ),
    "unknown signature version": (
        lambda: ipn.signed(ipn.notification(SignatureVersion="3")),
        (403, "BadSignature"),
    ),
    "signed for a stranger's topic": (
        lambda: delivery(TopicArn="arn:aws:sns:eu-west-1:999999999999:evil"),
        (403, "WrongTopic"),
    ),
    "another merchant": (
        lambda: delivery(inner=ipn.message(MerchantID="A9OTHERJP000001")),
        (403, "WrongMerchant"),
    ),
    "objects of live": (
        lambda: delivery(inner=ipn.message(ObjectId="P03-5890444-1926095-C064126")),
        (403, "WrongEnvironment"),
    ),
    "an old genuine one, replayed": (
        lambda: delivery(Timestamp="2026-03-15T00:00:01.000Z"),
        (403, "OutsideTimeWindow"),
    ),
    "from tomorrow": (
        lambda: delivery(Timestamp="2026-04-02T00:00:01.000Z"),
        (403, "OutsideTimeWindow"),
    ),
    "no JSON": (lambda: b"hello", (400, "MalformedNotification")),
    "empty": (lambda: b"", (400, "MalformedNotification")),
    "a list": (lambda: b"[]", (400, "MalformedNotification")),
}


@pytest.mark.parametrize("made", FORGED.values(), ids=list(FORGED))
def test_a_forged_one_changes_nothing_but_a_count(
    shop: Shop, made: tuple[Callable[[], bytes], tuple[int, str]]
) -> None:
    """Failure modes 33, 34 and 36; invariant 22."""
    forge, (status, kind) = made
    assert shop.codes(forge()) == [status]
    assert shop.rows() == []
    assert shop.refused() == {kind: 1}


def test_no_hostile_certificate_address_is_ever_called(shop: Shop) -> None:
    """Failure mode 35: the corpus of the receiver, through the whole web face."""
    urls = hostile_urls()
    assert len(urls) >= 60
    bodies = [delivery(n, SigningCertURL=url) for n, url in enumerate(urls.values())]
    assert {*shop.codes(*bodies)} <= {400, 403}
    assert shop.fetcher.urls == []
    assert shop.rows() == []


@pytest.mark.parametrize("topic", [ipn.TOPIC_ARN, "arn:aws:sns:eu-west-1:999999999999:evil"])
def test_a_wish_to_subscribe_is_shown_and_never_followed(shop: Shop, topic: str) -> None:
    """Failure mode 37: whoever asks, only the certificate is fetched."""
    assert shop.codes(ipn.signed(ipn.subscription(TopicArn=topic))) == [200]
    assert shop.fetcher.urls == [ipn.CERT_URL]
    (row,) = shop.rows()
    assert (row["kind"], row["state"], row["result"]) == ("subscription", "attention", "to_confirm")
    assert row["topic_arn"] == topic
    assert "ConfirmSubscription" in row["message"]


def test_strangers_fill_no_disk_with_wishes(shop: Shop) -> None:
    topic = "arn:aws:sns:eu-west-1:999999999999:evil"
    wishes = [
        ipn.signed(ipn.subscription(TopicArn=topic, MessageId=f"m-{n}", Token=f"t{n}"))
        for n in range(30)
    ]
    assert set(shop.codes(*wishes)) == {200}
    assert len(shop.rows()) == keeping.MOST_UNLISTED
    assert shop.refused(10) == {"InboxFull": 10}


def test_the_end_of_a_subscription_is_shown(shop: Shop) -> None:
    body = ipn.signed(ipn.subscription(Type="UnsubscribeConfirmation"))
    assert shop.codes(body) == [200]
    assert [(row["state"], row["result"]) for row in shop.rows()] == [("attention", "unsubscribed")]


@pytest.mark.parametrize(
    ("inner", "result"),
    [
        pytest.param("not JSON at all", "unreadable", id="no message of Amazon Pay"),
        pytest.param({"Hello": "world"}, "unreadable", id="members are missing"),
        pytest.param(
            ipn.message(ObjectType="CHARGEBACK", ObjectId="CB-1"), "chargeback", id="chargeback"
        ),
        pytest.param(
            ipn.message(ObjectType="DISPUTE", ObjectId="D-1"), "unknown_type", id="new type"
        ),
    ],
)
def test_a_well_signed_message_is_never_refused(shop: Shop, inner: Any, result: str) -> None:
    """A 4xx would end its redelivery for ever: it is kept for a person instead."""
    assert shop.codes(delivery(inner=inner)) == [200]
    assert [(row["state"], row["result"]) for row in shop.rows()] == [("attention", result)]
    assert shop.rows("refused_notification") == []


def test_fourteen_days_late_is_still_heard(shop: Shop) -> None:
    """Failure mode 32: redelivery may go on for so long."""
    assert shop.codes(delivery(Timestamp="2026-03-18T00:05:01.000Z")) == [200]
    assert len(shop.rows()) == 1


def test_a_full_inbox_asks_for_it_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failure mode 38: bounded, and nothing is lost by it."""
    monkeypatch.setattr(keeping, "MOST_OPEN", 3)
    assert shop.codes(*(delivery(n) for n in range(5))) == [200, 200, 200, 503, 503]
    assert shop.codes(delivery(0)) == [200], "what is kept already is still known"
    assert len(shop.rows()) == 3
    assert shop.refused(2) == {"InboxFull": 2}


def test_a_flood_of_forgeries_is_counted_in_a_few_rows(shop: Shop) -> None:
    """Failure mode 38: 400 forgeries of two kinds are two rows, one fetch and no message."""
    forged = [delivery(n).replace(b"C064126", b"C064127") for n in range(200)]
    assert set(shop.codes(*forged, *[b"x"] * 200)) == {400, 403}
    assert shop.refused(400) == {"BadSignature": 200, "MalformedNotification": 200}
    assert shop.rows() == []
    assert len(shop.fetcher.urls) == 1


def test_a_certificate_that_cannot_be_had_is_no_refusal(opened: OpenShop) -> None:
    shop = opened(fetcher=ipn.CountingFetcher(FetchFailed("no answer")))
    answer = shop.post(delivery())[0]
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_genuine_topic_that_nobody_listed_is_told(opened: OpenShop) -> None:
    shop = opened(topics="")
    assert shop.codes(delivery()) == [403]
    assert shop.refused() == {"WrongTopicVerified": 1}
    assert ipn.TOPIC_ARN in shop.rows("refused_notification")[0]["last_reason"]


def test_a_topic_listed_meanwhile_is_heard(
    opened: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "RELOAD_SECONDS", 0.0)
    shop = opened(topics="")
    assert shop.codes(delivery()) == [403]
    opened(topics=f"arn:aws:sns:eu-west-1:000000000000:other, {ipn.TOPIC_ARN}")
    assert shop.codes(delivery()) == [200]


@pytest.mark.parametrize(
    ("path", "method", "size", "status"),
    [
        pytest.param("/amazon-pay/notifications/other", "POST", 2, 404, id="another merchant"),
        pytest.param("/amazon-pay/notifications/", "POST", 2, 404, id="no merchant"),
        pytest.param(PATH, "GET", 0, 405, id="a browser"),
        pytest.param(PATH, "POST", 262_145, 413, id="too long"),
        pytest.param("/amazon-pay/other", "POST", 2, 303, id="beside the door"),
    ],
)
def test_nothing_else_comes_in_by_this_door(
    shop: Shop, path: str, method: str, size: int, status: int
) -> None:
    assert shop.post(b"x" * size, path=path, method=method)[0].status_code == status
    assert shop.rows() == []


def test_a_body_that_drips_holds_nobody_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; the body as a whole does not."""
    monkeypatch.setattr(door, "BODY_SECONDS", 0.2)

    async def dripping() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            return await client.post(PATH, content=dripping())

    answer = asyncio.run(asyncio.wait_for(send(), 10))
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert shop.rows() == []


def test_a_merchant_without_keys_answers_later(opened: OpenShop) -> None:
    shop = opened()
    with shop.database.begin() as connection:
        connection.execute(text("UPDATE merchant SET seller_id = NULL"))
    assert shop.codes(delivery()) == [503]
