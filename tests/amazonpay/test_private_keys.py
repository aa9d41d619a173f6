"""Reading the merchant's key: good files work, bad ones say what to do, none is ever shown."""

import copy
import logging
import pickle
import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from wire_helpers import throwaway_key, vectors

from amazonpay import UnusableKey, environment_of_key_id, load_private_key

KEY = vectors()["throwawayKey"]
PKCS8 = KEY["privateKeyPkcs8Pem"].encode()
PKCS1 = KEY["privateKeyPkcs1Pem"].encode()


def pem(key, *, form=PrivateFormat.PKCS8, password=None):
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, protection)


def small_key():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of small keys; that is the point here
        return rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PKCS8, id="PKCS#8"),
        pytest.param(PKCS1, id="PKCS#1"),
        pytest.param(PKCS8.replace(b"\n", b"\r\n"), id="Windows line ends"),
        pytest.param(b"\xef\xbb\xbf" + PKCS8, id="byte order mark"),
        pytest.param(b"\n\n" + PKCS8 + b"\n\n", id="blank lines around"),
    ],
)
def test_every_form_of_the_file_gives_the_same_key(text):
    assert load_private_key(text).fingerprint() == throwaway_key().fingerprint()


def unusable():
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return [
        pytest.param(b"", "no -----BEGIN", id="empty file"),
        pytest.param(b"hello", "no -----BEGIN", id="another file"),
        pytest.param(bytes(range(256)), "no -----BEGIN", id="binary file"),
        pytest.param(PKCS8[:900], "cut short", id="no END line"),
        pytest.param(PKCS1[:900], "cut short", id="PKCS#1 without END line"),
        pytest.param(
            PKCS8[:900] + b"\n-----END PRIVATE KEY-----\n", "damaged", id="middle missing"
        ),
        pytest.param(KEY["publicKeyPem"].encode(), "not a private key", id="public key"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
            "not a private key",
            id="certificate",
        ),
        pytest.param(pem(rsa_key, password=b"pw"), "password", id="encrypted PKCS#8"),
        pytest.param(
            pem(rsa_key, form=PrivateFormat.TraditionalOpenSSL, password=b"pw"),
            "password",
            id="encrypted PKCS#1",
        ),
        pytest.param(pem(ec.generate_private_key(ec.SECP256R1())), "not an RSA", id="EC key"),
        pytest.param(pem(small_key()), "1024 bits", id="1024 bits"),
    ]


@pytest.mark.parametrize(("text", "says"), unusable())
def test_an_unusable_key_is_one_sentence_with_a_remedy(text, says):
    with pytest.raises(UnusableKey, match=says) as caught:
        load_private_key(text)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.remedy in message


@pytest.mark.parametrize("length", range(0, len(PKCS8) - 30, 97))
def test_no_cut_of_the_file_loads_or_leaks(length):
    with pytest.raises(UnusableKey) as caught:
        load_private_key(PKCS8[:length])
    assert not any(line in str(caught.value) for line in PKCS8.decode().splitlines()[1:-1])
    assert caught.value.__cause__ is None


def test_the_key_never_shows_itself(caplog):
    key = throwaway_key()
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %r %s", key, key, [key])
    secret_lines = PKCS8.decode().splitlines()[1:-1]
    assert not any(line in caplog.text for line in secret_lines)
    assert key.fingerprint()[:16] in repr(key)
    for leak in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            leak(key)


@pytest.mark.parametrize(
    ("key_id", "environment"),
    [
        ("SANDBOX-AFVX7ULWSGBZ5535PCUQOY7B", "sandbox"),
        ("LIVE-AFVX7ULWSGBZ5535PCUQOY7B", "live"),
        ("sandbox-afvx", "sandbox"),
        ("Live-afvx", "live"),
        ("AFVX7ULWSGBZ5535PCUQOY7B", None),
        ("LIVELYAFVX7ULWSGBZ5535PC", None),
        ("", None),
    ],
)
def test_environment_of_key_id(key_id, environment):
    assert environment_of_key_id(key_id) == environment
