"""Every way to a real router: what gets through, and what is refused with which sentence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from render.blitz.source import BlitzSource, Endpoint
from render.errors import ServiceError, SourceUnavailable
from tests.render.blitz.conftest import soon
from tests.render.blitz.servers import LOGIN
from tests.support.certificates import ANONYMOUS, OmeroCertificate, omero_certificate
from tests.support.glacier2 import RunningRouter, start_glacier2
from tests.support.image_server import RunningImageServer, start_image_server

ALL = ("tcp", "ssl", "ws", "wss")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningImageServer]:
    with start_image_server(tmp_path_factory.mktemp("images")) as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> OmeroCertificate:
    return omero_certificate(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def router(server: RunningImageServer, certificate: OmeroCertificate) -> Iterator[RunningRouter]:
    """A router as one is after `omero certificates`."""
    with start_glacier2(server, transports=ALL, tls=certificate.properties) as running:
        yield running


def log_in(endpoint: Endpoint) -> str:
    source = BlitzSource(endpoint)
    try:
        return source.session(LOGIN, soon()).user(soon()).user_name
    finally:
        source.close()


def refusal(endpoint: Endpoint) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        log_in(endpoint)
    return caught.value


@pytest.mark.parametrize("transport", ALL)
def test_every_transport_gets_through_without_verifying(
    router: RunningRouter, transport: str
) -> None:
    assert log_in(router.endpoint(transport)) == "local"


@pytest.mark.parametrize("transport", ["ssl", "wss"])
def test_a_self_signed_certificate_is_pinned_by_its_own_file(
    router: RunningRouter, certificate: OmeroCertificate, transport: str
) -> None:
    pinned = {"verify": True, "ca_file": str(certificate.pem)}
    assert log_in(router.endpoint(transport, **pinned)) == "local"
    assert log_in(router.endpoint(transport, host="localhost", check_name=True, **pinned))


@pytest.mark.parametrize("transport", ["ssl", "wss"])
def test_a_certificate_for_another_name_is_refused_by_that_sentence(
    router: RunningRouter, certificate: OmeroCertificate, transport: str
) -> None:
    options = {"verify": True, "ca_file": str(certificate.pem), "check_name": True}
    error = refusal(router.endpoint(transport, **options))
    assert isinstance(error, SourceUnavailable)
    assert error.detail == "OMERO.server has a TLS certificate for another host name"


def test_a_certificate_of_another_authority_is_refused(
    router: RunningRouter, tmp_path: Path
) -> None:
    other = omero_certificate(tmp_path)
    for options in ({"ca_file": str(other.pem)}, {}):  # without a file: the system's authorities
        error = refusal(router.endpoint("ssl", verify=True, **options))
        assert isinstance(error, SourceUnavailable)
        assert error.detail == "OMERO.server has a TLS certificate that is not trusted"


def test_the_systems_authorities_are_those_in_its_file(
    router: RunningRouter, certificate: OmeroCertificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    # OpenSSL looks here for the system's authorities.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.pem))
    assert log_in(router.endpoint("ssl", host="localhost", verify=True, check_name=True))


def test_a_server_without_a_certificate_needs_the_anonymous_ciphers(
    server: RunningImageServer,
) -> None:
    with start_glacier2(server, transports=("ssl", "wss"), tls=ANONYMOUS) as anonymous:
        for transport in ("ssl", "wss"):
            assert log_in(anonymous.endpoint(transport, anonymous_ciphers=True)) == "local"
            error = refusal(anonymous.endpoint(transport))
            assert isinstance(error, SourceUnavailable)
            assert error.detail == "OMERO.server and this client found no common TLS settings"


def test_tls_where_there_is_none_is_refused(router: RunningRouter) -> None:
    crossed = Endpoint("127.0.0.1", router.ports["tcp"], "ssl")
    assert isinstance(refusal(crossed), SourceUnavailable)


def test_a_router_without_its_server_refuses_nobodys_credentials(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with start_image_server(tmp_path / "images") as server, start_glacier2(server) as router:
        source = BlitzSource(router.endpoint())
        source.session(LOGIN, soon())
        server.process.kill()
        server.process.wait()
        error = refusal(router.endpoint())
        assert isinstance(error, SourceUnavailable) and error.retry_after_s
        assert error.detail == "OMERO.server does not answer its router"
        source.close()
