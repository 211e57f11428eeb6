"""OME-Zarr of each version, layout and order of axes."""

import json

import numpy as np
import pytest
import zarr

from imageserver.readers.base import Access, OutsideFolder, UnreadableFile

from .conftest import assert_planes, noise

TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_ome_zarr(
    path, levels, axes, version, *, scale=None, omero=None, name="", **array_options
):
    """Write a multiscale group; `levels` are arrays in the order of `axes`."""
    zarr_format = 3 if version == "0.5" else 2
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    datasets = []
    for number, level in enumerate(levels):
        options = {
            "chunks": tuple(
                min(16, n) if a in "yx" else 1 for a, n in zip(axes, level.shape, strict=True)
            )
        }
        options.update(array_options)
        array = group.create_array(str(number), shape=level.shape, dtype=level.dtype, **options)
        array[...] = level
        steps = scale or [1.0] * len(axes)
        datasets.append(
            {
                "path": str(number),
                "coordinateTransformations": [{"type": "scale", "scale": steps}],
            }
        )
    multiscale = {
        "datasets": datasets,
        "name": name,
        "axes": [
            {"name": a, "type": TYPES[a], **({"unit": "nanometer"} if a in "zyx" else {})}
            for a in axes
        ],
    }
    if version == "0.5":
        content = {"version": version, "multiscales": [multiscale]}
        group.attrs["ome"] = {**content, **({"omero": omero} if omero else {})}
    else:
        group.attrs["multiscales"] = [{**multiscale, "version": version}]
        if omero:
            group.attrs["omero"] = omero


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["tczyx", "czyx", "zyx", "cyx", "yx", "tyx", "yxc", "xy", "zcyx"])
def test_versions_and_axes(folder, open_image, version, axes):
    sizes = {"t": 2, "c": 2, "z": 3, "y": 40, "x": 50}
    levels = [
        noise(tuple(sizes[a] // (1 + i) if a in "yx" else sizes[a] for a in axes), "uint16", i)
        for i in range(2)
    ]
    path = folder / "a.zarr"
    write_ome_zarr(path, levels, axes, version)
    file = open_image(path)
    assert file.series[0].levels == ((50, 40), (25, 20))
    full = "".join(a for a in "tczyx" if a in axes)
    for number, level in enumerate(levels):
        ordered = level.transpose([axes.index(a) for a in full])
        shape = [level.shape[axes.index(a)] if a in axes else 1 for a in "tczyx"]
        assert_planes(file, ordered.reshape(shape), level=number)


@pytest.mark.parametrize(
    ("dtype", "pixel_type"),
    [
        ("bool", "uint8"), ("int8", "int8"), ("uint8", "uint8"), ("int16", "int16"),
        ("uint16", "uint16"), (">u2", "uint16"), ("int32", "int32"), ("uint32", "uint32"),
        ("int64", "double"), ("float32", "float"), ("float64", "double"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_pixel_types(folder, open_image, dtype, pixel_type, version):
    data = noise((20, 30), dtype.lstrip(">")).astype(dtype)
    write_ome_zarr(folder / "a.zarr", [data], "yx", version)
    file = open_image(folder / "a.zarr")
    assert file.series[0].pixel_type == pixel_type
    assert_planes(file, data[None, None, None])


def test_sharded_array_with_chunks_over_channels(folder, open_image):
    data = noise((3, 64, 64), "uint16")
    write_ome_zarr(folder / "a.zarr", [data], "cyx", "0.5", chunks=(3, 16, 16), shards=(3, 64, 64))
    access = Access(folder.resolve())
    file = open_image(folder / "a.zarr", access)
    file.read(0, 0, 0, 1, 0, 20, 20, 8, 8)
    file.read(0, 0, 0, 2, 0, 20, 20, 8, 8)
    assert access.segments.decoded == 1
    assert_planes(file, data[None, :, None])


def test_only_the_chunks_under_the_rectangle_are_read(folder, open_image):
    data = noise((2, 64, 64), "uint16")
    write_ome_zarr(folder / "a.zarr", [data], "cyx", "0.4")
    for chunk in (folder / "a.zarr" / "0").glob("*"):
        if chunk.is_dir() or chunk.name.startswith("."):
            continue
        if chunk.name not in ("0.1.1", "0.1.2"):
            chunk.write_bytes(b"broken")
    file = open_image(folder / "a.zarr")
    np.testing.assert_array_equal(file.read(0, 0, 0, 0, 0, 20, 18, 20, 10), data[0, 18:28, 20:40])
    with pytest.raises(UnreadableFile):
        file.read(0, 0, 0, 0, 0, 0, 0, 10, 10)


def test_missing_chunks_are_the_fill_value(folder, open_image):
    path = folder / "a.zarr"
    write_ome_zarr(path, [np.zeros((64, 64), "uint8")], "yx", "0.4", fill_value=3)
    (path / "0" / "0.0").unlink(missing_ok=True)
    assert open_image(path).read(0, 0, 0, 0, 0, 0, 0, 4, 4).tolist() == [[3] * 4] * 4


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_metadata(folder, open_image, version):
    omero = {
        "channels": [
            {"label": "DAPI", "color": "0000FF", "window": {"start": 0, "end": 9}},
            {"label": "GFP", "color": "00FF0080"},
        ]
    }
    write_ome_zarr(
        folder / "a.zarr", [noise((2, 20, 30), "uint8")], "cyx", version,
        scale=[1.0, 500.0, 250.0], omero=omero, name="liver",
    )  # fmt: skip
    series = open_image(folder / "a.zarr").series[0]
    assert series.name == "liver"
    assert (series.physical_size_x, series.physical_size_y) == (0.25, 0.5)
    assert [channel.name for channel in series.channels] == ["DAPI", "GFP"]
    assert [channel.color for channel in series.channels] == [(0, 0, 255, 255), (0, 255, 0, 128)]


def test_several_images_as_bioformats2raw_writes_them(folder, open_image):
    first, second = noise((20, 30), "uint8", 1), noise((10, 12), "uint16", 2)
    path = folder / "a.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    write_ome_zarr(path / "0", [first], "yx", "0.4")
    write_ome_zarr(path / "1", [second], "yx", "0.4")
    (path / "OME").mkdir()
    (path / "OME" / "METADATA.ome.xml").write_text(
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0" Name="one"><Pixels SizeX="30" SizeY="20" PhysicalSizeX="0.5">'
        '<Channel Name="A"/></Pixels></Image>'
        '<Image ID="Image:1" Name="two"><Pixels SizeX="12" SizeY="10"/></Image></OME>'
    )
    file = open_image(path)
    assert [series.name for series in file.series] == ["one", "two"]
    assert file.series[0].physical_size_x == 0.5
    assert file.series[0].channels[0].name == "A"
    assert_planes(file, first[None, None, None])
    assert_planes(file, second[None, None, None], series=1)


def test_fields_of_a_plate_are_images(folder, open_image):
    path = folder / "plate.zarr"
    root = zarr.open_group(path, mode="w", zarr_format=2)
    root.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
    for well in ("A/1", "B/2"):
        group = root.create_group(well)
        group.attrs["well"] = {"images": [{"path": "0"}, {"path": "1"}]}
        for field in ("0", "1"):
            write_ome_zarr(path / well / field, [noise((10, 10), "uint8")], "yx", "0.4")
    names = [series.name for series in open_image(path).series]
    assert names == ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]


def test_a_zarr_without_images_is_unreadable(folder, open_image):
    zarr.open_group(folder / "a.zarr", mode="w", zarr_format=3)
    with pytest.raises(UnreadableFile, match="multiscale"):
        open_image(folder / "a.zarr")
    (folder / "b.zarr").mkdir()
    with pytest.raises(UnreadableFile):
        open_image(folder / "b.zarr")


def test_no_path_and_no_link_leads_outside(folder, tmp_path, open_image):
    data = noise((16, 16), "uint8")
    write_ome_zarr(tmp_path / "secret.zarr", [data], "yx", "0.4")
    path = folder / "a.zarr"
    write_ome_zarr(path, [data], "yx", "0.4")
    chunk = path / "0" / "0.0"
    chunk.unlink()
    chunk.symlink_to(tmp_path / "secret.zarr" / "0" / "0.0")
    with pytest.raises(OutsideFolder):
        open_image(path).read(0, 0, 0, 0, 0, 0, 0, 4, 4)

    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = "../../secret.zarr/0"
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(UnreadableFile):
        open_image(path)

    linked = folder / "linked.zarr"
    linked.mkdir()
    for name in (".zattrs", ".zgroup"):
        (linked / name).symlink_to(tmp_path / "secret.zarr" / name)
    with pytest.raises(UnreadableFile):
        open_image(linked)


def test_an_empty_array_is_unreadable(folder, make_catalog):
    write_ome_zarr(
        folder / "a.zarr", [np.zeros((0, 16, 16), "uint8")], "cyx", "0.4", chunks=(1, 16, 16)
    )
    (image,) = make_catalog().images()
    assert image.problem
