"""PNG and JPEG of each kind."""

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from imageserver.readers.base import Access, UnreadableFile

from .conftest import assert_planes, noise


@pytest.mark.parametrize("samples", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png(folder, open_image, samples, dtype):
    data = noise((40, 50, samples), dtype)
    path = folder / "a.png"
    path.write_bytes(imagecodecs.png_encode(data if samples > 1 else data[..., 0]))
    file = open_image(path)
    assert file.series[0].pixel_type == dtype
    assert_planes(file, np.moveaxis(data, -1, 0)[None, :, None])


def test_png_with_palette_becomes_colours(folder, open_image):
    picture = Image.new("P", (20, 10))
    picture.putpalette([10, 20, 30, 200, 100, 50])
    picture.putpixel((3, 4), 1)
    picture.save(folder / "a.png")
    file = open_image(folder / "a.png")
    assert [int(file.read(0, 0, 0, c, 0, 3, 4, 1, 1)[0, 0]) for c in range(3)] == [200, 100, 50]
    assert [int(file.read(0, 0, 0, c, 0, 0, 0, 1, 1)[0, 0]) for c in range(3)] == [10, 20, 30]


def test_png_with_a_transparent_colour_has_alpha(folder, open_image):
    picture = Image.new("RGB", (20, 10), (1, 2, 3))
    picture.save(folder / "a.png", transparency=(1, 2, 3))
    file = open_image(folder / "a.png")
    assert file.series[0].size_c == 4
    assert file.read(0, 0, 0, 3, 0, 0, 0, 1, 1)[0, 0] == 0


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_grey_png_has_one_channel(folder, open_image, mode):
    picture = Image.fromarray(noise((10, 20), "uint16" if mode == "I;16" else "uint8"))
    if mode == "1":
        picture = picture.convert("1")
    picture.save(folder / "a.png")
    file = open_image(folder / "a.png")
    assert file.series[0].size_c == 1
    expected = np.asarray(picture)
    if mode == "1":
        expected = expected.astype("uint8") * 255
    assert_planes(file, expected[None, None, None])


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg(folder, open_image, mode):
    smooth = np.kron(noise((5, 6, 3), "uint8"), np.ones((16, 16, 1))).astype("uint8")
    Image.fromarray(smooth).convert(mode).save(folder / "a.JPG", format="JPEG", quality=95)
    with Image.open(folder / "a.JPG") as picture:
        decoded = np.asarray(picture if mode == "L" else picture.convert("RGB"))
    decoded = decoded.reshape(*decoded.shape[:2], -1)
    assert_planes(open_image(folder / "a.JPG"), np.moveaxis(decoded, -1, 0)[None, :, None])


def test_a_picture_is_decoded_once_for_all_tiles(folder, open_image):
    (folder / "a.png").write_bytes(imagecodecs.png_encode(noise((40, 50, 3), "uint8")))
    access = Access(folder.resolve())
    file = open_image(folder / "a.png", access)
    for c in range(3):
        file.read(0, 0, 0, c, 0, 10, 10, 20, 20)
    assert access.segments.decoded == 1


def test_broken_pictures_are_unreadable(folder, open_image):
    (folder / "a.png").write_bytes(b"not a png")
    with pytest.raises(UnreadableFile):
        open_image(folder / "a.png")
    (folder / "b.jpg").write_bytes(b"")
    with pytest.raises(UnreadableFile):
        open_image(folder / "b.jpg")
    whole = imagecodecs.png_encode(noise((100, 100), "uint8"))
    (folder / "c.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFile):
        open_image(folder / "c.png").read(0, 0, 0, 0, 0, 0, 0, 4, 4)


def test_a_picture_too_large_to_decode_whole_is_refused(folder, open_image):
    header = imagecodecs.png_encode(np.zeros((8, 8), "uint8"))
    size = (12_000).to_bytes(4, "big")
    wide = bytearray(header)
    wide[16:24] = (60_000).to_bytes(4, "big") + size
    import zlib

    wide[29:33] = zlib.crc32(bytes(wide[12:29])).to_bytes(4, "big")
    (folder / "a.png").write_bytes(bytes(wide))
    with pytest.raises(UnreadableFile):
        open_image(folder / "a.png")
