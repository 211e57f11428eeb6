"""What OMERO.figure asks for: its image data, regions of large images padded outside, counts."""

import io

import numpy as np
import pytest
from PIL import Image

from app.imaging.scaled_regions import frame_of
from app.parsing.figure_params import parse_scaled_region
from render.errors import BadRequest
from render.values import Region
from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway
from tests.app.samples import image
from tests.app.screened import FIRST_WELL, HARD_NAME, PLATE, SCREENED

MISSING = 987654
GREY = 221


def ask(gateway: Gateway, path: str, status: int = 200):
    response = gateway.client.get(f"/figure/{path}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def draw(gateway: Gateway, path: str) -> np.ndarray:
    response = gateway.client.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)
    return np.asarray(Image.open(io.BytesIO(response.data)).convert("RGB"))


def region(gateway: Gateway, name: str, query: str) -> np.ndarray:
    path = f"/figure/render_scaled_region/{gateway.ids[name]}/0/0/?format=png&{query}"
    return draw(gateway, path)


def plain(gateway: Gateway, name: str, query: str) -> np.ndarray:
    path = f"/webgateway/render_image_region/{gateway.ids[name]}/0/0/?format=png&{query}"
    return draw(gateway, path)


def test_image_data_is_img_data_with_units_times_and_parents(gateway: Gateway):
    image_id = gateway.ids[STACK]
    data = ask(gateway, f"imgData/{image_id}/")
    plain_data = gateway.get(f"imgData/{image_id}/").get_json()
    parents = data.pop("parents")
    assert data.pop("deltaT") == [0.0, 0.0]
    assert data == plain_data
    assert set(parents) == {"experimenter", "project", "dataset", "image"}
    assert parents["image"] == {"id": image_id, "name": STACK}
    assert parents["experimenter"]["name"] == "Local User"
    screened = ask(gateway, f"imgData/{gateway.ids[f'{SCREENED} [one]']}/")["parents"]
    assert screened["plate"] == {"id": PLATE, "name": HARD_NAME}
    assert screened["well"] == {"id": FIRST_WELL, "label": "A1"}
    assert screened["screen"]["name"] == "drugs"
    ask(gateway, f"imgData/{MISSING}/", 404)


def test_a_region_inside_is_the_picture_itself(gateway: Gateway):
    found = region(gateway, FLAT, "region=10,5,30,20")
    assert np.array_equal(found, plain(gateway, FLAT, "region=10,5,30,20"))


def test_what_lies_outside_is_light_grey(gateway: Gateway):
    found = region(gateway, FLAT, "region=-20,-10,130,60")
    assert found.shape == (60, 130, 3)
    whole = plain(gateway, FLAT, "region=0,0,100,40")
    assert np.array_equal(found[10:50, 20:120], whole)
    outside = np.ones(found.shape[:2], bool)
    outside[10:50, 20:120] = False
    assert (found[outside] == GREY).all()
    far = region(gateway, FLAT, "region=1000,1000,8,4")
    assert far.shape == (4, 8, 3) and (far == GREY).all()


def test_a_large_region_comes_from_a_smaller_level(gateway: Gateway):
    settings = "c=1|0:2000$FF0000,2|0:2000$00FF00&m=c"
    found = region(gateway, PYRAMID, f"region=0,0,700,600&max_size=400&{settings}")
    assert found.shape == (300, 350, 3)
    assert np.array_equal(found, plain(gateway, PYRAMID, f"tile=1,0,0,350,300&{settings}"))
    full = region(gateway, PYRAMID, f"region=0,0,700,600&{settings}")
    assert full.shape == (600, 700, 3)


def test_a_projection_is_projected(gateway: Gateway):
    settings = "c=1|0:4000$FF0000&m=c&p=intmax|0:3"
    found = region(gateway, STACK, f"region=0,0,61,47&{settings}")
    path = f"/webgateway/render_image/{gateway.ids[STACK]}/0/0/?format=png&{settings}"
    assert np.array_equal(found, draw(gateway, path))


def test_the_level_is_the_finest_that_is_small_enough():
    def framed(side: int, text: str) -> tuple[int, Region]:
        query = {"region": text, "max_size": str(side)}
        return frame_of(image(), parse_scaled_region(12, 0, 0, query, 0.9))

    assert framed(101, "0,0,100,80") == (0, Region(0, 0, 100, 80))
    assert framed(100, "0,0,100,80") == (1, Region(0, 0, 50, 40))
    assert framed(2, "-9,4.5,100,80") == (2, Region(-3, 1, 25, 20))
    assert framed(2000, "1.7,1,0.2,0.2") == (0, Region(1, 1, 1, 1))


