"""The configuration of `flask nginx`: what is routed where, and that NGINX accepts it."""

import re
from pathlib import Path

import pytest

from app import create_app
from app.operations.nginx import Site, nginx_configuration
from app.settings import load_settings
from imageserver.certificate import Certificate, ensure_certificate
from tests.support import nginx

PUBLIC = {"omero_host": "omero.example.org", "omero_user": "public", "omero_password": "x"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Certificate:
    return ensure_certificate(tmp_path_factory.mktemp("certificate"), "localhost")


def configuration(folder: Path, site: Site = Site(), **settings) -> str:  # noqa: B008
    loaded = load_settings(env_file=None, cache_dir=folder / "cache", **settings)
    return nginx_configuration(create_app(loaded), loaded, site)


def routed(text: str) -> re.Pattern:
    """Give the pattern of the addresses that go to Blitzrender beside OMERO.web."""
    [pattern] = re.findall(r"location ~ (\^\S+) \{\n[^}]*proxy_buffers ", text)
    return re.compile(pattern)


@pytest.mark.parametrize("place", [None, "/_blitzrender/", "/_blitzrender"])
@pytest.mark.parametrize("omero_web", [None, "127.0.0.1:4090"])
@pytest.mark.parametrize(
    ("prefix", "tls", "source"), [("", False, {}), ("", False, PUBLIC), ("/omero", True, PUBLIC)]
)
def test_nginx_accepts_it(tmp_path, certificate, place, omero_web, prefix, tls, source):
    program = nginx.require_nginx()
    site = Site(
        server_name="images.example.org",
        listen="8443" if tls else "127.0.0.1:8080",
        omero_web=omero_web,
        prefix=prefix,
        certificate=certificate.certificate if tls else None,
        certificate_key=certificate.key if tls else None,
        cache_folder=tmp_path / "kept",
    )
    text = configuration(tmp_path, site, x_accel_redirect=place, **source)
    nginx.check(program, nginx.write_configuration(text, tmp_path))
    assert ("X-Blitzrender-Offload" in text) == (place is not None)
    assert ("proxy_cache_path" in text) == bool(source)
    assert text.count("location ^~ /_blitzrender/ {") == (place is not None)


def test_beside_omero_web_only_what_is_answered_here_is_routed(tmp_path):
    pattern = routed(configuration(tmp_path, Site(omero_web="127.0.0.1:4090", prefix="/omero")))
    for path in (
        "/omero/webgateway/render_image/1/0/0/",
        "/omero/webgateway/imgData/1",
        "/omero/webgateway/luts/",
        "/omero/webclient/render_thumbnail/size/96/1/",
        "/omero/webclient/7/render_image_region/1/0/0/",
        "/omero/webgateway/histogram_json/1/channel/0/",
    ):
        assert pattern.search(path), path
    for path in (
        "/omero/webgateway/",
        "/omero/webclient/",
        "/omero/webclient/login/",
        "/omero/webclient/keepalive_ping/",
        "/omero/webgateway/img_detail/1/",
        "/omero/webgateway/open_with/",
        "/omero/webgateway/render_image_or_so/1/",
        "/webgateway/render_image/1/0/0/",
        "/other/omero/webgateway/render_image/1/0/0/",
        "/omero/webclient/x/render_image/1/",
    ):
        assert not pattern.search(path), path


def test_all_addresses_of_both_prefixes_are_routed(tmp_path):
    loaded = load_settings(env_file=None, cache_dir=tmp_path)
    app = create_app(loaded)
    text = nginx_configuration(app, loaded, Site(omero_web="127.0.0.1:4090"))
    patterns = [re.compile(found) for found in re.findall(r"location ~ (\^\S+) \{", text)]
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?\w+>", "1", rule.rule)
        if path.startswith(("/webgateway/", "/webclient/")) and path.count("/") > 2:
            left = ("open_with", "keepalive_ping", "img_detail", "/webclient/api/")
            # What people change by OMERO.web's own forms.
            left += ("logout", "/action/", "annotate_map", "annotate_file", "edit_channel_names")
            expected = not any(part in path for part in left)
            assert any(pattern.search(path) for pattern in patterns) == expected, path


def test_a_file_that_is_attached_may_be_larger_than_other_bodies(tmp_path):
    text = configuration(tmp_path, Site(prefix="/omero"), max_upload_bytes=50 * 1024**2)
    found = r"location ~ (\S+annotate_file\S*) \{[^}]*max_body_size (\S+);"
    [(place, size)] = re.findall(found, text)
    assert re.search(place, "/omero/webclient/annotate_file/") and size == "51457k"
    assert "annotate_file" not in configuration(tmp_path, Site(omero_web="127.0.0.1:4090"))


def test_the_rest_of_a_site_of_its_own_is_not_told_to_strangers(tmp_path):
    text = configuration(tmp_path)
    assert "location = /metrics { return 404; }" in text
    assert "location = /readyz { return 404; }" in text
    assert "location / {" in text and "omero_web" not in text


@pytest.mark.parametrize(
    "site",
    [
        Site(server_name="a; return 200"),
        Site(server_name="a b"),
        Site(omero_web="x{"),
        Site(prefix="omero"),
        Site(prefix="/a/"),
        Site(prefix="/$x"),
        Site(cache_folder=Path("/var/ca che")),
        Site(cache_folder=Path('/var/"')),
    ],
)
def test_what_nginx_would_misunderstand_is_refused(tmp_path, site):
    with pytest.raises(ValueError, match=r"misunderstand|prefix"):
        configuration(tmp_path, site)


def test_what_omero_web_expects_of_nginx_stays_so(tmp_path):
    place = "127.0.0.1:4090"
    site = Site(omero_web=place, omero_web_static=Path("/opt/web/static"), prefix="/omero")
    text = configuration(tmp_path, site)
    assert "location /omero/static/ {\n        alias /opt/web/static/;" in text
    [rest] = re.findall(r"location / \{([^}]*)\}", text)
    assert "client_max_body_size 0;" in rest and "proxy_buffering off;" in rest
    assert "/static/" not in configuration(tmp_path, Site(omero_web=place))


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        (Site(omero_web="127.0.0.1:4080"), "both listen at 127.0.0.1:4080: set BLITZRENDER_PORT"),
        (Site(omero_web_static=Path("/opt/web/static")), "without one"),
    ],
)
def test_places_that_cannot_be_are_refused(tmp_path, site, reason):
    with pytest.raises(ValueError, match=reason):
        configuration(tmp_path, site)


def test_the_command_prints_it(gateway):
    runner = gateway.app.test_cli_runner()
    done = runner.invoke(args=["nginx", "--omero-web", "127.0.0.1:4090", "--prefix", "/omero/"])
    assert done.exit_code == 0 and "upstream omero_web" in done.output
    assert "proxy_set_header SCRIPT_NAME /omero;" in done.output
    for wrong in (["--certificate", "/x.pem"], ["--server-name", "a;b"]):
        refused = runner.invoke(args=["nginx", *wrong])
        assert refused.exit_code == 2 and "Traceback" not in refused.output
