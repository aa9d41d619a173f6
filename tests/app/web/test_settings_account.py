"""The Amazon Pay account in the settings: what is kept and refused, and that no key is shown."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import MASTER_KEY, log_in_as
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from fastapi import FastAPI
from web_books import PASSWORD, Browser, FixedClock, WebBooks, open_books

from app.web import create_app
from billing import load_credentials, reading, store_merchant, writing

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any = KEY, *, password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))


PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
IDS = {"seller_id": "A1SELLER", "store_id": "amzn1.application-oa2-client.x"}
SECRET = pem().decode().splitlines()[5]
"""A line from the middle of the key."""


def app_of(books: WebBooks, **changes: Any) -> FastAPI:
    given: dict[str, Any] = {"master_key": MASTER_KEY, "public_url": "https://my.example.jp"}
    return create_app(
        database=books.database,
        merchant=books.merchant,
        staff_password=PASSWORD,
        clock=FixedClock(),
        **{**given, **changes},
    )


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebBooks]:
    opened = open_books(f"sqlite:///{tmp_path_factory.mktemp('account') / 'a.sqlite3'}")
    yield opened
    opened.database.dispose()


@pytest.fixture(scope="module")
def owner(books: WebBooks) -> Browser:
    return signed_in(app_of(books))


def signed_in(app: FastAPI) -> Browser:
    browser = Browser(app)
    browser.cookies.set("autopay_lang", "en", domain="autopay.test", path="/")
    assert browser.log_in().status_code == 303
    return browser


def give(
    browser: Browser, key: bytes | None, form: dict[str, str] | None = None, **ids: str
) -> Any:
    fields = (form or browser.form_of("/settings", "/settings")) | IDS | ids
    files = {"private_key": ("key.pem", key or b"", "application/x-pem-file")}
    if key is None:
        files = {"private_key": ("", b"", "application/octet-stream")}
    return browser.send("POST", "/settings", data=fields, files=files)


def events(books: WebBooks, kind: str) -> list[Any]:
    sql = f"SELECT actor, detail FROM audit_event WHERE kind = '{kind}' ORDER BY id"
    with books.database.connect() as connection:
        return list(connection.exec_driver_sql(sql).all())


@pytest.mark.parametrize(
    ("key", "key_id", "words"),
    [
        pytest.param(PUBLIC, "SANDBOX-A", "This is a public key", id="public half"),
        pytest.param(pem()[:900], "SANDBOX-A", "cut short", id="truncated"),
        pytest.param(b"hello", "SANDBOX-A", "This is no key file", id="no PEM"),
        pytest.param(
            pem().replace(SECRET.encode(), b"AAAA"), "SANDBOX-A", "is damaged", id="damaged"
        ),
        pytest.param(pem(password=b"x"), "SANDBOX-A", "protected by a password", id="password"),
        pytest.param(
            pem(ec.generate_private_key(ec.SECP256R1())), "SANDBOX-A", "not an RSA key", id="EC"
        ),
        pytest.param(
            pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
            "SANDBOX-A",
            "too short",
            id="1024 bits",
        ),
        pytest.param(pem(), "LIVE-A", "belongs to the other environment", id="live key id"),
        pytest.param(b"", "SANDBOX-A", "The file is empty", id="empty file"),
        pytest.param(b"x" * 20_000, "SANDBOX-A", "16", id="too large"),
        pytest.param(None, "SANDBOX-A", "choose the private key file of its pair", id="id alone"),
        pytest.param(None, "SANDBOX A!", "Use only letters", id="letters"),
    ],
)
def test_what_is_no_key_of_this_merchant_is_refused_in_words(
    owner: Browser, key: bytes | None, key_id: str, words: str
) -> None:
    answer = give(owner, key, public_key_id=key_id)
    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="A1SELLER"' in answer.text, "what was typed is kept"
    assert SECRET not in answer.text


def test_a_key_is_sealed_audited_and_never_shown(
    books: WebBooks, owner: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    form = owner.form_of("/settings", "/settings")
    assert give(owner, pem(), form, public_key_id="SANDBOX-A").headers["location"] == "/settings"
    again = give(owner, pem(), form, public_key_id="SANDBOX-A")
    assert again.status_code == 303, "a double click acts once"
    page = owner.get("/settings").text
    assert "The account is saved" in page
    assert "SANDBOX-A" in page
    with reading(books.database) as connection:
        held = load_credentials(connection, "web", master_key=MASTER_KEY)
    assert held.public_key_id == "SANDBOX-A"
    [(actor, detail)] = events(books, "account_changed")
    assert actor == "staff"
    assert json.loads(detail)["after"]["public_key_id"] == "SANDBOX-A"
    everything = page + again.text + detail + caplog.text + repr(held)
    assert SECRET not in everything
    file = books.database.url.database
    assert file
    assert SECRET.encode() not in Path(file).read_bytes()


def test_ids_change_without_the_key(books: WebBooks, owner: Browser) -> None:
    give(owner, pem(), public_key_id="SANDBOX-A")
    assert give(owner, None, public_key_id="SANDBOX-A", store_id="new.store").status_code == 303
    detail = json.loads(events(books, "account_changed")[-1][1])
    assert detail["after"] == {"store_id": "new.store"}


def test_a_key_pasted_into_a_line_does_not_come_back(owner: Browser) -> None:
    pasted = pem().decode().replace("\n", " ")
    answer = give(owner, None, seller_id=pasted, public_key_id="SANDBOX-A")
    assert answer.status_code == 422
    assert "Do not put the private key here" in answer.text
    assert SECRET not in answer.text


def test_live_and_test_stand_side_by_side_and_share_no_key(books: WebBooks, owner: Browser) -> None:
    give(owner, pem(), public_key_id="SANDBOX-A")
    writing(
        books.database,
        lambda c: store_merchant(
            c, merchant_id="web-live", environment="live", rules={"seller_id": "A1SELLER"}
        ),
    )
    assert "web-live" in owner.get("/settings").text
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert give(owner, pem(other), public_key_id="SANDBOX-B").status_code == 303
    with books.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE merchant SET public_key_id = 'LIVE-B', key_fingerprint = (SELECT "
            "key_fingerprint FROM merchant WHERE id = 'web') WHERE id = 'web-live'"
        )
    answer = give(owner, pem(other), public_key_id="AKEYWITHOUTPREFIX")
    assert answer.status_code == 422
    assert "in use for the other environment" in answer.text


def test_addresses_come_from_the_public_address_alone(books: WebBooks, owner: Browser) -> None:
    page = owner.get("/settings").text
    for address in ("/my/sign-in/amazon", "/my/join/return", "/amazon-pay/notifications/web"):
        assert f'data-copy="https://my.example.jp{address}"' in page
    without = signed_in(app_of(books, public_url="")).get("/settings").text
    assert "There is no public address" in without
    assert "autopay.test" not in without


def test_a_key_from_a_file_of_the_settings_is_not_changed_here(books: WebBooks) -> None:
    browser = signed_in(app_of(books, given_settings=frozenset({"private_key_file"})))
    page = browser.get("/settings").text
    assert "AUTOPAY_PRIVATE_KEY_FILE" in page
    assert 'name="private_key"' not in page
    form = browser.form_of("/settings", "/settings/check")
    assert give(browser, pem(), form, public_key_id="SANDBOX-A").status_code == 422


def test_only_owners_are_here(books: WebBooks) -> None:
    finance = log_in_as(books, app_of(books), "finance")
    assert finance.get("/settings").status_code == 403
    assert "/settings" not in finance.get("/charges").text.replace("/settings.", "")
