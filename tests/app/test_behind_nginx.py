"""What the public holds, and what NGINX keeps for them all, is asked for only if it has changed."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.app.conftest import STACK, ImageServer
from tests.app.serving import Serving, serve
from tests.support.nginx import require_nginx

MAPS = quote('[{"inverted":{"enabled":false},"quantization":{"family":"linear"}}]')


@pytest.fixture
def public(image_server: ImageServer, tmp_path) -> Iterator[Serving]:
    require_nginx()
    source = {"omero_host": "127.0.0.1", "omero_port": image_server.port, "omero_transport": "tcp"}
    login = {"omero_user": "local", "omero_password": "local"}
    serving = serve(
        way="nginx", whole=False, cache_dir=tmp_path, browser_max_age_s=1, **source, **login
    )
    yield serving
    serving.close()


def test_what_a_visitor_holds_is_not_sent_again_and_to_others_in_full(public, gateway):
    stored = f"/webgateway/render_thumbnail/{gateway.ids[STACK]}/"
    kept = f"/webgateway/render_image/{gateway.ids[STACK]}/0/0/?c=1|0:77$F00&m=c&maps={MAPS}"
    etags = {path: public.client.get(path).headers["ETag"] for path in (stored, kept)}
    # Also when NGINX has nothing yet.
    fresh = kept.replace("77", "78")
    etags[fresh] = public.app.test_client().get(fresh.replace("|", "%7C")).headers["ETag"]
    for path, etag in etags.items():
        held = public.client.get(path, headers={"If-None-Match": etag})
        assert (held.status_code, held.data) == (304, b"")
        assert held.headers["ETag"] == etag
        other = public.client.get(path)
        assert other.status_code == 200 and other.data


def test_what_nginx_keeps_is_asked_for_again_only_if_it_has_changed(public, gateway):
    path = f"/webgateway/render_image/{gateway.ids[STACK]}/0/0/?c=1|0:99$F00&m=c&maps={MAPS}"
    first = public.client.get(path)
    assert first.headers["X-Proxy-Cache"] == "MISS"
    time.sleep(1.1)
    again = public.client.get(path)
    while again.headers["X-Proxy-Cache"] == "HIT":
        time.sleep(0.1)
        again = public.client.get(path)
    assert (again.headers["X-Proxy-Cache"], again.data) == ("REVALIDATED", first.data)
