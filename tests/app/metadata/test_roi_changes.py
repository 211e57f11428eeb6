"""Regions of interest that viewers draw: saved, changed and deleted, and seen by all at once."""

import json
from collections.abc import Iterator

import pytest

from tests.app.apart import server_apart
from tests.app.conftest import FLAT, STACK, Gateway, ImageServer
from tests.app.screened import SCREENED

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
PIXELS = {"@type": "TBD#LengthI", "Unit": "PIXEL", "Symbol": "px", "Value": 2}
#: As OMERO.iviewer sends them.
RECTANGLE = {
    "@type": f"{OME}Rectangle",
    "X": 4,
    "Y": 5.5,
    "Width": 20,
    "Height": 10,
    "FillColor": -256,
    "StrokeColor": 16776960,
    "StrokeWidth": PIXELS,
    "FontSize": {"@type": "TBD#LengthI", "Unit": "POINT", "Symbol": "pt", "Value": 10},
    "FontStyle": "normal",
    "FontFamily": "sans-serif",
    "Text": 'a "b" \U0001f52c',
    "TheZ": 1,
    "TheT": 0,
    "Area": 200,
    "Length": 60,
    "oldId": "-1:-1",
}
POLYGON = {
    "@type": f"{OME}Polygon",
    "Points": "1,2 3.5,4 5,1",
    "StrokeColor": -1,
    "TheC": -1,
    "Transform": {
        "@type": f"{OME}AffineTransform",
        "A00": 1,
        "A10": 0,
        "A01": 0,
        "A11": 1,
        "A02": 2,
        "A12": 3,
    },
    "oldId": "-2:-2",
}
ELLIPSE = {"@type": f"{OME}Ellipse", "X": 9, "Y": 9, "RadiusX": 3, "RadiusY": 2, "oldId": "-3:-3"}
ARROW = {
    "@type": f"{OME}Line",
    "X1": 0,
    "Y1": 1,
    "X2": 2,
    "Y2": 3,
    "MarkerEnd": "Arrow",
    "oldId": "-4:-4",
}
POLYLINE = {"@type": f"{OME}Polyline", "Points": "0,0 4,4", "oldId": "-5:-5"}
POINT = {"@type": f"{OME}Point", "X": 3, "Y": 4, "oldId": "-6:-6"}
LABEL = {"@type": f"{OME}Label", "X": 3, "Y": 4, "Text": "here", "oldId": "-7:-7"}
ALL = [RECTANGLE, POLYGON, ELLIPSE, ARROW, POLYLINE, POINT, LABEL]


@pytest.fixture(scope="module")
def image_server(
    image_server: ImageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageServer]:
    with server_apart(image_server, tmp_path_factory) as server:
        yield server


@pytest.fixture
def gateway(make_gateway) -> Gateway:
    return make_gateway(image_info_max_age_s=1000)


def persist(gateway: Gateway, name: str, status: int = 200, **rois):
    body = json.dumps({"imageId": gateway.ids[name], "rois": rois})
    # The address as OMERO.iviewer writes it.
    response = gateway.client.post("/iviewer/persist_rois", data=body)
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def listed(gateway: Gateway, name: str) -> list[dict]:
    found = gateway.client.get(f"/api/v0/m/rois/?image={gateway.ids[name]}").get_json()
    assert found["meta"]["totalCount"] == len(found["data"])
    return found["data"]


def ids_of(name: str) -> tuple[int, int]:
    roi_id, _, shape_id = name.partition(":")
    return int(roi_id), int(shape_id)


