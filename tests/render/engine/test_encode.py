"""Files that come out: lossless ones exact, lossy ones near, wrong requests refused."""

import io

import numpy as np
import pytest
from PIL import Image

from render.engine import encode
from render.errors import BadRequest, TooLarge
from render.values import Encoding


def smooth_picture(parts=4):
    y, x = np.mgrid[:90, :130]
    picture = np.stack([x, y * 2, x + y, np.full_like(x, 7)], axis=-1).astype(np.uint8)
    return np.ascontiguousarray(picture[..., :parts])


def decoded(data):
    image = Image.open(io.BytesIO(data))
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("name", ["png", "tif"])
def test_lossless_formats_give_the_picture_back(name, parts):
    picture = smooth_picture(parts)
    np.testing.assert_array_equal(decoded(encode.encode(picture, Encoding(name))), picture[..., :3])


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("name", ["png", "tif", "jpeg", "webp"])
def test_a_picture_may_be_one_pixel_wide(name, shape):
    picture = np.full((*shape, 4), 90, np.uint8)
    got = decoded(encode.encode(picture, Encoding(name)))
    assert got.shape == (*shape, 3)
    assert abs(got.astype(int) - 90).max() < 4


@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
def test_lossy_formats_come_near(name, parts):
    if name not in encode.available_formats():
        pytest.skip(f"this Pillow cannot write {name}")
    picture = smooth_picture(parts)
    distance = decoded(encode.encode(picture, Encoding(name, 0.9))).astype(int) - picture[..., :3]
    assert np.abs(distance).mean() < 4


def test_a_jpeg_is_the_same_from_three_and_from_four_parts():
    assert encode.encode(smooth_picture(3), Encoding("jpeg")) == encode.encode(
        smooth_picture(4), Encoding("jpeg")
    )


def test_the_default_quality_has_tables_of_its_own():
    ours = encode.quantization_tables(0.85)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=85)
    integer = Image.open(io.BytesIO(file.getvalue())).quantization
    differences = np.array(integer[0]) - np.array(ours[0])
    assert set(differences.tolist()) == {0, 1}


def test_jpeg_is_baseline_with_halved_colour():
    data = encode.encode(smooth_picture(), Encoding("jpeg", 0.9))
    start = data.index(b"\xff\xc0")
    assert data[start + 9] == 3
    assert data[start + 11] == 0x22


@pytest.mark.parametrize("quality", [-0.1, 1.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_an_impossible_quality_is_refused(name, quality):
    with pytest.raises(BadRequest) as caught:
        encode.encode(smooth_picture(), Encoding(name, quality))
    assert caught.value.parameter == "q"


def test_an_unknown_format_is_refused_with_the_choices():
    with pytest.raises(BadRequest, match=r"bmp.*jpeg, png"):
        encode.encode(smooth_picture(), Encoding("bmp"))


@pytest.mark.parametrize(
    ("name", "side", "told"),
    [
        ("webp", 16384, "webp holds at most 16383 .* format=png or format=tif can hold it"),
        ("png", 1_000_001, "png holds at most 1000000 .* format=tif can hold it"),
    ],
)
@pytest.mark.parametrize("is_wide", [True, False])
def test_a_side_that_the_format_cannot_hold_is_too_large(name, side, told, is_wide):
    shape = (1, side, 4) if is_wide else (side, 1, 4)
    with pytest.raises(TooLarge, match=told):
        encode.encode(np.zeros(shape, np.uint8), Encoding(name))


def test_a_see_through_picture_that_png_cannot_hold_is_too_large():
    encode.encode_transparent(np.zeros((1, 1_000_000, 4), np.uint8))
    with pytest.raises(TooLarge, match="png holds at most 1000000"):
        encode.encode_transparent(np.zeros((1, 1_000_001, 4), np.uint8))


def test_arrays_keep_their_type_and_byte_order():
    plane = np.arange(12).reshape(3, 4).astype(">i2")
    loaded = np.load(io.BytesIO(encode.encode_array(plane, "npy")))
    assert loaded.dtype == plane.dtype
    np.testing.assert_array_equal(loaded, plane)
    assert encode.encode_array(plane, "raw") == plane.tobytes()
    with pytest.raises(BadRequest, match="npy, raw"):
        encode.encode_array(plane, "csv")
