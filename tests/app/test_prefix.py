"""Everything below a path, as behind a proxy that shares the host with OMERO.web."""

import pytest

from app.settings import SettingsError, load_settings
from tests.app.conftest import FLAT


@pytest.fixture
def prefixed(make_gateway):
    return make_gateway(prefix="/omero")


def test_addresses_begin_with_it(prefixed):
    path = f"/webgateway/render_thumbnail/{prefixed.ids[FLAT]}/"
    expected = prefixed.client.get(path)
    assert expected.status_code == 200
    assert prefixed.client.get(f"/omero{path}").data == expected.data
    assert prefixed.client.get("/omero/healthz").status_code == 200
    assert prefixed.client.get("/other/healthz").status_code == 404
    assert prefixed.client.get("/omerox/healthz").status_code == 404


def test_links_have_it(prefixed):
    for path in ("/omero/", "/omero", "/"):
        page = prefixed.client.get(path)
        assert 'href="/omero/assets/' in page.text and 'data-base="/omero"' in page.text
    link = prefixed.client.get("/omero/api/").get_json()["data"][0]["url:base"]
    assert link == "http://localhost/omero/api/v0/"
    projects = prefixed.get("proj/list/").get_json()
    dataset = prefixed.get(f"proj/{projects[0]['id']}/children/").get_json()[0]
    image = prefixed.get(f"dataset/{dataset['id']}/children/").get_json()[0]
    assert image["thumb_url"].startswith("/omero/webgateway/render_thumbnail/")
    assert prefixed.client.get(image["thumb_url"]).status_code == 200


@pytest.mark.parametrize(
    ("given", "kept"), [("omero", "/omero"), ("/a/b/", "/a/b"), ("/", ""), ("", "")]
)
def test_slashes_around_it_do_not_matter(given, kept):
    assert load_settings(env_file=None, prefix=given).prefix == kept


@pytest.mark.parametrize("wrong", ["/a b", "/a?b", "http://x/", "/a//b"])
def test_a_prefix_that_is_no_path_is_told(wrong):
    with pytest.raises(SettingsError, match=r"prefix .*should be a path"):
        load_settings(env_file=None, prefix=wrong)
