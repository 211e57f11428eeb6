"""From settings to the endpoint of a server."""

import pytest

from app.endpoints import endpoint_of, limits_of
from app.settings import Settings, SettingsError, load_settings
from render.blitz.endpoint import Endpoint


def settings(**values: object) -> Settings:
    login = {"omero_host": "omero", "omero_user": "u", "omero_password": "secret"}
    return load_settings(env_file=None, **login | values)


def test_tls_and_path_reach_the_endpoint():
    told = settings(
        omero_transport="wss",
        omero_path="/omero-wss",
        omero_tls_verify=True,
        omero_tls_ca_file="/etc/omero.pem",
        omero_tls_check_name=False,
    )
    assert endpoint_of(told, "elsewhere", 443) == Endpoint(
        "elsewhere", 443, "wss", "/omero-wss", verify=True, ca_file="/etc/omero.pem"
    )
    by_default = endpoint_of(settings(), "omero", 4064)
    assert (by_default.transport, by_default.verify) == ("ssl", False)
    assert by_default.check_name and not by_default.anonymous_ciphers


@pytest.mark.parametrize(
    ("values", "host", "named"),
    [
        ({}, "omero -p 1", "malformed"),
        ({"omero_path": "no-slash"}, "omero", "malformed"),
        ({"omero_tls_verify": True, "omero_tls_anonymous": True}, "omero", "certificate"),
    ],
)
def test_what_no_server_can_be_is_a_wrong_setting(values, host, named):
    with pytest.raises(SettingsError, match=named) as caught:
        endpoint_of(settings(**values), host, 4064)
    assert "BLITZRENDER_OMERO_" in str(caught.value) and "secret" not in str(caught.value)


def test_bounds_reach_the_pools():
    limits = limits_of(
        settings(omero_sessions_max=3, omero_stores_max=5, omero_stores_per_image_max=2)
    )
    assert (limits.sessions, limits.stores_per_session, limits.stores_per_pixels) == (3, 5, 2)
