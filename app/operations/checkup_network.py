"""From a host name to TLS, by Python's own means: what exactly is in the way of a connection."""

import contextlib
import datetime
import socket
import ssl
import threading
from collections.abc import Iterator

from cryptography import x509

from render.blitz.endpoint import Endpoint

#: How long each step may take.
_TIMEOUT_S = 5.0
_SOON_DAYS = 30


class Trouble(Exception):
    """What is wrong, and what an operator can do about it."""

    def __init__(self, text: str, advice: str) -> None:
        super().__init__(text)
        self.advice = advice


def resolve(endpoint: Endpoint) -> str:
    """Look the host name up; tell its addresses."""
    found: list[str] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(str(entry[4][0]) for entry in entries))
        except OSError as error:
            failed.append(error)

    # The look-up has no time limit of its own.
    looker = threading.Thread(target=look_up, daemon=True)
    looker.start()
    looker.join(_TIMEOUT_S)
    if found:
        return f"{endpoint.host} is {', '.join(found)}"
    if failed:
        raise Trouble(
            f"no address is known for {endpoint.host}",
            "check the host name in the settings, and the name service of this machine",
        )
    raise Trouble(
        f"the look-up of {endpoint.host} took over {_TIMEOUT_S:g} s",
        "the name service of this machine does not answer: see /etc/resolv.conf",
    )


def open_port(endpoint: Endpoint) -> str:
    """Make a TCP connection, and no more."""
    with _connected(endpoint):
        return f"port {endpoint.port} is open"


def look_at_tls(endpoint: Endpoint) -> str:
    """Shake hands as the endpoint's settings demand; tell whose certificate there is."""
    found = _handshake(endpoint, _anything_goes())
    if found is None:
        if not endpoint.anonymous_ciphers:
            raise Trouble(
                "the server has no certificate and knows anonymous ciphers only",
                "run `omero certificates` on it, or set omero_tls_anonymous = true",
            )
        return "no certificate, as omero_tls_anonymous allows: nobody knows who answers"
    certificate = x509.load_der_x509_certificate(found)
    told = f"certificate of {_name_of(certificate)}, {_validity_of(certificate)}"
    if not endpoint.verify:
        return f"{told}, not verified (omero_tls_verify)"
    _verify(endpoint)
    return f"{told}, verified"


def _verify(endpoint: Endpoint) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = endpoint.check_name
    try:
        if endpoint.ca_file:
            context.load_verify_locations(endpoint.ca_file)
        else:
            context.load_default_certs()
    except OSError as error:
        raise Trouble(
            f"{endpoint.ca_file} holds no certificates that can be read ({type(error).__name__})",
            "omero_tls_ca_file has to name a PEM file that this user may read",
        ) from error
    _handshake(endpoint, context)


def _anything_goes() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Anonymous ciphers and those of old servers too: this is only to see what is there.
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def _handshake(endpoint: Endpoint, context: ssl.SSLContext) -> bytes | None:
    try:
        with (
            _connected(endpoint) as plain,
            context.wrap_socket(plain, server_hostname=endpoint.host) as secure,
        ):
            return secure.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError as error:
        raise Trouble(
            f"the certificate is refused: {error.verify_message}", _advice(error)
        ) from error
    except (OSError, ValueError) as error:
        raise Trouble(
            "there is no TLS at this port",
            f"{endpoint.transport} needs the TLS port of the router, 4064 as a rule; "
            "4063 is for omero_transport = tcp",
        ) from error


def _advice(error: ssl.SSLCertVerificationError) -> str:
    if "mismatch" in error.verify_message.lower() or "doesn't match" in error.verify_message:
        return (
            "give the server a certificate for this name (omero.certificates.commonname), use the "
            "name that it has as omero_host, or set omero_tls_check_name = false"
        )
    if "expired" in error.verify_message:
        return "renew it on the server with `omero certificates`"
    return (
        "let omero_tls_ca_file name a copy of the server's server.pem, or the PEM file of the "
        "authority that signed its certificate"
    )


@contextlib.contextmanager
def _connected(endpoint: Endpoint) -> Iterator[socket.socket]:
    place = f"port {endpoint.port} of {endpoint.host}"
    try:
        plain = socket.create_connection((endpoint.host, endpoint.port), timeout=_TIMEOUT_S)
    except TimeoutError as error:
        raise Trouble(
            f"{place} does not answer within {_TIMEOUT_S:g} s",
            "a firewall between this machine and the server swallows the connection",
        ) from error
    except ConnectionRefusedError as error:
        raise Trouble(
            f"nobody listens at {place}",
            "start OMERO.server, and check the port in the settings: 4064 for ssl, 4063 for tcp",
        ) from error
    except OSError as error:
        raise Trouble(
            f"{place} cannot be reached ({error.strerror or type(error).__name__})",
            "check the network between this machine and the server",
        ) from error
    with plain:
        yield plain


def _name_of(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"'{names[0].value!s}'" if names else "nobody in particular"


def _validity_of(certificate: x509.Certificate) -> str:
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if left.days < 0:
        return "which has expired"
    day = f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
    return f"{day}, which is soon" if left.days < _SOON_DAYS else day