@pytest.mark.parametrize(
    "query",
    [{}, {"region": "1,2,3"}, {"region": "1,2,3,x"}, {"region": "1,2,3,0"},
     {"region": "1,2,nan,4"}, {"region": "1,2,1e12,4"}, {"region": "0,0,9,9", "max_size": "0"},
     {"region": "0,0,9,9", "max_size": "x"}, {"region": "0,0,9,9", "format": "npy"},
     {"region": "0,0,9,9", "rot": "90"}, {"region": "0,0,9,9", "flip": "h"}],
)  # fmt: skip
def test_malformed_regions_are_refused(query):
    with pytest.raises(BadRequest):
        parse_scaled_region(12, 0, 0, query, 0.9)


def test_too_large_a_region_names_the_limit(gateway: Gateway):
    path = f"/figure/render_scaled_region/{gateway.ids[FLAT]}/0/0/?region=0,0,90000,90000"
    response = gateway.client.get(path)
    assert response.status_code == 413
    assert "max_output_pixels" in response.get_json()["detail"]


def test_regions_are_counted_and_rectangles_listed(gateway: Gateway):
    image_id = gateway.ids[f"{SCREENED} [one]"]
    assert ask(gateway, f"roiCount/{image_id}/") == {"roi": 2}
    assert ask(gateway, f"roiCount/{image_id}/?shapes=true") == {"roi": 2, "shape": 9}
    told = ask(gateway, f"roiRectangles/{image_id}/?limit=10")
    assert told["meta"] == {"totalCount": 1}
    (roi,) = told["data"]
    assert [shape["Width"] for shape in roi["shapes"]] == [3.0]
    assert ask(gateway, f"roiRectangles/{MISSING}/")["data"] == []


def test_old_figures_hear_of_each_image_that_is_there(gateway: Gateway):
    stack, flat = gateway.ids[STACK], gateway.ids[FLAT]
    asked = f"image={stack}&image={flat}&image={MISSING}"
    assert ask(gateway, f"timestamps/?{asked}") == {str(stack): [0.0, 0.0], str(flat): []}
    assert ask(gateway, f"z_scale/?{asked}") == {}
    types = ask(gateway, f"pixels_type/?{asked}")
    assert types[str(stack)] == {"pixelsType": "uint16", "pixel_range": [0, 65535]}
    assert types[str(flat)]["pixelsType"] == "uint8"
    ask(gateway, "timestamps/?image=x", 400)


def test_a_projection_that_is_too_large_is_said_to_be(gateway: Gateway):
    for path in ("5/", "5/0/", "5/0/0/?p=intmax|0:9"):
        found = draw(gateway, f"/figure/max_projection_range_exceeded/{path}")
        assert found.shape == (256, 256, 3)
        # Light letters in the middle, on a dark ground.
        assert found[:90].max() < 30 and found[110:146].max() > 200


def test_figures_in_a_list_have_a_thumbnail(gateway: Gateway):
    stack = draw(gateway, f"/figure/render_thumbnail/{gateway.ids[STACK]}/")
    assert np.array_equal(
        stack, draw(gateway, f"/webgateway/render_thumbnail/{gateway.ids[STACK]}/")
    )
    # The image may have been deleted since.
    missing = gateway.client.get(f"/figure/render_thumbnail/{MISSING}/")
    assert missing.status_code == 200 and missing.content_type == "image/png"


def test_to_whom_images_belong(gateway: Gateway):
    flat, stack = gateway.ids[FLAT], gateway.ids[STACK]
    told = ask(gateway, f"images_details/?image={stack},{flat},{MISSING}")["data"]
    assert [(one["id"], one["name"]) for one in told] == [(stack, STACK), (flat, FLAT)]
    details = gateway.client.get(f"/api/v0/m/images/{flat}/").get_json()["data"]["omero:details"]
    owner, group = details["owner"], details["group"]
    assert told[1]["group"] == {"id": group["@id"], "name": group["Name"]}
    assert told[1]["owner"] == {
        "id": owner["@id"], "firstName": owner["FirstName"], "lastName": owner["LastName"],
    }  # fmt: skip
    assert ask(gateway, "images_details/?image=")["data"] == []
    ask(gateway, "images_details/?image=1,x", 400)


def test_lengths_in_other_units(gateway: Gateway):
    told = ask(gateway, "unit_conversion/0.5/MILLIMETER/MICROMETER/")
    assert told == {"value": 500.0, "unit": "MICROMETER", "symbol": "µm"}
    assert ask(gateway, "unit_conversion/2/INCH/MILLIMETER/")["value"] == pytest.approx(50.8)
    assert ask(gateway, "unit_conversion/3/ANGSTROM/NANOMETER/")["value"] == pytest.approx(0.3)
    for wrong in ("x/MICROMETER/METER", "nan/MICROMETER/METER", "1/SECOND/METER", "1/METER/PIXEL"):
        ask(gateway, f"unit_conversion/{wrong}/", 400)
