"""The self-signed certificate of the ssl endpoint, made on first start."""

import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_VALID_DAYS = 3650
_RENEW_BEFORE_DAYS = 30


@dataclass(frozen=True)
class Certificate:
    """The paths of a certificate and its key, both PEM."""

    certificate: Path
    key: Path


def ensure_certificate(folder: Path, host: str) -> Certificate:
    """Give the certificate kept in `folder`, made anew when missing or about to expire.

    The key is readable by its owner only. The name is localhost, with the listening address beside.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = Certificate(folder / "server.pem", folder / "server.key")
    if not _is_good(kept):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        _write(kept.key, _private_pem(key))
        _write(
            kept.certificate,
            _self_signed(key, host).public_bytes(serialization.Encoding.PEM),
        )
    return kept


def _is_good(kept: Certificate) -> bool:
    if not (kept.certificate.exists() and kept.key.exists()):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(kept.certificate.read_bytes())
        key = serialization.load_pem_private_key(kept.key.read_bytes(), password=None)
    except ValueError:
        return False
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return certificate.public_key() == key.public_key() and left.days >= _RENEW_BEFORE_DAYS


def _private_pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _self_signed(key: rsa.RSAPrivateKey, host: str) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        names.append(x509.IPAddress(ipaddress.ip_address(host)))
    except ValueError:
        if host and host != "localhost":
            names.append(x509.DNSName(host))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _write(path: Path, content: bytes) -> None:
    # Written aside and moved, so that a process that starts beside this one never reads half.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    unfinished.replace(path)
