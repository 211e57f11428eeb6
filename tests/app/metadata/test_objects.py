"""Regions, plates, wells and the rest of the metadata: every key, every type."""

import json

import pytest

from app.metadata.plate_data import column_label, letters, plate_data, row_label
from app.metadata.roi_data import svg_path
from render.blitz.plates import choose_fields
from render.blitz.records import PlateGrid
from render.errors import TooLarge
from tests.app.conftest import STACK, Gateway
from tests.app.screened import FIRST_WELL, HARD_NAME, PLATE, SCREENED, SECOND_WELL

MISSING = 987654


@pytest.fixture(scope="module")
def ids(gateway: Gateway) -> list[int]:
    """The ids of the three images of the plate."""
    return [gateway.ids[f"{SCREENED} [{name}]"] for name in ("one", "two", "three")]


def item(gateway: Gateway, image_id: int, name: str) -> dict:
    (image,) = [image for image in all_images(gateway) if image["id"] == image_id]
    assert image == {
        "type": "Image",
        "id": image_id,
        "name": f"{SCREENED} [{name}]",
        "description": "",
        "author": "Local User",
        "date": image["date"],
        "thumb_url": f"/webgateway/render_thumbnail/{image_id}/",
    }
    assert isinstance(image["date"], float)
    return image


def all_images(gateway: Gateway) -> list[dict]:
    return [
        image
        for project in gateway.get("proj/list/").get_json()
        for dataset in gateway.get(f"proj/{project['id']}/children/").get_json()
        for image in gateway.get(f"dataset/{dataset['id']}/children/").get_json()
    ]


def test_regions_are_told_with_every_key(gateway: Gateway, ids):
    first, second = gateway.get(f"get_rois_json/{ids[0]}/").get_json()
    shape = ids[0] << 20
    assert first == {
        "id": ids[0] << 20,
        "shapes": [
            {"id": shape + 2, "type": "Ellipse", "x": 5.0, "y": 6.0, "radiusX": 7.0,
             "radiusY": 8.0},
            {"id": shape + 3, "type": "Line", "x1": 1.0, "x2": 3.0, "y1": 2.0, "y2": 4.0,
             "markerStart": "Arrow", "markerEnd": "Arrow"},
            {"id": shape + 4, "type": "PolyLine", "points": "M 1 2 L -3.5 40"},
            {"id": shape + 5, "type": "Polygon", "points": "M 1 2 L 3 4 L 5 6 z"},
            {"id": shape + 6, "type": "Polygon", "points": ""},
            {"id": shape + 7, "type": "Label", "x": 1.0, "y": 2.0, "textValue": "l"},
            {"id": shape + 1, "type": "Rectangle", "x": 1.0, "y": 2.0, "width": 3.0,
             "height": 4.5, "theZ": 999, "textValue": HARD_NAME, "fontSize": 12.0,
             "fontStyle": "Bold", "fontFamily": "serif",
             "transform": "matrix(1.0 2.0 3.0 4.0 5.0 6.0)", "fillColor": "#ff0000",
             "fillAlpha": 1.0, "strokeColor": "#0000ff", "strokeAlpha": 127 / 255,
             "strokeWidth": 2.5},
            {"id": shape, "type": "Point", "x": 1.5, "y": 2.0, "theZ": 1000, "theT": 0},
        ],
    }  # fmt: skip
    assert second["shapes"] == [
        {"id": shape + 8, "type": "Mask", "x": 1.0, "y": 2.0, "width": 8.0, "height": 2.0}
    ]


def test_an_image_without_regions_has_an_empty_list(gateway: Gateway, ids):
    assert gateway.get(f"get_rois_json/{ids[1]}/").get_json() == []
    assert gateway.get(f"get_rois_json/{MISSING}/").get_json() == []


def test_a_shape_is_told_alone_and_never_as_jsonp(gateway: Gateway, ids):
    first = gateway.get(f"get_rois_json/{ids[0]}/").get_json()[0]
    for shape in first["shapes"]:
        response = gateway.get(f"get_shape_json/{first['id']}/{shape['id']}/?callback=f")
        assert response.content_type == "application/json"
        assert response.get_json() == shape
    assert gateway.get(f"get_shape_json/{first['id']}/{MISSING}/").status_code == 404
    other = f"get_shape_json/{first['id'] + 1}/{first['shapes'][0]['id']}/"
    assert gateway.get(other).status_code == 404


def test_a_plate_is_a_grid_with_every_key(gateway: Gateway, ids):
    plate = gateway.get(f"plate/{PLATE}/").get_json()
    first = item(gateway, ids[0], "one")
    assert plate["grid"][0][0] == first | {
        "date": int(first["date"]),
        "wellId": FIRST_WELL,
        "field": 0,
    }
    assert isinstance(plate["grid"][0][0]["date"], int)
    assert plate["grid"][1][2]["id"] == ids[2]
    cells = [cell for row in plate["grid"] for cell in row]
    assert (len(plate["grid"]), len(cells), cells.count(None)) == (8, 96, 94)
    assert plate["rowlabels"] == list("ABCDEFGH")
    assert plate["collabels"] == list(range(1, 13))
    assert plate["image_sizes"] == [{"x": 40, "y": 30, "image_id": ids[0]}]


