"""Forged requests: what other sites may not have a browser do."""

import secrets
import string

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from app.csrf import check
from render.errors import Forbidden
from tests.app.conftest import STACK

ALPHABET = string.ascii_letters + string.digits
SECRET = "".join(ALPHABET[(7 * place) % 62] for place in range(32))
HANDLES = "/webgateway/settings/"


def masked(secret):
    """Mask a secret as Django's forms do: a random mask, and the sum of both, letter by letter."""
    mask = "".join(secrets.choice(ALPHABET) for _ in secret)
    pairs = zip(secret, mask, strict=True)
    added = "".join(ALPHABET[(ALPHABET.index(a) + ALPHABET.index(b)) % 62] for a, b in pairs)
    return mask + added


def asked(cookie=SECRET, base_url="http://omero.example.org/", **options):
    headers = dict(options.pop("headers", {}))
    if cookie is not None:
        headers["Cookie"] = f"csrftoken={cookie}"
    builder = EnvironBuilder("/x/", base_url, method="POST", headers=headers, **options)
    return Request(builder.get_environ())


def reason_of(request, trusted=(), one_viewer=False):
    try:
        check(request, trusted, one_viewer=one_viewer)
    except Forbidden as error:
        return error.detail
    return None


# Named, as each process that runs tests masks otherwise.
@pytest.mark.parametrize(
    "token", [SECRET, masked(SECRET), masked(SECRET)], ids=["plain", "masked", "masked anew"]
)
@pytest.mark.parametrize("cookie", [SECRET, masked(SECRET)], ids=["plain", "masked"])
def test_the_token_in_the_header_has_to_fit_the_cookie(token, cookie):
    assert reason_of(asked(cookie, headers={"X-CSRFToken": token})) is None


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_the_token_may_be_a_field_of_the_form(kind):
    data = {"csrfmiddlewaretoken": masked(SECRET), "c": "1|0:255"}
    request = asked(data=data, content_type=kind)
    assert reason_of(request) is None
    assert request.form["c"] == "1|0:255"
    assert b"csrfmiddlewaretoken" in request.stream.read()


@pytest.mark.parametrize(
    ("cookie", "options", "reason"),
    [
        (None, {"headers": {"X-CSRFToken": SECRET}}, "CSRF cookie not set."),
        ("abc", {"headers": {"X-CSRFToken": SECRET}}, "CSRF cookie has incorrect length."),
        (SECRET, {}, "CSRF token missing."),
        (SECRET, {"json": {"csrfmiddlewaretoken": SECRET}}, "CSRF token missing."),
        (
            SECRET,
            {"headers": {"X-CSRFToken": "x" * 32}},
            "CSRF token from the 'X-Csrftoken' HTTP header incorrect.",
        ),
        (
            SECRET,
            {"headers": {"X-CSRFToken": "ä" * 32}},
            "CSRF token from the 'X-Csrftoken' HTTP header has invalid characters.",
        ),
        (SECRET, {"data": {"csrfmiddlewaretoken": "!" * 32}}, "has invalid characters."),
        (SECRET, {"data": {"csrfmiddlewaretoken": "y" * 64}}, "CSRF token from POST incorrect."),
    ],
)
def test_reasons_are_those_of_django(cookie, options, reason):
    said = reason_of(asked(cookie, **options))
    assert said is not None and said.startswith("CSRF Failed: ") and reason in said


def with_token(**headers):
    return {"X-CSRFToken": SECRET} | {name.title(): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("origin", "trusted", "passes"),
    [
        ("http://omero.example.org", (), True),
        ("https://omero.example.org", (), False),
        ("http://omero.example.org:8080", (), False),
        ("http://evil.example.com", (), False),
        ("null", (), False),
        ("https://figure.example.org", ("https://figure.example.org",), True),
        ("https://a.b.example.org", ("https://*.example.org",), True),
        ("https://example.org", ("https://*.example.org",), False),
        ("https://evilexample.org", ("https://*.example.org",), False),
        ("http://a.example.org", ("https://*.example.org",), False),
    ],
)
def test_an_origin_has_to_be_this_host_or_trusted(origin, trusted, passes):
    said = reason_of(asked(headers=with_token(origin=origin)), trusted)
    assert (said is None) == passes
    assert passes or "does not match any trusted origins" in said


@pytest.mark.parametrize(
    ("referer", "reason"),
    [
        ("https://omero.example.org/webclient/", None),
        ("https://figure.example.org/x", None),
        (None, "no Referer"),
        ("/webclient/", "malformed"),
        ("https://[", "malformed"),
        ("http://omero.example.org/", "insecure"),
        ("https://evil.example.com/", "does not match"),
    ],
)
def test_over_tls_a_referer_stands_for_a_missing_origin(referer, reason):
    headers = with_token() if referer is None else with_token(referer=referer)
    request = asked(base_url="https://omero.example.org/", headers=headers)
    said = reason_of(request, ("https://figure.example.org",))
    assert (said is None) if reason is None else (reason in said)


@pytest.mark.parametrize("header", ["X-OMERO-Session-Key", "Authorization"])
def test_a_key_in_a_header_needs_no_token(header):
    value = "Bearer 0c1e" if header == "Authorization" else "0c1e"
    assert reason_of(asked(None, headers={header: value, "Origin": "http://x.example"})) is None


def test_a_header_without_a_key_leaves_the_cookie_to_be_checked():
    # To be sent by a page of an origin that may read; blank to who looks for a key in it.
    headers = {"X-OMERO-Session-Key": "\xa0", "Origin": "http://x.example"}
    assert reason_of(asked(headers=headers)) is not None


def test_basic_credentials_do_need_one_as_browsers_send_them_by_themselves():
    assert reason_of(asked(None, headers={"Authorization": "Basic eDp5"})) is not None


def test_reading_needs_no_token():
    environ = EnvironBuilder(path="/", method="GET", headers={"Origin": "http://x.example"})
    assert reason_of(Request(environ.get_environ())) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        # Who asks is not known by it here, so it is no leave for the page that sends it.
        ({"Origin": "http://evil.example.com", "X-OMERO-Session-Key": "x"}, 403),
        ({"Origin": "http://evil.example.com", "Authorization": "Bearer x"}, 403),
    ],
)
def test_the_one_local_user_is_safe_from_other_sites_and_curl_needs_no_token(
    gateway, headers, status
):
    response = gateway.client.post(HANDLES, json={"c": "1|0:255$FF0000"}, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.get_json()["message"].startswith("CSRF Failed: ")


def test_a_get_that_changes_something_is_for_no_page_of_another_site(gateway):
    path = f"/iviewer/save_projection/?image={gateway.ids[STACK]}&projection=intmax"
    forged = {
        "Origin": "http://evil.example.com",
        "X-Requested-With": "XMLHttpRequest",
        "X-OMERO-Session-Key": "x",
    }
    for headers in ({}, forged):
        response = gateway.client.get(path, headers=headers)
        assert response.status_code == 403
        assert response.get_json()["message"].startswith("CSRF Failed: ")


def test_a_method_or_address_that_is_not_there_is_told_as_such(gateway):
    forged = {"Origin": "http://evil.example.com"}
    assert gateway.client.post("/webgateway/luts/", headers=forged).status_code == 405
    assert gateway.client.post("/nowhere/", headers=forged).status_code == 404
