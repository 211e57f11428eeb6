"""Statistics of shapes: against values counted by hand from the planes that were written."""

import numpy as np
import pytest

from app.imaging import shape_stats
from render.shape_stats import covered
from render.shapes import Ellipse, Shape
from render.values import Region
from tests.app.conftest import Gateway
from tests.app.screened import PLANE, SCREENED

IMAGE = PLANE[0].astype(float)
#: The shapes of the file by their order.
POINT, RECTANGLE, ELLIPSE, LINE, POLYLINE, FLAT, UNREAD, LABEL, MASK = range(9)


@pytest.fixture(scope="module")
def first_shape(gateway: Gateway) -> int:
    return gateway.ids[f"{SCREENED} [one]"] << 20


def ask(gateway: Gateway, query: str, status: int = 200):
    response = gateway.client.get(f"/iviewer/shape_stats/?{query}")
    assert response.status_code == status, response.get_data(as_text=True)
    return response.get_json()


def expected(values: np.ndarray) -> dict:
    return {
        "index": 0,
        "points": values.size,
        "min": values.min(),
        "max": values.max(),
        "sum": values.sum(),
        "mean": pytest.approx(values.mean()),
        "std_dev": pytest.approx(values.std(ddof=1)),
    }


def test_values_under_shapes(gateway, first_shape):
    wanted = [first_shape + place for place in (ELLIPSE, LINE, LABEL, MASK, FLAT, UNREAD)]
    told = ask(gateway, f"ids={','.join(map(str, wanted))}&z=0&t=0&cs=0")
    assert set(told) == {str(one) for one in wanted}
    ellipse, line, label, mask, flat, unread = (told[str(one)] for one in wanted)
    y, x = np.mgrid[0:30, 0:40] + 0.5
    # It reaches over the left and the upper edge.
    inside = ((x - 5) / 7) ** 2 + ((y - 6) / 8) ** 2 <= 1
    assert ellipse == [expected(IMAGE[inside])]
    bits = np.unpackbits(np.frombuffer(b"\xaa\x55", np.uint8)).reshape(2, 8).astype(bool)
    assert mask == [expected(IMAGE[2:4, 1:9][bits])]
    # From 1,2 to 3,4.
    assert line == [expected(IMAGE[[2, 3, 4], [1, 2, 3]])]
    assert label[0]["points"] == 1 and label[0]["sum"] == IMAGE[2, 1]
    assert label[0]["std_dev"] == 0
    nothing = {"index": 0, "points": 0, "sum": 0, "min": None, "max": None, "mean": None}
    assert flat == unread == [nothing | {"std_dev": None}]


def test_large_shapes_are_read_part_by_part(gateway, first_shape, monkeypatch):
    query = f"ids=0:{first_shape + ELLIPSE}&z=0&t=0"
    whole = ask(gateway, query)
    monkeypatch.setattr(shape_stats, "_BAND_BYTES", 1)
    [parts], [one] = ask(gateway, query).values(), whole.values()
    assert {key: pytest.approx(value) for key, value in one[0].items()} == parts[0]


def test_above_the_limit_nothing_is_read(make_gateway, first_shape):
    gateway = make_gateway(max_statistics_bytes=100)
    refused = ask(gateway, f"ids={first_shape + ELLIPSE}&z=0&t=0", 413)
    assert "max_statistics_bytes" in refused["detail"]
    ask(gateway, f"ids={first_shape + MASK}&z=0&t=0")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("z=0&t=0", 400),
        ("ids=x&z=0&t=0", 400),
        ("ids=1:2:3&z=0&t=0", 400),
        (f"ids={','.join(['1'] * 1001)}&z=0&t=0", 400),
        ("ids={mask}&t=0", 400),
        ("ids={mask}&z=0&t=-1", 400),
        ("ids={mask}&z=0&t=0&cs=red", 400),
        ("ids={mask}&z=0&t=0&cs=1", 404),
        ("ids={mask}&z=5&t=0", 404),
        # It lies at section 1000.
        ("ids={point}&z=0&t=0", 404),
        ("ids={mask},987654321&z=0&t=0", 404),
    ],
)
def test_what_is_malformed_or_missing(gateway, first_shape, query, status):
    places = {"mask": first_shape + MASK, "point": first_shape + POINT}
    ask(gateway, query.format(**places), status)


def test_what_is_flattened_covers_nothing():
    flat = Shape(1, 1, 1, Ellipse(5, 5, 3, 3), transform=(1, 0, 0, 0, 0, 0))
    assert not covered(flat, Region(0, 0, 10, 10)).any()
