"""TLS: the given CA is trusted and no other, and a new CA in the same file is noticed."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from scripted_server import BODY, answer, one_request
from wire_helpers import KINDS, call, create

from amazonpay import UnknownOutcome

both_clients = pytest.mark.parametrize("kind", KINDS)


def self_signed(folder):
    """A certificate for 127.0.0.1 that is its own CA: (certificate file, key file)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "ca.pem", folder / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate_file, key_file


@contextmanager
def tls_server(certificate_file, key_file):
    """Answers one connection over TLS with a charge; gives the base URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            raw, _ = listener.accept()
            with raw, context.wrap_socket(raw, server_side=True) as connection:
                one_request(connection)
                connection.sendall(answer(body=BODY))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join(5)
        listener.close()


@both_clients
def test_the_given_ca_is_trusted(kind, tmp_path):
    files = self_signed(tmp_path)
    with tls_server(*files) as base_url:
        assert call(kind, create, base_url=base_url, ca_file=files[0]).charge_amount_yen == 1500


@both_clients
def test_no_other_ca_is_trusted(kind, tmp_path):
    files = self_signed(tmp_path)
    with tls_server(*files) as base_url, pytest.raises(UnknownOutcome, match="CERTIFICATE"):
        call(kind, create, base_url=base_url)


@both_clients
def test_a_new_ca_in_the_same_file_is_noticed(kind, tmp_path):
    for _ in range(2):
        files = self_signed(tmp_path)
        with tls_server(*files) as base_url:
            assert call(kind, create, base_url=base_url, ca_file=files[0])
