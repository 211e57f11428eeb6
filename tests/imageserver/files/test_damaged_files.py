"""Files damaged at random places end as a sentence or as pixels, never as another error."""

import random

import imagecodecs
import pytest
import tifffile

from imageserver.pixels import PixelBuffer
from imageserver.readers import all_readers, reader_for
from imageserver.readers.base import Access, UnreadableFile, check_series

from .conftest import noise
from .test_zarr_reader import write_ome_zarr


def read_everything(path, access) -> None:
    """Open and read as the catalog does, raising nothing but UnreadableFile."""
    reader = reader_for(path, all_readers())
    try:
        file = reader.open(path, access)
    except UnreadableFile:
        raise
    except Exception as error:
        # The scan takes any error of opening for an unreadable file.
        raise UnreadableFile(str(error)) from error
    try:
        check_series(file)
        for number, series in enumerate(file.series):
            if series.size_x * series.size_y * series.size_c > 1_000_000:
                continue
            buffer = PixelBuffer(
                series.pixel_type, (series.size_z, series.size_c, series.size_t), series.levels,
                (series.tile_width, series.tile_height),
                lambda *arguments, number=number, file=file: file.read(number, *arguments),
            )  # fmt: skip
            for level, (width, height) in enumerate(series.levels):
                for c in range(series.size_c):
                    buffer.read(level, 0, c, 0, 0, 0, width, height)
    finally:
        file.close()


def make(folder, kind):
    if kind == "zarr":
        write_ome_zarr(folder / "a.zarr", [noise((2, 40, 50), "uint16")], "cyx", "0.4")
        return folder / "a.zarr"
    if kind == "png":
        (folder / "a.png").write_bytes(imagecodecs.png_encode(noise((40, 50, 3), "uint8")))
        return folder / "a.png"
    if kind == "jpg":
        (folder / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(noise((40, 50, 3), "uint8")))
        return folder / "a.jpg"
    path = folder / "a.ome.tif"
    options = {"tile": (32, 32), "compression": None if kind == "plain" else "zlib"}
    with tifffile.TiffWriter(path) as writer:
        data = noise((2, 80, 100), "uint16")
        writer.write(data, subifds=1, metadata={"axes": "CYX"}, photometric="minisblack", **options)
        writer.write(data[:, ::2, ::2], subfiletype=1, photometric="minisblack", **options)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "zlib", "png", "jpg", "zarr"])
def test_random_damage(folder, kind):
    path = make(folder, kind)
    access = Access(folder.resolve())
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    whole = {file: file.read_bytes() for file in files}
    dice = random.Random(1)
    unreadable = 0
    for _ in range(120):
        file = dice.choice(files)
        content = bytearray(whole[file])
        # Headers lie at either end, and are where damage hurts most.
        span = min(len(content), 600)
        start = dice.choice([0, len(content) - span, dice.randrange(len(content))])
        for _ in range(dice.randrange(1, 6)):
            content[(start + dice.randrange(span)) % len(content)] = dice.randrange(256)
        if dice.random() < 0.2:
            content = content[: dice.randrange(len(content))]
        file.write_bytes(content)
        access.descriptors.forget(file.resolve())
        try:
            read_everything(path.resolve(), access)
        except UnreadableFile as error:
            unreadable += 1
            assert str(error)
        file.write_bytes(whole[file])
    assert unreadable > 5
    access.descriptors.forget(path.resolve())
    read_everything(path.resolve(), access)
