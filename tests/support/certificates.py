"""TLS identities for test routers: as `omero certificates` makes them, and none at all."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    pkcs12,
)
from cryptography.x509.oid import NameOID

#: IceSSL's settings of a server that was never given a certificate, as OMERO had them before 5.6.2.
ANONYMOUS = {
    "IceSSL.Ciphers": "HIGH:ADH:@SECLEVEL=0",
    "IceSSL.Protocols": "TLS1_0,TLS1_1,TLS1_2",
    "IceSSL.VerifyPeer": "0",
}


@dataclass(frozen=True)
class OmeroCertificate:
    """A self-signed certificate, which is its own authority, and the server's settings for it."""

    pem: Path
    properties: dict[str, str]


def omero_certificate(folder: Path, name: str = "localhost") -> OmeroCertificate:
    """Make what `omero certificates` makes: server.pem, and server.p12 with its usual password."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "OMERO"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    pem, bundle = folder / "server.pem", folder / "server.p12"
    pem.write_bytes(certificate.public_bytes(Encoding.PEM))
    bundle.write_bytes(
        pkcs12.serialize_key_and_certificates(
            b"server", key, certificate, None, BestAvailableEncryption(b"secret")
        )
    )
    return OmeroCertificate(
        pem,
        {
            "IceSSL.DefaultDir": str(folder),
            "IceSSL.CertFile": bundle.name,
            "IceSSL.Password": "secret",
            "IceSSL.CAs": pem.name,
            "IceSSL.Ciphers": "HIGH:!DHE",
            "IceSSL.Protocols": "TLS1_2,TLS1_3",
            "IceSSL.VerifyPeer": "0",
        },
    )
