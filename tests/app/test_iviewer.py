"""OMERO.iviewer: its page and files, where it is installed, and what it asks for."""

import json
import re
from datetime import datetime

import pytest

from app import bundles
from app.metadata.units import readable_length, seconds_of, symbol_of
from app.settings import load_settings
from render.blitz.source import BlitzSession
from render.errors import Forbidden, NotFound
from render.values import ProjectionKind
from tests.app.conftest import PYRAMID, STACK, Gateway, ImageServer
from tests.app.screened import FIRST_WELL, SCREENED
from tests.support.iviewer import needs_iviewer

MISSING = 987654


def ask(gateway: Gateway, path: str, status: int = 200) -> dict:
    response = gateway.client.get(path)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


@needs_iviewer
def test_the_page_hands_on_what_links_say_and_nothing_else(gateway: Gateway):
    response = gateway.client.get(
        "/iviewer/?images=5&Zm=50&webgateway=//elsewhere&c=%3C/script%3E%3Cscript%3E"
    )
    text = response.get_data(as_text=True)
    found = re.search(r'type="application/json">(.*?)</script>', text)
    assert found is not None
    parameters = json.loads(found[1])
    assert parameters["IMAGES"] == "5" and parameters["ZM"] == "50"
    assert parameters["C"] == "</script><script>"
    assert parameters["WEBGATEWAY"] == "/webgateway/" and "URI_PREFIX" not in parameters
    assert parameters["WEB_API_BASE"] == "/api/v0/"
    assert int(parameters["MAX_PROJECTION_BYTES"]) > 0
    assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]


@needs_iviewer
def test_each_file_of_the_page_is_there(gateway: Gateway):
    text = gateway.client.get("/iviewer/").get_data(as_text=True)
    addresses = re.findall(r'(?:src|href)="(/[^"]+)"', text)
    assert len([address for address in addresses if "/omero_iviewer/" in address]) == 4
    for address in addresses:
        response = gateway.client.get(address)
        assert response.status_code == 200, address
        assert "public, max-age=" in response.headers["Cache-Control"], address
        if ".js" in address:
            assert response.content_type == "text/javascript; charset=utf-8"


@needs_iviewer
def test_nothing_else_is_given_out(gateway: Gateway):
    for name in ("../__init__.py", "..%2f..%2fviews.py", "css", "missing.js", "%2fetc/passwd"):
        assert gateway.client.get(f"/static/omero_iviewer/{name}").status_code == 404, name


@pytest.mark.without_nginx("says itself what the address begins with")
@needs_iviewer
def test_below_a_prefix_the_page_knows_it(gateway: Gateway):
    text = gateway.client.get(
        "/iviewer/?images=1", environ_overrides={"SCRIPT_NAME": "/omero"}
    ).get_data(as_text=True)
    assert '"URI_PREFIX": "/omero"' in text and '"WEBGATEWAY": "/omero/webgateway/"' in text
    assert 'src="/omero/static/omero_iviewer/main.js' in text


def test_where_it_is_not_installed_a_sentence_says_how_to(monkeypatch):
    bundles.find_bundle.cache_clear()
    monkeypatch.setattr(bundles, "find_spec", lambda name: None)
    try:
        settings = load_settings(env_file=None)
        assert not bundles.IVIEWER.is_served(settings)
        with pytest.raises(NotFound, match="script/setup viewer"):
            bundles.IVIEWER.bundle(settings)
    finally:
        bundles.find_bundle.cache_clear()
    with pytest.raises(NotFound, match="switched off"):
        bundles.IVIEWER.bundle(load_settings(env_file=None, iviewer=False))


def test_image_data_is_img_data_with_more(gateway: Gateway):
    image_id = gateway.ids[f"{SCREENED} [one]"]
    data = ask(gateway, f"/iviewer/image_data/{image_id}/")
    plain = gateway.get(f"imgData/{image_id}/").get_json()
    added = {key: data.pop(key) for key in set(data) - set(plain)}
    assert data == plain
    assert added["roi_count"] == 2
    assert added["families"] == ["linear", "polynomial", "exponential", "logarithmic"]
    assert added["delta_t_unit_symbol"] is None
    datetime.strptime(added["import_date"], "%Y-%m-%d %H:%M:%S")
    by_roi = ask(gateway, f"/iviewer/roi/{image_id << 20}/image_data/")
    assert by_roi["id"] == image_id
    assert ask(gateway, f"/iviewer/shape/{image_id << 20}/image_data/")["id"] == image_id
    for path in ("image_data/{}/", "roi/{}/image_data/", "shape/{}/image_data/"):
        ask(gateway, f"/iviewer/{path.format(MISSING)}", 404)


