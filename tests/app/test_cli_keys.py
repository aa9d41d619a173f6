"""Keys and secrets that do not fit: one line that says what to do, and nothing is charged."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_user import User, refusal
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from support.sandbox import Sandbox, SandboxStarter

KEY_ID = "SANDBOX-AAAABBBBCCCCDDDDEEEEFFFF"
DUE = datetime(2026, 11, 30, tzinfo=UTC)  # 9:00 in Japan, when the sample's first rows are due


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good key of nobody's account."""
    return _rsa_key(tmp_path_factory.mktemp("keys") / "good.pem", bits=2_048)


def _rsa_key(file: Path, *, bits: int) -> Path:
    key = generate_private_key(public_exponent=65_537, key_size=bits)
    encoding, layout = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(key.private_bytes(encoding, layout, serialization.NoEncryption()))
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    file.with_suffix(".pub").write_bytes(key.public_key().public_bytes(encoding, public))
    return file


@pytest.mark.parametrize(
    ("made_from", "told"),
    [
        pytest.param(lambda key: key.read_bytes()[:600], "cut short", id="truncated"),
        pytest.param(
            lambda key: key.with_suffix(".pub").read_bytes(), "public key, not", id="public key"
        ),
        pytest.param(lambda key: b"", "BEGIN", id="empty"),
        pytest.param(lambda key: b"\xff\xfe" * 99, "BEGIN", id="not text"),
    ],
)
def test_a_file_that_is_no_private_key(
    shop: User, private_key: Path, made_from: Callable[[Path], bytes], told: str
) -> None:
    (shop.folder / "key.pem").write_bytes(made_from(private_key))
    line = refusal(shop("run", public_key_id=KEY_ID, private_key_file="key.pem"))
    assert told in line
    assert line.startswith("autopay: The private key cannot be used: ")


def test_a_key_that_is_too_short(shop: User) -> None:
    short = _rsa_key(shop.folder / "short.pem", bits=1_024)
    assert "2048" in refusal(shop("run", public_key_id=KEY_ID, private_key_file=short))


def test_a_key_file_that_is_missing(shop: User) -> None:
    line = refusal(shop("run", public_key_id=KEY_ID, private_key_file="nowhere.pem"))
    assert "AUTOPAY_PRIVATE_KEY_FILE nowhere.pem cannot be read" in line


def test_a_key_without_its_id(shop: User, private_key: Path) -> None:
    assert "AUTOPAY_PUBLIC_KEY_ID is not" in refusal(shop("run", private_key_file=private_key))


def test_no_key_at_all(shop: User) -> None:
    assert "has no Amazon Pay keys yet" in refusal(shop("run"))


@pytest.mark.parametrize(
    ("environment", "key_id", "remedy"),
    [
        pytest.param("live", KEY_ID, "AUTOPAY_ENVIRONMENT=sandbox", id="sandbox key, live"),
        pytest.param(
            "sandbox",
            KEY_ID.replace("SANDBOX", "LIVE"),
            "AUTOPAY_ENVIRONMENT=live",
            id="live key, sandbox",
        ),
    ],
)
def test_a_key_of_the_other_environment(
    shop: User, private_key: Path, environment: str, key_id: str, remedy: str
) -> None:
    line = refusal(
        shop("run", environment=environment, public_key_id=key_id, private_key_file=private_key)
    )
    assert f"but the environment is {environment}" in line
    assert remedy in line


def test_books_of_one_environment_are_not_worked_on_in_the_other(shop: User) -> None:
    line = refusal(shop("run", environment="live"))
    assert "is a sandbox merchant" in line


@pytest.mark.parametrize(
    ("key", "told"),
    [
        pytest.param("short", "32 bytes in base64", id="malformed"),
        pytest.param(base64.b64encode(b"x" * 32).decode(), "sealed with", id="another one"),
    ],
)
def test_a_wrong_master_key(shop: User, private_key: Path, key: str, told: str) -> None:
    stored = shop(
        *("run", "--at", "2026-11-01T00:00Z"), public_key_id=KEY_ID, private_key_file=private_key
    )
    assert stored.exit_code == 0, stored
    line = refusal(shop("run", "--at", "2026-11-01T00:00Z", master_key=key))
    assert told in line


@pytest.fixture
def amazon(start_sandbox: SandboxStarter) -> Sandbox:
    """A local Amazon Pay on the day the sample's first rows are due."""
    return start_sandbox(clock=DUE)


def test_a_wrong_key_stops_the_run_in_one_line(
    shop: User, private_key: Path, amazon: Sandbox
) -> None:
    line = refusal(
        shop(
            *("run", "--at", DUE.isoformat()),
            amazon_url=amazon.base_url,
            public_key_id=amazon.public_key_id,
            private_key_file=private_key,
            paced="false",
        )
    )
    assert "InvalidRequestSignature" in line
    assert "key" in line.lower()
    assert list(amazon.charges()) == []
    assert 201 not in {request["status"] for request in amazon.requests()}


def test_after_the_right_key_everything_is_charged_once(
    shop: User, private_key: Path, amazon: Sandbox
) -> None:
    amazon.create_permissions(
        {"id": charge["charge_permission_id"], "buyerId": "amzn1.account.A"}
        for charge in shop("forecast", "--days", "20", "--json").json["charges"]
    )
    at = ("run", "--json", "--at", DUE.isoformat())
    place = {"amazon_url": amazon.base_url, "public_key_id": amazon.public_key_id}
    refusal(shop(*at, **place, private_key_file=private_key, paced="false"))
    good = {**place, "private_key_file": amazon.private_key_file}
    assert shop(*at, **good, paced="false").json["captured"] == 2
    assert sorted(charge["amount"] for charge in amazon.charges()) == [1_100, 3_240]


def test_the_key_is_sealed_in_the_books(shop: User, private_key: Path) -> None:
    shop("run", "--at", "2026-11-01T00:00Z", public_key_id=KEY_ID, private_key_file=private_key)
    secret = private_key.read_bytes().splitlines()[2]
    for file in (shop.folder / "var").iterdir():
        assert secret not in file.read_bytes(), file.name
    assert (shop.folder / "var" / "master.key").stat().st_mode & 0o777 == 0o600
