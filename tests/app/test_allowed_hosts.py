"""By which host names the service answers, and what it says to others."""

import logging
import socket

import pytest

from app.allowed_hosts import AllowedHosts
from app.settings import SettingsError, load_settings
from tests.app.conftest import PYRAMID

LOCAL, NEAR = "127.0.0.1", "192.168.7.8"
STRANGER = "rebound.example.net:4080"
VIA = {"HTTP_VIA": "1.1 nginx"}
IN_OMERO = {"omero_host": "omero.example.org"}


@pytest.fixture
def allows(tmp_path):
    """Give whether a name is answered, by settings."""

    def ask(called: str | None, peer: str = LOCAL, more=None, **settings) -> bool:
        allowed = AllowedHosts(load_settings(env_file=None, images=tmp_path, **settings))
        environ = {"REMOTE_ADDR": peer, **(more or {})}
        return allowed.allow(environ if called is None else environ | {"HTTP_HOST": called})

    return ask


def test_by_which_names_it_answers(allows):
    own = socket.gethostname()
    for host in (
        *("localhost", "LOCALHOST:4080", "localhost.", "app.localhost:1", own, f"{own}:4080", None),
        *("127.0.0.1:4080", "127.8.9.1", "[::1]:4080", "[::1]", "192.168.7.8:80", "8.8.8.8"),
    ):
        assert allows(host), host
    for host in (
        *(STRANGER, "localhost.example.net", "xlocalhost", "127.0.0.1.example.net", "evil:127"),
        *("127.0.0.1@example.net", "example.net:", "999.1.1.1", "*", "*.localhost.x"),
    ):
        assert not allows(host), host


def test_the_name_it_is_bound_to_counts_and_all_addresses_do(allows):
    assert allows("images.example.org:80", host="images.example.org")
    assert not allows("images.example.org", host="0.0.0.0")
    assert allows("10.2.3.4:4080", NEAR, host="0.0.0.0")


def test_a_trusted_proxy_answers_for_the_name_and_nobody_else(allows):
    assert allows(STRANGER, LOCAL, VIA)
    assert not allows(STRANGER, NEAR, VIA)
    assert allows(STRANGER, NEAR, VIA, trusted_proxies=["192.168.7.8"])
    # What a page can send.
    forged = {"HTTP_X_FORWARDED_FOR": LOCAL, "HTTP_X_FORWARDED_HOST": "localhost"}
    assert not allows(STRANGER, LOCAL, forged)


def test_names_that_are_set_count_in_every_mode(allows):
    named = {"allowed_hosts": ["images.example.org", "*.Lab.example.org"]}
    for mode in ({}, IN_OMERO):
        for host in ("Images.example.org:80", "a.lab.example.org", "localhost", "10.2.3.4"):
            assert allows(host, **named, **mode)
        for host in (STRANGER, "lab.example.org", "example.org", socket.gethostname() + ".x"):
            assert not allows(host, **named, **mode)
            assert not allows(host, LOCAL, VIA, **named, **mode)
    assert allows(STRANGER, allowed_hosts=["*"])


def test_where_people_log_in_all_names_do(allows):
    assert allows(STRANGER, **IN_OMERO)
    assert not allows(STRANGER, omero_user="public", omero_password="x", **IN_OMERO)


@pytest.mark.parametrize("name", ["a b", "http://a", "a:80", "a.*", ""])
def test_what_is_no_name_is_no_setting(name):
    with pytest.raises(SettingsError, match=r"allowed_hosts.*host name"):
        load_settings(env_file=None, allowed_hosts=[name])


@pytest.mark.without_nginx("which passes any name on and says so in Via")
def test_a_strange_name_gets_a_sentence_and_no_picture_at_hand(make_gateway):
    gateway = make_gateway(image_info_max_age_s=600)
    path = f"render_image/{gateway.ids[PYRAMID]}/?c=1|9:1500$FF0000&m=c"
    assert [gateway.get(path).headers["X-Cache"] for _ in range(2)] == ["miss", "hit"]
    for asked in (path, "proj/list/", "nothing/"):
        answer = gateway.get(asked, headers={"Host": STRANGER})
        assert answer.status_code == 403
        told = answer.get_json()
        assert told["type"] == "host-not-allowed"
        assert told["detail"] == (
            "this service is not called 'rebound.example.net'; "
            "its operator can name it in allowed_hosts"
        )
    assert gateway.get(path, headers={"Host": STRANGER, "Via": "1.1 nginx"}).status_code == 200


@pytest.mark.without_nginx("says itself who is connected")
def test_the_log_tells_once_of_a_proxy_that_is_not_believed(make_gateway, caplog):
    gateway = make_gateway()
    asked = {"X-Forwarded-For": "203.0.113.9"}
    with caplog.at_level(logging.WARNING, logger="blitzrender.hosts"):
        for peer in (LOCAL, NEAR, NEAR):
            gateway.get("luts/", headers=asked, environ_base={"REMOTE_ADDR": peer})
    [record] = caplog.records
    assert record.getMessage().startswith(f"{NEAR} sends X-Forwarded-For")