def test_times_without_any_told_are_zeros(gateway: Gateway):
    told = ask(gateway, f"/iviewer/image_data/{gateway.ids[STACK]}/delta_t/")
    assert told["delta_t"] == [0.0, 0.0] and told["delta_t_unit_symbol"] is None
    assert ask(gateway, f"/iviewer/image_data/{gateway.ids[PYRAMID]}/delta_t/")["delta_t"] == []


def test_paths_lead_to_images(gateway: Gateway):
    image_id = gateway.ids[STACK]
    (path,) = ask(gateway, f"/webclient/api/paths_to_object/?image={image_id}&page_size=1")["paths"]
    assert [step["type"] for step in path] == ["experimenter", "project", "dataset", "image"]
    dataset = path[2]
    listed = ask(gateway, f"/api/v0/m/datasets/{dataset['id']}/images/")["data"]
    assert dataset["childCount"] == len(listed)
    assert listed[dataset["childIndex"]]["@id"] == image_id
    screened = gateway.ids[f"{SCREENED} [two]"]
    paths = ask(gateway, f"/webclient/api/paths_to_object/?image={screened}")["paths"]
    wells = [step["id"] for path in paths for step in path if step["type"] == "well"]
    assert wells == [FIRST_WELL]
    ask(gateway, f"/webclient/api/paths_to_object/?image={MISSING}", 404)
    ask(gateway, "/webclient/api/paths_to_object/", 400)


def test_the_images_of_a_well_come_in_pages(gateway: Gateway):
    told = ask(gateway, f"/iviewer/well_images/?id={FIRST_WELL}&offset=1&limit=1")
    name = f"{SCREENED} [two]"
    assert told == {
        "data": [{"@id": gateway.ids[name], "Name": name}],
        "meta": {"totalCount": 2},
    }
    ask(gateway, "/iviewer/well_images/", 400)
    ask(gateway, f"/iviewer/well_images/?id={MISSING}", 404)


def test_intensities_are_the_stored_values(gateway: Gateway):
    stack = gateway.server.stack
    image_id = gateway.ids[STACK]
    told = ask(gateway, f"/iviewer/get_intensity/?image={image_id}&z=3&t=1&x=60.4&y=2&c=1,0")
    # 25 to each side, cut to the image of 61 by 47.
    assert told["count"] == 2 * 26 * 28 and len(told["pixels"]) == 26 * 28
    assert told["pixels"]["60-2"] == {str(c): int(stack[1, 3, c, 2, 60]) for c in (0, 1)}
    assert told["pixels"]["35-27"]["1"] == int(stack[1, 3, 1, 27, 35])
    place = f"/iviewer/get_intensity/?image={image_id}&z=0&t=0"
    ask(gateway, f"{place}&x=61&y=0&c=0", 404)
    ask(gateway, f"{place}&x=1&y=0&c=2", 404)
    ask(gateway, f"{place}&x=nan&y=0&c=0", 400)
    ask(gateway, f"{place}&x=0&y=0&c=", 400)
    ask(gateway, f"{place}&x=0&y=0&c=red", 400)


def test_regions_by_plane(gateway: Gateway):
    image_id = gateway.ids[f"{SCREENED} [one]"]
    # The point lies at section 1000 and the rectangle at 999; others are on all planes.
    assert ask(gateway, f"/iviewer/rois_by_plane/{image_id}/5/0/")["meta"]["totalCount"] == 2
    told = ask(gateway, f"/iviewer/rois_by_plane/{image_id}/999-1000/0-3/?limit=1")
    assert told["meta"]["totalCount"] == 2 and len(told["data"][0]["shapes"]) == 8
    # One plane: 6 shapes of the first region and the mask; those elsewhere are not seen.
    assert ask(gateway, f"/iviewer/plane_shape_counts/{image_id}/")["data"] == [[7]]
    second = (image_id << 20) + 1
    assert ask(gateway, f"/iviewer/roi/{second}/page_data/") == {
        "image": {"id": image_id}, "roi": {"id": second}, "roi_index": 1, "roi_count": 2,
    }  # fmt: skip
    point = ask(gateway, f"/iviewer/shape/{image_id << 20}/page_data/")
    assert (point["theZ"], point["theT"], point["roi_index"]) == (1000, 0, 0)
    ask(gateway, f"/iviewer/rois_by_plane/{image_id}/a/0/", 400)
    ask(gateway, f"/iviewer/roi/{MISSING}/page_data/", 404)
    ask(gateway, f"/iviewer/plane_shape_counts/{MISSING}/", 404)


