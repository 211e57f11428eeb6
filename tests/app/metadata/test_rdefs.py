"""Stored settings through HTTP: saved, listed, copied and reset; outdated pictures are gone."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pytest

from app.web import parts_of
from render.blitz.renderer import Renderer
from render.deadline import Deadline
from render.engine.defaults import default_rendering
from tests.app.apart import server_apart
from tests.app.conftest import (
    FLAT,
    PYRAMID,
    STACK,
    Gateway,
    ImageServer,
    decoded,
)
from tests.app.screened import PLATE

TWIN = "twin.ome.tif"
ALL_OF_STACK = "c=1|100:1500$FF8000,-2|7:900$cool.lut&m=c&z=2&t=2"


@pytest.fixture(scope="module")
def image_server(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageServer]:
    with server_apart(image_server, tmp_path_factory, twin=STACK) as server:
        yield server


@pytest.fixture
def gateway(make_gateway) -> Gateway:
    # Whatever is remembered is remembered for longer than a test takes.
    return make_gateway(image_info_max_age_s=1000)


def post(gateway: Gateway, path: str, **form):
    response = gateway.client.post(f"/webgateway/{path}", data=form)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json(force=True)


def save(gateway: Gateway, name: str, settings: str):
    return post(gateway, f"saveImgRDef/{gateway.ids[name]}/?{settings}")


def reset(gateway: Gateway, *names: str):
    return post(gateway, "resetRDef/", toids=[gateway.ids[name] for name in names])


def channels(gateway: Gateway, name: str) -> list[dict]:
    return gateway.get(f"imgData/{gateway.ids[name]}/").get_json()["channels"]


def test_a_thumbnail_at_hand_is_not_given_for_older_settings(gateway):
    reset(gateway, STACK)
    path = f"render_thumbnail/{gateway.ids[STACK]}/34/"
    before = [gateway.get(path) for _ in range(3)][2]
    assert before.headers["X-Cache"] == "hit"
    assert save(gateway, STACK, ALL_OF_STACK) is True
    after = gateway.get(path, headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200 and after.data != before.data
    reset(gateway, STACK)


def test_of_two_who_save_at_once_one_is_told_to_look_again(gateway, monkeypatch):
    # What both find, and change.
    save(gateway, STACK, ALL_OF_STACK)
    use_settings = Renderer.use_settings

    def use_settings_too_late(renderer, definition, deadline):
        monkeypatch.setattr(Renderer, "use_settings", use_settings)
        save(gateway, STACK, ALL_OF_STACK.replace("100:1500", "200:1600"))
        use_settings(renderer, definition, deadline)

    monkeypatch.setattr(Renderer, "use_settings", use_settings_too_late)
    path = f"/webgateway/saveImgRDef/{gateway.ids[STACK]}/?{ALL_OF_STACK}"
    answer = gateway.client.post(path)
    assert answer.status_code == 409
    told = answer.get_json()
    assert (told["type"], "Retry-After" in answer.headers) == ("conflict", False)
    assert told["detail"] == (
        "somebody else changed the same settings during the step 'save rendering settings'; "
        "load them again and then save"
    )
    window = channels(gateway, STACK)[0]["window"]
    assert (window["start"], window["end"]) == (200.0, 1600.0)
    # Who saves again counts on what is there now.
    assert gateway.client.post(path).status_code == 200
    assert channels(gateway, STACK)[0]["window"]["start"] == 100.0


def test_what_is_saved_is_told_and_drawn_at_once(gateway):
    image = gateway.ids[STACK]
    reset(gateway, STACK)
    paths = (f"render_image/{image}/", f"render_thumbnail/{image}/", f"render_image/{image}/1/1/")
    before = [gateway.get(path) for path in paths]
    maps = [
        {
            "inverted": {"enabled": True},
            "quantization": {"family": "exponential", "coefficient": 1.4},
        },
        {},
    ]
    saved = save(gateway, STACK, f"{ALL_OF_STACK}&maps={quote(json.dumps(maps))}")
    assert saved is True
    told = gateway.get(f"imgData/{image}/").get_json()
    assert (told["rdefs"]["defaultZ"], told["rdefs"]["defaultT"]) == (1, 1)
    first, second = told["channels"]
    assert (first["window"]["start"], first["window"]["end"], first["color"]) == (
        100.0,
        1500.0,
        "FF8000",
    )
    assert first["inverted"] and (first["family"], first["coefficient"]) == ("exponential", 1.4)
    assert not second["active"] and second["lut"] == "cool.lut"
    assert second["window"]["start"] == 7.0
    for path, old in zip(paths, before, strict=True):
        # Not even to one that says it holds the old one.
        new = gateway.get(path, headers={"If-None-Match": old.headers["ETag"]})
        assert new.status_code == 200 and new.headers["ETag"] != old.headers["ETag"]
        assert not np.array_equal(decoded(new), decoded(old))
        assert gateway.get(path).headers["ETag"] == new.headers["ETag"]
    complete = f"render_image/{image}/1/1/?c=1|100:1500$FF8000&m=c&maps=[{json.dumps(maps[0])}]"
    assert np.array_equal(gateway.picture(complete), gateway.picture(f"render_image/{image}/"))


def test_what_no_address_tells_does_not_show_in_a_picture_that_is_kept_unasked(gateway):
    image = gateway.ids[STACK]
    reset(gateway, STACK)
    told = '{"inverted": {"enabled": false}, "quantization": {"family": "linear"}}'
    kept = f"render_image/{image}/1/1/?c=1|100:1500$FF8000&m=c&maps=[{told}]"
    asked = f"render_image/{image}/1/1/?c=1|100:1500$FF8000&m=c"
    # Panes are of all channels in colour, whatever the model: that one is not told here either.
    panes = f"render_split_channel/{image}/1/1/?c=1|100:1500$FF8000&maps=[{told}]"
    paths = (kept, asked, panes)
    before = [gateway.get(path) for path in paths]
    # Another client of OMERO stores what no client of ours can.
    parts = parts_of(gateway.app).get()
    deadline = Deadline.after(30)
    session = parts.source.session(parts.own_credentials, deadline)
    info = session.image_info(image, deadline)
    stored = info.rendering_definition or default_rendering(info, [(0, 1000)] * info.size_c)
    noisy = tuple(replace(binding, noise_reduction=True) for binding in stored.bindings)
    session.save_definition(
        info,
        replace(stored, bindings=noisy, cd_start=40, cd_end=200, bit_resolution=127),
        deadline,
    )
    parts.freshness.touch([image])
    after = [gateway.get(path) for path in paths]
    assert "max-age" in after[0].headers["Cache-Control"]
    assert after[0].data == before[0].data
    for new, old in zip(after[1:], before[1:], strict=True):
        assert "no-cache" in new.headers["Cache-Control"]
        assert new.data != old.data
    reset(gateway, STACK)


def test_defaults_are_told_as_ever_and_come_back_by_a_reset(gateway):
    image = gateway.ids[STACK]
    reset(gateway, STACK)
    default = gateway.get(f"imgData/{image}/").get_json()
    save(gateway, STACK, ALL_OF_STACK)
    assert gateway.get(f"imgData/{image}/").get_json() != default
    assert gateway.get(f"imgData/{image}/?getDefaults=true").get_json() == default
    assert reset(gateway, STACK) == [image]
    assert gateway.get(f"imgData/{image}/").get_json() == default
    assert post(gateway, "applyOwnersRDef/", toids=[image], to_type="image") == [image]


def test_channels_that_are_not_listed_stay_as_they_were(gateway):
    save(gateway, STACK, ALL_OF_STACK)
    save(gateway, STACK, "c=2|1:2$00FF00&m=g")
    first, second = channels(gateway, STACK)
    assert first["active"] and first["window"]["start"] == 100.0
    assert second["active"] and second["color"] == "00FF00" and "lut" not in second
    told = gateway.get(f"imgData/{gateway.ids[STACK]}/").get_json()["rdefs"]
    assert (told["model"], told["defaultZ"]) == ("greyscale", 1)
    # QuPath always lists three.
    assert save(gateway, STACK, "c=1|0:5$FF0000,2|0:5$00FF00,3|0:5$0000FF&m=c") is True
    assert [c["window"]["end"] for c in channels(gateway, STACK)] == [5.0, 5.0]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("m=c", "Rendering settings must specify channels as c"),
        ("c=1$FF0000&m=c", "Must specify window for each channel"),
        ("c=1|0:9&m=c", "Must specify color for each channel"),
        (
            "c=1|0:9$FF0000",
            'Query parameter "m" must be present with value either "g" or "c"',
        ),
        ("c=1|0:9$FF0000&m=c&maps=no", "Failed to parse maps JSON"),
        ("c=1|0:9$FF0000&m=c&maps=[{},{}]", 'Number of "maps" must match number of channels'),
        ("c=1|0:inf$FF0000&m=c", "a window to be saved has two finite numbers"),
        ("c=1|0:9$FF0000&m=c&z=6", "z=6 is none of 1 to 5"),
        ("c=1|0:9$FF0000&m=c&t=0", "t=0 is none of 1 to 2"),
    ],
)
def test_what_cannot_be_saved_is_refused(gateway, settings, reason):
    before = channels(gateway, STACK)
    path = f"/webgateway/saveImgRDef/{gateway.ids[STACK]}/?{settings}"
    response = gateway.client.post(path)
    assert (response.status_code, response.get_json()["message"]) == (400, reason)
    assert channels(gateway, STACK) == before


def test_old_viewers_send_a_form_and_want_a_script(gateway):
    image = gateway.ids[STACK]
    path = f"/webclient/saveImgRDef/{image}/?callback=jQuery1_2"
    response = gateway.client.post(path, data={"c": "1|3:44$0000FF,-2|1:2$00FF00", "m": "c"})
    assert response.data == b"jQuery1_2(true)"
    assert response.content_type == "application/javascript"
    assert response.headers["Cache-Control"] == "no-store"
    assert channels(gateway, STACK)[0]["window"]["end"] == 44.0
    response = gateway.client.post(f"/webgateway/saveImgRDef/{image}?c=&m=c")
    assert (response.data, response.content_type) == (b"true", "application/javascript")
    response = gateway.client.post(f"/webgateway/saveImgRDef/{image}/?c=&m=c&callback=a.b")
    assert response.status_code == 400
    assert gateway.client.post("/webgateway/saveImgRDef/987654/?c=&m=c").data == b"false"


@pytest.mark.parametrize(
    "path", ["webgateway/saveImgRDef/1/", "webclient/saveImgRDef/1/", "webgateway/resetRDef/",
             "webgateway/applyOwnersRDef/"]
)  # fmt: skip
def test_a_get_changes_nothing(gateway, path):
    response = gateway.client.get(f"/{path}")
    assert response.status_code == 405
    assert {"POST", "OPTIONS"} == set(response.headers["Allow"].split(", "))


def test_other_sites_cannot_have_a_browser_save(gateway):
    path = f"/webgateway/saveImgRDef/{gateway.ids[STACK]}/?c=&m=c"
    headers = {"Origin": "http://elsewhere.example.org"}
    assert gateway.client.post(path, headers=headers).status_code == 403


def test_all_definitions_are_listed(gateway):
    image = gateway.ids[STACK]
    save(gateway, STACK, ALL_OF_STACK)
    [rdef] = gateway.get(f"get_image_rdefs_json/{image}/").get_json()["rdefs"]
    assert rdef["owner"] == {"id": 2, "firstName": "Local", "lastName": "User"}
    assert (rdef["z"], rdef["t"], rdef["model"]) == (1, 1, "rgb")
    first, second = rdef["c"]
    assert first == {
        "active": True,
        "start": 100.0,
        "end": 1500.0,
        "color": "FF8000",
        "inverted": False,
        "reverseIntensity": False,
        "family": "linear",
        "coefficient": 1.0,
        "rgb": {"red": 255, "green": 128, "blue": 0},
    }
    assert second["lut"] == "cool.lut" and not second["active"]
    thumbnail = gateway.get(f"render_thumbnail/{image}/?rdefId={rdef['id']}")
    assert thumbnail.headers["ETag"] == gateway.get(f"render_thumbnail/{image}/").headers["ETag"]
    missing = gateway.get("get_image_rdefs_json/987654/")
    assert (missing.status_code, missing.get_json()) == (200, {"error": "No image with id 987654"})


def test_settings_are_copied_within_one_client(gateway):
    image = gateway.ids[STACK]
    save(gateway, STACK, ALL_OF_STACK)
    other = gateway.serving.connect()
    assert gateway.get("getImgRDef/").get_json() == {"rdef": None}
    maps = [{"inverted": {"enabled": True}}, {}]
    sent = f"imageId={image}&q=0.9&pixel_range=0:65535&m=c&p=normal&ia=0&c=1|1:2$F00,-2"
    assert gateway.get(f"copyImgRDef/?{sent}&maps={quote(json.dumps(maps))}").get_json() is True
    assert gateway.get("getImgRDef/").get_json() == {
        "rdef": {
            "c": "1|1:2$F00,-2",
            "maps": maps,
            "pixel_range": "0:65535",
            "m": "c",
            "imageId": image,
        }
    }
    assert gateway.client.get("/webclient/7/getImgRDef/").get_json()["rdef"]["m"] == "c"
    assert other.get("/webgateway/getImgRDef/").get_json() == {"rdef": None}
    assert gateway.get(f"copyImgRDef/?fromid={image}").get_json() is True
    assert gateway.get("getImgRDef/").get_json() == {
        "rdef": {
            "c": "1|100.0:1500.0$FF8000,-2|7.0:900.0$cool.lut",
            "m": "color",
            "pixel_range": "0:65535",
            "maps": [
                {
                    "inverted": {"enabled": False},
                    "quantization": {"coefficient": 1.0, "family": "linear"},
                }
            ]
            * 2,
        }
    }
    gateway.get("copyImgRDef/?fromid=987654")
    assert gateway.get("getImgRDef/").get_json() == {"rdef": None}
    response = gateway.get("copyImgRDef/")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    too_long = gateway.client.post("/webgateway/copyImgRDef/", data={"c": "1," * 40_000})
    assert too_long.status_code == 413


def test_what_was_copied_is_given_to_images_and_containers(gateway):
    image, twin, flat = (gateway.ids[name] for name in (STACK, TWIN, FLAT))
    reset(gateway, STACK, TWIN, FLAT)
    save(gateway, STACK, ALL_OF_STACK)
    assert channels(gateway, TWIN)[0]["color"] != "FF8000"
    gateway.get(f"copyImgRDef/?fromid={image}")
    told = post(gateway, "copyImgRDef/", toids=[image, twin, flat], to_type="image")
    assert told == {"true": [twin], "false": [flat], "True": [twin], "False": [flat]}
    assert channels(gateway, TWIN) == channels(gateway, STACK)
    # The whole folder, by settings in the request, which win over the image remembered.
    dataset = gateway.get(f"imgData/{image}/meta.datasetId/").get_json()
    sent = f"m=c&p=normal&ia=0&c=1|5:6$00FF00,2|7:8$0000FF&imageId={image}"
    told = post(gateway, f"copyImgRDef/?{sent}", toids=dataset, to_type="dataset", dataType="json")
    assert told["True"] == [twin] and flat in told["False"]
    for name in (STACK, TWIN):
        assert [c["window"]["start"] for c in channels(gateway, name)] == [5.0, 7.0]
    # To another image only: the source has its own again afterwards.
    told = post(gateway, f"copyImgRDef/?c=1|50:60$00FF00&imageId={image}", toids=twin)
    assert told["true"] == [twin]
    assert channels(gateway, TWIN)[0]["window"]["start"] == 50.0
    assert channels(gateway, STACK)[0]["window"]["start"] == 5.0


def test_without_a_source_nothing_is_copied(gateway):
    twin = gateway.ids[TWIN]
    assert post(gateway, "copyImgRDef/", toids=twin) is False
    assert post(gateway, "copyImgRDef/?fromid=987654", toids=twin) is False
    gateway.get("copyImgRDef/?c=1|0:1$F00")
    assert post(gateway, "copyImgRDef/", toids=twin) is False
    for path, form in (
        ("copyImgRDef/?fromid=1", {"toids": "x"}),
        ("resetRDef/", {}),
        ("resetRDef/", {"toids": "1", "to_type": "folder"}),
        ("applyOwnersRDef/", {"toids": [str(i) for i in range(5001)]}),
    ):
        response = gateway.client.post(f"/webgateway/{path}", data=form)
        assert response.status_code == 400, path
    response = gateway.client.post("/webgateway/resetRDef/", data={"toids": "987654"})
    assert response.status_code == 404


def test_images_of_the_same_kind_in_the_project_are_found(gateway):
    response = gateway.get(f"compatImgRDef/{gateway.ids[STACK]}/")
    assert response.get_json(force=True) == [gateway.ids[TWIN]]
    assert response.content_type == "application/javascript"
    assert gateway.get("compatImgRDef/987654/?callback=f").data == b"f(false)"
    assert gateway.get(f"compatImgRDef/{gateway.ids[PYRAMID]}/").data == b"[]"
    assert gateway.get("compatImgRDef/1/?callback=1").status_code == 400


def test_a_reset_of_a_container_outdates_all_its_images(gateway):
    dataset = gateway.get(f"imgData/{gateway.ids[STACK]}/meta.datasetId/").get_json()
    for name in (STACK, TWIN):
        save(gateway, name, ALL_OF_STACK)
    before = [channels(gateway, name) for name in (STACK, TWIN)]
    changed = post(gateway, "resetRDef/", toids=dataset, to_type="dataset")
    listed = gateway.get(f"dataset/{dataset}/children/").get_json()
    assert set(changed) == {image["id"] for image in listed}
    after = [channels(gateway, name) for name in (STACK, TWIN)]
    assert all(old != new for old, new in zip(before, after, strict=True))


def test_plates_and_their_acquisitions_are_containers_too(gateway):
    grid = gateway.get(f"plate/{PLATE}/").get_json()["grid"]
    wells = [cell["wellId"] for row in grid for cell in row if cell]
    images = {
        field["id"] for well in wells for field in gateway.get(f"well/{well}/children/").get_json()
    }
    assert set(post(gateway, "resetRDef/", toids=PLATE, to_type="plate")) == images
    source = min(images)
    gateway.get(f"copyImgRDef/?fromid={source}")
    told = post(gateway, "copyImgRDef/", toids=PLATE, to_type="plate")
    assert {*told["true"], *told["false"], source} == images


def test_another_host_sees_it_within_the_time_stated(make_gateway):
    max_age_s = 0.5
    here, there = (make_gateway(image_info_max_age_s=max_age_s) for _ in range(2))
    path = f"render_thumbnail/{here.ids[STACK]}/"
    reset(here, STACK)
    until = time.monotonic() + max_age_s
    while there.get(path).headers["ETag"] != here.get(path).headers["ETag"]:
        # Asked often, so that what is known never gets the time to age by itself.
        assert time.monotonic() < until + 10
    before = here.get(path).headers["ETag"]
    save(here, STACK, ALL_OF_STACK)
    assert here.get(path).headers["ETag"] != before
    saved_s = time.monotonic()
    while there.get(path).headers["ETag"] == before:
        # Beyond it, time for one answer on a busy machine.
        assert time.monotonic() - saved_s < max_age_s + 5
        time.sleep(0.02)


def test_the_public_user_stores_nothing(make_gateway, image_server):
    public = make_gateway(
        omero_host="127.0.0.1",
        omero_port=image_server.port,
        omero_transport="tcp",
        omero_user="local",
        omero_password="local",
    )
    image = public.ids[STACK]
    for path in (f"saveImgRDef/{image}/?c=&m=c", "resetRDef/", "applyOwnersRDef/", "copyImgRDef/"):
        response = public.client.post(f"/webgateway/{path}", data={"toids": str(image)})
        assert response.status_code == 403, path
    assert public.get(f"copyImgRDef/?fromid={image}").get_json() is True