@pytest.mark.parametrize(
    ("path", "shape", "found"),
    [
        ("?layout=trim", (3, 3), [0, 2]),
        ("?layout=shrink", (3, 3), [0, 2]),
        ("1/?layout=trim", (3, 3), [1]),
        ("2/?layout=trim", (3, 3), []),
        (f"0/{1 << 20}/?layout=trim", (3, 3), [1, 2]),
        (f"1/{1 << 20}/?layout=trim", (3, 3), []),
        (f"0/{MISSING}/?layout=trim", (3, 3), []),
        (f"{'9' * 18}/", (8, 12), []),
    ],
)
def test_fields_and_runs_are_chosen(gateway: Gateway, ids, path, shape, found):
    plate = gateway.get(f"plate/{PLATE}/{path}").get_json()
    grid = plate["grid"]
    assert (len(grid), len(grid[0])) == shape
    assert [cell["id"] for row in grid for cell in row if cell] == [ids[i] for i in found]
    assert len(plate["image_sizes"]) == min(len(found), 1)


def test_the_addresses_of_thumbnails_name_the_size(gateway: Gateway, ids):
    grid = gateway.get(f"plate/{PLATE}/0/?size=48").get_json()["grid"]
    assert grid[0][0]["thumb_url"] == f"/webgateway/render_thumbnail/{ids[0]}/48/"


@pytest.mark.parametrize("query", ["layout=round", "size=x", "size=-1", "callback=a-b"])
def test_malformed_plates_are_refused(gateway: Gateway, query):
    assert gateway.get(f"plate/{PLATE}/?{query}").status_code == 400


def test_wells_list_their_images(gateway: Gateway, ids):
    first, second = gateway.get(f"well/{FIRST_WELL}/children/").get_json()
    assert first == item(gateway, ids[0], "one") | {
        "position": {
            "x": {"value": 3.5, "unit": "MICROMETER"},
            "y": {"value": -2.0, "unit": "REFERENCEFRAME"},
        }
    }
    assert second == item(gateway, ids[1], "two") | {"name": f"{SCREENED} [two] [Run: run 1]"}
    in_run = gateway.get(f"well/{SECOND_WELL}/children/?run={1 << 20}").get_json()
    assert [image["id"] for image in in_run] == [ids[2]]
    assert gateway.get(f"well/{SECOND_WELL}/children/?run={MISSING}").get_json() == []
    assert gateway.get(f"well/{SECOND_WELL}/children/?run=x").status_code == 400


def test_a_well_tells_where_it_lies(gateway: Gateway, ids):
    assert gateway.get(f"wellData/{SECOND_WELL}/").get_json() == item(gateway, ids[2], "three") | {
        "wellPos": "B3",
        "plateId": PLATE,
        "wellId": SECOND_WELL,
    }
    empty = (1 << 20) + (2 << 10) + 2
    assert gateway.get(f"well/{empty}/children/").get_json() == []
    assert gateway.get(f"wellData/{empty}/").status_code == 404


def test_images_tell_their_well(gateway: Gateway, ids):
    meta = gateway.get(f"imgData/{ids[2]}/meta/").get_json()
    assert (meta["wellSampleId"], meta["wellId"]) == (ids[2], SECOND_WELL)
    meta = gateway.get(f"imgData/{gateway.ids[STACK]}/meta/").get_json()
    assert (meta["wellSampleId"], meta["wellId"]) == ("", "")


def test_containers_are_told(gateway: Gateway):
    (project,) = gateway.get("proj/list/").get_json()
    assert gateway.get(f"proj/{project['id']}/detail/").get_json() == {
        "type": "Project", **project
    }  # fmt: skip
    for dataset in gateway.get(f"proj/{project['id']}/children/").get_json():
        count = dataset.pop("child_count")
        assert isinstance(count, int)
        assert gateway.get(f"dataset/{dataset['id']}/detail/").get_json() == dataset


def test_original_files_are_told(gateway: Gateway):
    paths = gateway.get(f"original_file_paths/{gateway.ids[STACK]}/").get_json()
    assert paths == {"repo": [STACK], "client": [STACK], "fileset": paths["fileset"]}
    assert list(paths["fileset"]) == ["id"] and isinstance(paths["fileset"]["id"], int)


def test_open_with_is_what_the_setting_says(make_gateway, gateway: Gateway):
    assert gateway.get("open_with/").get_json() == {"open_with_options": []}
    options = [{"id": "figure", "url": "/figure/new/", "supported_objects": ["images"]}]
    other = make_gateway(open_with=options)
    assert other.get("open_with/").get_json() == {"open_with_options": options}
    assert other.get("open_with/?callback=f").data.startswith(b"f({")


