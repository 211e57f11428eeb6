"""Endpoints and credentials refuse what Ice would misread, and keep secrets out of texts."""

import Ice
import pytest

from render.blitz.communicator import destroy_communicator, make_communicator
from render.blitz.source import Credentials, Endpoint, Limits
from render.errors import SourceFailed


@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        (Endpoint("omero.example.org"), "ssl -h omero.example.org -p 4064"),
        (Endpoint("127.0.0.1", 4063, "tcp"), "tcp -h 127.0.0.1 -p 4063"),
        (Endpoint("::1", 4063, "tcp"), "tcp -h ::1 -p 4063"),
        (Endpoint("omero", 443, "wss", "/omero-wss"), "wss -h omero -p 443 -r /omero-wss"),
    ],
)
def test_ice_understands_every_transport(endpoint: Endpoint, kind: str) -> None:
    communicator = make_communicator(endpoint, Limits())
    try:
        router = communicator.stringToProxy(endpoint.router_text())
        assert router.ice_getIdentity() == Ice.Identity("router", "OMERO.Glacier2")
        understood = (
            router.ice_getEndpoints()[0].toString().replace('"', "").replace(" -t 60000", "")
        )
        assert understood.startswith(kind)
    finally:
        destroy_communicator(communicator)


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "omero -p 1"},
        {"host": ""},
        {"host": "omero:tcp"},
        {"port": 0},
        {"transport": "udp"},
        {"path": "/x -h y"},
    ],
)
def test_an_endpoint_that_ice_would_misread_is_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        Endpoint(**({"host": "omero"} | wrong))


def test_a_missing_certificate_file_is_told(tmp_path) -> None:
    endpoint = Endpoint("omero", verify=True, ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(SourceFailed, match="does not start"):
        make_communicator(endpoint, Limits())


def test_credentials_are_one_thing_or_the_other_and_never_shown() -> None:
    for wrong in ({}, {"user": "a", "session_key": "b"}):
        with pytest.raises(ValueError):
            Credentials(**wrong)
    assert "secret" not in repr(Credentials.login("tess", "secret"))
    assert "secret" not in repr(Credentials.join("secret"))
