"""OMERO.figure's page and files, where it is installed, and where it is not."""

import base64
import hashlib
import json
import re

import pytest

from app import bundles, figure_page
from app.settings import load_settings
from render.errors import NotFound
from tests.app.conftest import FLAT, Gateway
from tests.support.figure import needs_figure

PAGES = ("", "new/", "open/", "recover/", "file/5/")


def constant(text: str, name: str):
    [value] = re.findall(rf"^ *const {name} = (.*);$", text, re.MULTILINE)
    return json.loads(value)


def page(gateway: Gateway, path: str = "", **options) -> str:
    response = gateway.client.get(f"/figure/{path}", **options)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


@needs_figure
def test_the_page_is_told_where_all_is(gateway: Gateway):
    texts = [page(gateway, path) for path in PAGES]
    assert len(set(texts)) == 1
    text = texts[0]
    assert constant(text, "APP_SERVED_BY_OMERO") is True
    assert constant(text, "EXPORT_ENABLED") is False
    assert constant(text, "BASE_OMEROWEB_URL") == "/"
    assert constant(text, "APP_ROOT_URL") == "/figure/"
    [owner] = gateway.client.get("/api/v0/m/experimenters/?limit=1").get_json()["data"]
    assert constant(text, "USER_ID") == owner["@id"]
    assert constant(text, "MAX_PLANE_SIZE") == 3192 * 3192
    assert 0 < constant(text, "MAX_PROJECTION_BYTES") <= 268435456
    units = constant(text, "LENGTH_UNITS")
    assert units["MICROMETER"] == {"symbol": "µm", "microns": 1.0}
    assert units["INCH"]["microns"] == 25400 and units["NANOMETER"]["microns"] == 1e-3
    # Nobody logs in: there is no session to keep alive.
    assert constant(text, "PING_URL") == ""
    assert "//cdn" not in text and '"/assets/index' not in text


@needs_figure
def test_only_the_script_of_the_page_itself_may_run_in_it(gateway: Gateway):
    response = gateway.client.get("/figure/")
    [script] = re.findall(r"<script>(.*?)</script>", response.get_data(as_text=True), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert f"script-src 'self' 'unsafe-eval' 'sha256-{digest}'" in policy
    assert {"default-src 'none'", "connect-src 'self'", "frame-ancestors 'self'"} < set(policy)


@needs_figure
def test_each_file_of_the_page_is_there(gateway: Gateway):
    addresses = re.findall(r'<(?:script|link)[^>]*(?:src|href)="(/[^"]+)"', page(gateway))
    assert len([one for one in addresses if "/omero_figure/" in one]) == 3
    for address in addresses:
        response = gateway.client.get(address)
        assert response.status_code == 200, address
        if "/assets/" in address:
            assert "public, max-age=" in response.headers["Cache-Control"], address


@needs_figure
def test_nothing_else_is_given_out(gateway: Gateway):
    for name in ("../__init__.py", "..%2f..%2fviews.py", "assets", "missing.js", "%2fetc/passwd"):
        assert gateway.client.get(f"/static/omero_figure/{name}").status_code == 404, name


@pytest.mark.without_nginx("says itself what the address begins with")
@needs_figure
def test_below_a_prefix_the_page_knows_it(gateway: Gateway):
    text = page(gateway, "new/?image=1", environ_overrides={"SCRIPT_NAME": "/omero"})
    assert constant(text, "BASE_OMEROWEB_URL") == "/omero/"
    assert constant(text, "APP_ROOT_URL") == "/omero/figure/"
    assert constant(text, "STATIC_DIR") == "/omero/static/omero_figure"
    assert 'src="/omero/static/omero_figure/assets/' in text


def test_a_page_of_another_kind_is_not_given_out_half_told():
    text = figure_page._with_constant("const A = 0;\nconst B = 1;", "A", '"\\\\1"')
    assert text == 'const A = "\\\\1";\nconst B = 1;'
    with pytest.raises(NotFound, match="knows no C"):
        figure_page._with_constant(text, "C", "1")


@needs_figure
@pytest.mark.slow
def test_switched_off_it_is_offered_nowhere(gateway: Gateway, make_gateway):
    offered = gateway.client.get("/").get_data(as_text=True)
    assert "data-figure" in offered and 'href="/figure/"' in offered
    other = make_gateway(figure=False)
    for path in ("", "new/", "file/5/"):
        refused = other.client.get(f"/figure/{path}")
        assert refused.status_code == 404 and "switched off" in refused.get_json()["detail"]
    assert other.client.get("/static/omero_figure/index.html").status_code == 404
    left = other.client.get("/").get_data(as_text=True)
    assert "data-figure" not in left and "/figure/" not in left
    # OMERO.figure may still be served by OMERO.web.
    assert other.client.get(f"/figure/imgData/{other.ids[FLAT]}/").status_code == 200


def test_where_it_is_not_installed_a_sentence_says_how_to(monkeypatch):
    bundles.find_bundle.cache_clear()
    monkeypatch.setattr(bundles, "find_spec", lambda name: None)
    try:
        settings = load_settings(env_file=None)
        assert not bundles.FIGURE.is_served(settings)
        with pytest.raises(NotFound, match="script/setup viewer"):
            bundles.FIGURE.bundle(settings)
    finally:
        bundles.find_bundle.cache_clear()
    with pytest.raises(NotFound, match="switched off"):
        bundles.FIGURE.bundle(load_settings(env_file=None, figure=False))