@pytest.mark.parametrize(
    "path",
    [
        "plate/{}/", "plate/{}/0/", "plate/{}/0/5/", "well/{}/children/", "wellData/{}/",
        "proj/{}/detail/", "dataset/{}/detail/", "original_file_paths/{}/",
        "get_shape_json/5/{}/",
    ],
)  # fmt: skip
def test_what_is_missing_is_not_found(gateway: Gateway, path):
    response = gateway.get(path.format(MISSING))
    assert response.status_code == 404
    assert str(MISSING) in response.get_json()["message"]


@pytest.mark.parametrize(
    "path", ["get_rois_json/{}/", f"plate/{PLATE}/", f"well/{FIRST_WELL}/children/"]
)
def test_answers_have_validators_and_callbacks(gateway: Gateway, ids, path):
    path = path.format(ids[0])
    response = gateway.get(path)
    etag = response.headers["ETag"]
    again = gateway.get(path, headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    wrapped = gateway.get(f"{path}?callback=jQuery1_2")
    assert wrapped.content_type == "application/javascript"
    text = wrapped.get_data(as_text=True)
    assert text.startswith("jQuery1_2(") and text.endswith(")")
    assert json.loads(text[10:-1]) == response.get_json()
    assert gateway.get(f"{path}?callback=a.b").status_code == 400


def grid(**changes) -> PlateGrid:
    values = {
        "plate_id": 1, "row_naming": None, "column_naming": None, "first_row": 2, "last_row": 8,
        "first_column": 1, "last_column": 3, "fields": (),
    } | changes  # fmt: skip
    return PlateGrid(**values)


@pytest.mark.parametrize(
    ("layout", "shape", "labels"),
    [
        ("expand", (16, 24), ("A", 1)),
        ("trim", (9, 4), ("A", 1)),
        ("shrink", (7, 3), ("C", 2)),
    ],
)
def test_layouts(layout, shape, labels):
    data = plate_data(grid(), 0, layout, "", None)
    assert (len(data["grid"]), len(data["grid"][0])) == shape
    assert (len(data["rowlabels"]), len(data["collabels"])) == shape
    assert (data["rowlabels"][0], data["collabels"][0]) == labels


def test_a_plate_without_wells_is_empty_or_as_small_as_plates_get():
    empty = grid(first_row=0, last_row=-1, first_column=0, last_column=-1)
    assert plate_data(empty, 0, "trim", "", None)["grid"] == []
    assert plate_data(empty, 0, "shrink", "", None)["grid"] == []
    assert len(plate_data(empty, 0, "expand", "", None)["grid"]) == 8


def test_a_plate_of_absurd_size_is_refused():
    with pytest.raises(TooLarge, match="wells"):
        plate_data(grid(last_row=2**31 - 1), 0, "trim", "", None)


def test_the_fields_of_wells_are_chosen_in_their_order():
    rows = [
        [2, 1, 0, 4, 102], [1, 0, 0, 7, 101], [1, 0, 0, 3, 100], [3, None, 0, 0, 103],
        [4, 0, 1, 9, 104],
    ]  # fmt: skip
    assert choose_fields(rows, 0) == [(1, 0, 0, 100), (4, 0, 1, 104), (2, 1, 0, 102)]
    assert choose_fields(rows, 1) == [(1, 0, 0, 101)]


def test_labels_follow_the_naming():
    assert [letters(i) for i in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip
    assert [row_label(1, naming) for naming in (None, "letter", "number", "Number")] == [
        "B", "B", 2, 2,
    ]  # fmt: skip
    assert [column_label(1, naming) for naming in (None, "letter", "number")] == [2, "B", 2]


def test_paths_keep_signs_and_fractions():
    assert svg_path([(-1.5, 2.0), (1e20, 0.1)]) == "M -1.5 2 L 1e+20 0.1"
    assert svg_path([]) == ""


def test_listings(gateway):
    [project] = gateway.get("proj/list/").get_json()
    assert set(project) == {"id", "name", "description"}
    [dataset, plates] = gateway.get(f"proj/{project['id']}/children/").get_json()
    assert plates["name"] == SCREENED and plates["child_count"] == 3
    assert dataset["type"] == "Dataset" and dataset["child_count"] == 3
    assert gateway.get("proj/987654/children/").get_json() == []
    items = gateway.get(f"dataset/{dataset['id']}/children/?tiled=1").get_json()
    item = next(item for item in items if item["name"] == STACK)
    assert item["thumb_url"] == f"/webgateway/render_thumbnail/{item['id']}/"
    assert item["size"] == {"width": 61, "height": 47} and item["tiled"] is False
    assert isinstance(item["date"], float)
    assert "size" not in gateway.get(f"dataset/{dataset['id']}/children/").get_json()[0]


def test_lookup_tables(gateway):
    answer = gateway.get("luts/").get_json()
    names = [table["name"] for table in answer["luts"]]
    assert names == sorted(names, key=str.lower) and "fire.lut" in names
    assert len(answer["png_luts"]) == 40 and answer["png_luts"][-1] == "gradient.png"
    assert len(answer["png_luts_new"]) == len(names) + 1
    fire = next(table for table in answer["luts"] if table["name"] == "fire.lut")
    assert answer["png_luts_new"][fire["png_index_new"]] == fire["path"] + fire["name"]
    assert "rgb" not in fire