def test_what_is_drawn_is_told_as_it_was_sent(gateway, make_gateway):
    told = persist(gateway, FLAT, count=7, new=ALL)
    assert "errors" not in told and set(told["ids"]) == {shape["oldId"] for shape in ALL}
    # Another process, which has just been asked for the image, and its data.
    other = make_gateway(image_info_max_age_s=1000)
    rois = {roi["@id"]: roi for roi in listed(other, FLAT)}
    assert len(rois) == len(ALL)
    for sent in ALL:
        roi_id, shape_id = ids_of(told["ids"][sent["oldId"]])
        roi = rois[roi_id]
        [shape] = roi["shapes"]
        assert shape["@id"] == shape_id and shape["@type"] == sent["@type"]
        kept = {key: value for key, value in sent.items() if key not in NOT_KEPT}
        kept |= {k: v | {"Symbol": "pixel"} for k, v in kept.items() if k == "StrokeWidth"}
        assert {key: without_ids(shape[key]) for key in kept} == kept
        assert "TheC" not in shape
        for thing in (roi, shape):
            permissions = thing["omero:details"]["permissions"]
            assert permissions["canEdit"] and permissions["canDelete"]
            assert thing["omero:details"]["owner"]["UserName"] == "local"
    data = other.client.get(f"/iviewer/image_data/{other.ids[FLAT]}/").get_json()
    assert data["roi_count"] == len(ALL)


NOT_KEPT = ("oldId", "Area", "Length", "TheC")


def without_ids(value):
    if not isinstance(value, dict):
        return value
    return {k: v for k, v in value.items() if k not in ("@id", "omero:details")}


def test_shapes_are_changed_and_deleted(gateway):
    before = listed(gateway, STACK)
    ids = persist(gateway, STACK, new=[RECTANGLE, ELLIPSE])["ids"]
    names = list(ids.values())
    roi_id, shape_id = ids_of(ids["-1:-1"])
    thumbnail = f"render_roi_thumbnail/{roi_id}/"
    etag = gateway.get(thumbnail).headers["ETag"]
    moved = RECTANGLE | {"@id": shape_id, "oldId": ids["-1:-1"], "X": 8, "Text": "moved"}
    del moved["TheZ"], moved["FillColor"]
    assert persist(gateway, STACK, modified=[moved]) == {"ids": {ids["-1:-1"]: ids["-1:-1"]}}
    [shape] = next(roi for roi in listed(gateway, STACK) if roi["@id"] == roi_id)["shapes"]
    assert (shape["X"], shape["Text"]) == (8.0, "moved")
    # What is not sent any more is not set any more.
    assert "TheZ" not in shape and "FillColor" not in shape
    changed = gateway.get(thumbnail)
    assert changed.headers["ETag"] != etag
    assert gateway.get(thumbnail, headers={"If-None-Match": etag}).status_code == 200
    deleted = {str(ids_of(name)[0]): [name] for name in names}
    first, second = deleted
    told = persist(
        gateway, STACK, empty_rois={first: deleted[first]}, deleted={second: deleted[second]}
    )
    assert told == {"ids": {name: name for name in names}}
    assert gateway.get(thumbnail).status_code == 404
    # Taking the last shape leaves the region, as in OMERO; emptying it does not.
    [left] = [roi for roi in listed(gateway, STACK) if roi not in before]
    assert left["@id"] == int(second) and not left.get("shapes")
    assert persist(gateway, STACK, empty_rois={second: None}) == {"ids": {}}
    assert listed(gateway, STACK) == before


def test_regions_of_files_are_not_changed(gateway):
    name = f"{SCREENED} [one]"
    [first, *_] = listed(gateway, name)
    shape = first["shapes"][2]
    assert not shape["omero:details"]["permissions"]["canEdit"]
    assert not first["omero:details"]["permissions"]["canDelete"]
    place = f"{first['@id']}:{shape['@id']}"
    for rois in (
        {"modified": [shape | {"oldId": place}]},
        {"deleted": {str(first["@id"]): [place]}},
        {"empty_rois": {str(first["@id"]): [place]}},
    ):
        assert "not yours" in persist(gateway, name, 403, **rois)["detail"]
    # What comes before the refusal stays, and is told.
    told = persist(gateway, name, new=[POINT], modified=[shape | {"oldId": place}])
    assert list(told["ids"]) == ["-6:-6"] and "not yours" in told["errors"][0]
    roi_id, _ = ids_of(told["ids"]["-6:-6"])
    persist(gateway, name, empty_rois={str(roi_id): []})
    assert [roi["@id"] for roi in listed(gateway, name)] == [first["@id"], first["@id"] + 1]