def test_links_of_omero_web_lead_to_the_viewer(gateway: Gateway):
    image_id = gateway.ids[STACK]
    found = gateway.client.get(f"/webgateway/img_detail/{image_id}/?z=2&_scheme=x&_external=1")
    assert found.status_code == 302
    served = bundles.IVIEWER.installed() is not None
    start = f"/iviewer/?images={image_id}&" if served else f"/image/{image_id}/?"
    assert found.headers["Location"].startswith(f"{start}z=2&")
    shown = gateway.client.get(f"/webclient/?show=image-{image_id}").headers["Location"]
    assert shown == start.rstrip("&?")
    two = gateway.client.get(f"/webclient/?show=image-{image_id}|image-7").headers["Location"]
    assert two == (f"/iviewer/?images={image_id},7" if served else shown)
    for other in ("dataset-1", "image-1|dataset-1", "image-1|", "|".join(["image-1"] * 101)):
        assert gateway.client.get(f"/webclient/?show={other}").headers["Location"] == "/", other


@pytest.mark.parametrize(
    ("micrometres", "told"),
    [(0.0, (0.0, "µm")), (5e-4, (5.0, "Å")), (0.005, (5.0, "nm")), (0.25, (0.25, "µm")),
     (2500.0, (2.5, "mm")), (3e5, (30.0, "cm")), (5e6, (5.0, "m")), (2e9, (2.0, "km"))],
)  # fmt: skip
def test_lengths_are_told_in_readable_units(micrometres, told):
    value, symbol = readable_length(micrometres)
    assert (pytest.approx(value), symbol) == told


def test_units():
    assert (symbol_of("MICROMETER"), symbol_of("NANOSECOND"), symbol_of("X")) == ("µm", "ns", "X")
    assert seconds_of(2, "MINUTE") == 120 and seconds_of(1500, "MILLISECOND") == 1.5
    assert seconds_of(2, "PIXEL") is None


AJAX = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def asking(make_gateway, image_server: ImageServer) -> Gateway:
    """Ask the server itself: through a router the one user is the public one, who makes nothing."""
    return make_gateway(image_server_port=image_server.port)


def test_the_embedded_server_makes_no_new_images_and_says_so(asking: Gateway):
    path = f"/iviewer/save_projection/?image={asking.ids[STACK]}&projection=intmax&start=0&end=1"
    told = asking.client.get(path, headers=AJAX)
    assert told.status_code == 200 and told.headers["Cache-Control"] == "no-store"
    assert told.get_json() == {"error": "this OMERO.server makes no new image of this projection"}
    assert asking.client.post(path).get_json() == told.get_json()


def test_a_projection_is_made_of_what_is_asked_for(asking: Gateway, monkeypatch):
    asked = []

    def save(session, info, wanted, deadline):
        asked.append((info.image_id, wanted))
        return 4242, Forbidden("no") if wanted.dataset_id == 13 else None

    monkeypatch.setattr(BlitzSession, "save_projection", save)
    image = asking.ids[STACK]
    path = f"/iviewer/save_projection/?image={image}&projection=intmean"
    assert asking.client.get(f"{path}&start=1&end=2", headers=AJAX).get_json() == {"id": 4242}
    both = asking.client.get(f"{path}&dataset=13", headers=AJAX).get_json()
    assert both == {"id": 4242, "error": "no"}
    [(image_id, part), (_, whole)] = asked
    assert (image_id, part.kind, part.first, part.last) == (image, ProjectionKind.MEAN, 1, 2)
    assert part.name == "stack.ome_proj.tif" and part.dataset_id is None
    assert part.description.splitlines() == [
        f"Image's name:{STACK}", f"Image:{image}", "Projection Type: intmean", "z-sections: 2-3",
        "timepoints: 1-2",
    ]  # fmt: skip
    assert (whole.first, whole.dataset_id) == (0, 13)


def test_projections_that_cannot_be(asking: Gateway):
    image = f"image={asking.ids[STACK]}"
    for query, status in (
        ("projection=intmax", 400),
        (image, 400),
        (f"{image}&projection=normal", 400),
        (f"{image}&projection=intmax&start=x", 400),
        (f"{image}&projection=intmax&start=2&end=1", 400),
        (f"{image}&projection=intmax&end=99", 400),
        (f"image={MISSING}&projection=intmax", 404),
    ):
        path = f"/iviewer/save_projection/?{query}"
        assert asking.client.get(path, headers=AJAX).status_code == status, query


def test_other_sites_make_no_projection(gateway: Gateway):
    path = f"/iviewer/save_projection/?image={gateway.ids[STACK]}&projection=intmax"
    for headers in (
        {},
        {**AJAX, "Origin": "https://elsewhere.example"},
        {**AJAX, "Sec-Fetch-Site": "cross-site"},
    ):
        refused = gateway.client.get(path, headers=headers)
        assert refused.status_code == 403, headers
        assert refused.get_json()["message"].startswith("CSRF Failed")