def test_regions_of_another_image_are_not_there(gateway):
    name = persist(gateway, FLAT, new=[POINT])["ids"]["-6:-6"]
    roi_id, shape_id = ids_of(name)
    for rois in (
        {"modified": [POINT | {"@id": shape_id, "oldId": name}]},
        {"deleted": {str(roi_id): [name]}},
        {"empty_rois": {str(roi_id): [name]}},
    ):
        persist(gateway, STACK, 404, **rois)
    as_ellipse = ELLIPSE | {"@id": shape_id, "oldId": name}
    assert "cannot become" in persist(gateway, FLAT, 400, modified=[as_ellipse])["detail"]
    persist(gateway, FLAT, empty_rois={str(roi_id): [name]})
    persist(gateway, FLAT, 404, empty_rois={str(roi_id): [name]})


@pytest.mark.parametrize(
    ("rois", "said"),
    [
        ({"new": 5}, "no list"),
        ({"new": [5]}, "JSON object"),
        ({"new": [POINT | {"@type": "Point"}]}, "OME's schema"),
        ({"new": [POINT | {"@type": f"{OME}Star"}]}, "Star cannot be drawn"),
        ({"new": [POINT | {"@type": f"{OME}Mask", "Width": 2, "Height": 3}]}, "Mask"),
        ({"new": [POINT | {"X": None}]}, "lacks X"),
        ({"new": [POINT | {"X": "5"}]}, "X is no number"),
        ({"new": [POINT | {"X": float("nan")}]}, "X is no number"),
        ({"new": [POINT | {"X": 10**400}]}, "X is no number"),
        ({"new": [ELLIPSE | {"RadiusX": -1}]}, "below 0"),
        ({"new": [POINT | {"FillColor": 2**31}]}, "32 bits"),
        ({"new": [POINT | {"TheZ": 0.5}]}, "32 bits"),
        ({"new": [POINT | {"Text": 5}]}, "no text"),
        ({"new": [POINT | {"Locked": 1}]}, "true nor false"),
        ({"new": [POINT | {"StrokeWidth": 5}]}, "unit"),
        ({"new": [POINT | {"StrokeWidth": PIXELS | {"Unit": "FURLONG"}}]}, "unit"),
        ({"new": [POINT | {"Transform": {"@type": f"{OME}AffineTransform"}}]}, "A00"),
        ({"new": [POLYGON | {"Points": "1,2 x"}]}, "points"),
        ({"new": [POLYGON | {"Points": "1,2 1e999,3"}]}, "points"),
        ({"new": [POINT | {"oldId": 5}]}, "oldId"),
        ({"modified": [POINT]}, "@id"),
        ({"deleted": {"x": []}}, "by region"),
        ({"deleted": {"5": ["6:7"]}}, "no shape of region 5"),
        ({"empty_rois": {"5": 7}}, "by region"),
    ],
)
def test_nonsense_is_refused_and_nothing_is_saved(gateway, rois, said):
    before = listed(gateway, STACK)
    both = {"new": [RECTANGLE, *rois.pop("new")]} if isinstance(rois.get("new"), list) else {}
    assert said in persist(gateway, STACK, 400, **rois, **both)["detail"]
    assert listed(gateway, STACK) == before


def test_bodies_that_are_no_request(gateway):
    for body, status in ((b"{", 400), (b"[]", 400), (b"[" * 10**5, 400), (b" " * 9 * 2**20, 413)):
        assert gateway.client.post("/iviewer/persist_rois/", data=body).status_code == status
    assert gateway.client.get("/iviewer/persist_rois/").status_code == 405
    gateway.ids["missing"] = 987654
    persist(gateway, "missing", 404, new=[POINT])


def test_other_sites_save_nothing(gateway):
    response = gateway.client.post(
        "/iviewer/persist_rois/", data=b"{}", headers={"Origin": "https://elsewhere.example"}
    )
    assert response.status_code == 403
    assert response.get_json()["message"].startswith("CSRF Failed")
