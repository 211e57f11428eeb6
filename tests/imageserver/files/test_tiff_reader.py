"""TIFF files in a matrix of layouts: every plane, by tiles, equals what was written."""

import numpy as np
import pytest
import tifffile

from imageserver.readers.base import MAX_SEGMENT_BYTES, Access, OutsideFolder, UnreadableFile

from .conftest import assert_planes, noise

PIXEL_TYPES = {
    "bool": "uint8",
    "int8": "int8",
    "uint8": "uint8",
    "int16": "int16",
    "uint16": "uint16",
    "int32": "int32",
    "uint32": "uint32",
    "uint64": "double",
    "float16": "float",
    "float32": "float",
    "float64": "double",
}


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("layout", [{"tile": (32, 48)}, {"rowsperstrip": 17}, {}])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_layouts_and_compressions(folder, open_image, compression, layout, byteorder):
    data = noise((2, 75, 101), "uint16")
    path = folder / "a.tif"
    tifffile.imwrite(
        path, data, compression=compression, byteorder=byteorder, metadata=None,
        photometric="minisblack", **layout,
    )  # fmt: skip
    assert_planes(open_image(path), data[:, None, None])


@pytest.mark.parametrize("dtype", PIXEL_TYPES)
@pytest.mark.parametrize("layout", [{"tile": (32, 32), "compression": "zlib"}, {}])
def test_pixel_types(folder, open_image, dtype, layout):
    data = noise((40, 70), dtype)
    path = folder / "a.tif"
    tifffile.imwrite(path, data, metadata=None, photometric="minisblack", **layout)
    file = open_image(path)
    assert file.series[0].pixel_type == PIXEL_TYPES[dtype]
    assert file.series[0].significant_bits == (1 if dtype == "bool" else None)
    assert_planes(file, data[None, None, None])


@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_predictors(folder, open_image, predictor, dtype):
    data = noise((50, 60), dtype)
    path = folder / "a.tif"
    tifffile.imwrite(path, data, tile=(32, 32), compression="zlib", predictor=predictor)
    assert_planes(open_image(path), data[None, None, None])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 13}])
@pytest.mark.parametrize("samples", [3, 4])
def test_samples_become_channels(folder, open_image, planar, compression, layout, samples):
    data_cyx = noise((samples, 50, 66), "uint8")
    path = folder / "a.tif"
    written = data_cyx if planar == "separate" else np.moveaxis(data_cyx, 0, -1)
    tifffile.imwrite(
        path, written, photometric="rgb", planarconfig=planar, compression=compression,
        metadata=None, **layout,
    )  # fmt: skip
    file = open_image(path)
    assert [c.name for c in file.series[0].channels] == ["Red", "Green", "Blue", "Alpha"][:samples]
    assert_planes(file, data_cyx[None, :, None])


@pytest.mark.parametrize(
    "axes", ["TZCYX", "CYX", "ZCYX", "CTZYX", "YX", "TYX", "ZTCYX", "TZYXS", "ZCYXS"]
)
def test_ome_tiff_axes_in_any_order(folder, open_image, axes):
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 40, "X": 56, "S": 3}
    data = noise(tuple(sizes[a] for a in axes), "uint8")
    path = folder / "a.ome.tif"
    tifffile.imwrite(
        path, data, metadata={"axes": axes}, tile=(16, 16), compression="zlib",
        photometric="rgb" if "S" in axes else "minisblack",
    )  # fmt: skip
    full = "".join(a for a in "TCSZYX" if a in axes)
    ordered = data.transpose([axes.index(a) for a in full])
    shape = [sizes[a] if a in axes else 1 for a in "TCSZYX"]
    ordered = ordered.reshape(shape[0], shape[1] * shape[2], *shape[3:])
    assert_planes(open_image(path), ordered)


def test_imagej_hyperstack(folder, open_image):
    data_tzcyx = noise((2, 3, 2, 30, 44), "uint16")
    path = folder / "a.tif"
    tifffile.imwrite(
        path, data_tzcyx, imagej=True, resolution=(4.0, 2.0),
        metadata={"axes": "TZCYX", "spacing": 1.5, "unit": "um"},
    )  # fmt: skip
    file = open_image(path)
    series = file.series[0]
    sizes = (series.physical_size_x, series.physical_size_y, series.physical_size_z)
    assert sizes == (0.25, 0.5, 1.5)
    assert_planes(file, data_tzcyx.transpose(0, 2, 1, 3, 4))


@pytest.mark.parametrize(
    ("name", "metadata"), [("a.ome.tif", {"axes": "CYX"}), ("a.tif", {"axes": "CYX"})]
)
def test_pyramid_in_subifds(folder, open_image, name, metadata):
    levels = [noise((2, 128 >> i, 200 >> i), "uint16", seed=i) for i in range(3)]
    path = folder / name
    with tifffile.TiffWriter(path) as writer:
        options = {"tile": (32, 32), "compression": "zstd", "photometric": "minisblack"}
        writer.write(levels[0], subifds=2, metadata=metadata, **options)
        for level in levels[1:]:
            writer.write(level, subfiletype=1, **options)
    file = open_image(path)
    assert file.series[0].levels == ((200, 128), (100, 64), (50, 32))
    for number, level in enumerate(levels):
        assert_planes(file, level[None, :, None], level=number)


@pytest.mark.parametrize("subfiletype", [0, 1])
def test_pyramid_as_pages(folder, open_image, subfiletype):
    levels = [noise((128 >> i, 192 >> i, 3), "uint8", seed=i) for i in range(3)]
    path = folder / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for i, level in enumerate(levels):
            writer.write(
                level, tile=(32, 32), photometric="rgb", metadata=None,
                subfiletype=subfiletype if i else 0,
            )  # fmt: skip
    file = open_image(path)
    assert len(file.series) == 1
    assert file.series[0].levels == ((192, 128), (96, 64), (48, 32))
    for number, level in enumerate(levels):
        assert_planes(file, np.moveaxis(level, -1, 0)[None, :, None], level=number)


def test_jpeg_compression_is_what_tifffile_decodes(folder, open_image):
    random = np.random.default_rng(0)
    smooth = np.kron(random.integers(0, 255, (9, 12, 3), dtype=np.uint8), np.ones((16, 16, 1)))
    data = smooth.astype(np.uint8)
    path = folder / "a.tif"
    tifffile.imwrite(
        path, data, photometric="rgb", compression="jpeg", compressionargs={"level": 90},
        tile=(64, 64), metadata=None,
    )  # fmt: skip
    decoded = tifffile.imread(path)
    assert np.abs(decoded.astype(int) - data).mean() < 10
    assert_planes(open_image(path), np.moveaxis(decoded, -1, 0)[None, :, None])


@pytest.mark.parametrize("compression", ["jpeg2000", "webp", "jpegxl", "png", "lzma"])
def test_lossless_image_codecs(folder, open_image, compression):
    data = noise((70, 90, 3), "uint8")
    path = folder / "a.tif"
    options = {"lossless": True} if compression == "webp" else {}
    if compression in ("jpeg2000", "jpegxl"):
        options = {"level": 0} if compression == "jpeg2000" else {"lossless": True}
    tifffile.imwrite(
        path, data, photometric="rgb", compression=compression, compressionargs=options,
        tile=(32, 32), metadata=None,
    )  # fmt: skip
    np.testing.assert_array_equal(tifffile.imread(path), data)
    assert_planes(open_image(path), np.moveaxis(data, -1, 0)[None, :, None])


def test_several_images_in_one_file(folder, open_image):
    first, second = noise((30, 40), "uint8"), noise((3, 20, 50), "uint16")
    path = folder / "a.ome.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(first, metadata={"axes": "YX", "Name": "one"}, photometric="minisblack")
        writer.write(second, metadata={"axes": "ZYX", "Name": "two"}, photometric="minisblack")
    file = open_image(path)
    assert [series.name for series in file.series] == ["one", "two"]
    assert_planes(file, first[None, None, None])
    assert_planes(file, second[None, None], series=1)


def test_white_is_zero_is_turned_round(folder, open_image):
    data = noise((20, 30), "uint8")
    path = folder / "a.tif"
    tifffile.imwrite(path, data, photometric="miniswhite", metadata=None)
    assert_planes(open_image(path), 255 - data[None, None, None])


def test_ome_metadata(folder, open_image):
    data = noise((2, 20, 30), "uint16")
    path = folder / "a.ome.tif"
    tifffile.imwrite(
        path, data, photometric="minisblack",
        metadata={
            "axes": "CYX",
            "Name": "liver",
            "Description": "section 3",
            "SignificantBits": 12,
            "AcquisitionDate": "2011-10-20T15:07:14",
            "PhysicalSizeX": 250.0, "PhysicalSizeXUnit": "nm",
            "PhysicalSizeY": 0.0005, "PhysicalSizeYUnit": "mm",
            "Channel": {
                "Name": ["DAPI", "GFP"],
                "Color": [65535, -16776961],
                "EmissionWavelength": [461.0, 0.509],
                "EmissionWavelengthUnit": ["nm", "µm"],
                "ExcitationWavelength": [358.0, 488.0],
            },
        },
    )  # fmt: skip
    series = open_image(path).series[0]
    assert (series.name, series.description) == ("liver", "section 3")
    assert (series.physical_size_x, series.physical_size_y) == (0.25, 0.5)
    assert series.physical_size_z is None
    assert series.significant_bits == 12
    assert series.acquired_at_s == 1319123234.0
    assert [channel.name for channel in series.channels] == ["DAPI", "GFP"]
    assert [channel.color for channel in series.channels] == [(0, 0, 255, 255), (255, 0, 0, 255)]
    assert [channel.emission_wave for channel in series.channels] == [461.0, 509.0]
    assert [channel.excitation_wave for channel in series.channels] == [358.0, 488.0]


def test_objective_of_ome_xml(folder, open_image):
    path = folder / "a.ome.tif"
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Instrument ID="Instrument:0"><Objective ID="Objective:0" NominalMagnification="20"/>'
        '<Objective ID="Objective:1" NominalMagnification="63.0"/></Instrument>'
        '<Image ID="Image:0" Name="x"><ObjectiveSettings ID="Objective:1"/><Pixels ID="Pixels:0" '
        'DimensionOrder="XYCZT" Type="uint8" SizeX="8" SizeY="8" SizeC="1" SizeZ="1" SizeT="1">'
        '<Channel ID="Channel:0:0"/><TiffData IFD="0"/></Pixels></Image></OME>'
    )
    tifffile.imwrite(path, np.zeros((8, 8), "uint8"), description=xml, metadata=None)
    assert open_image(path).series[0].nominal_magnification == 63.0


def test_only_the_tiles_under_the_rectangle_are_read(folder, open_image):
    data = noise((4, 512, 512), "uint16")
    path = folder / "a.ome.tif"
    tifffile.imwrite(
        path, data, tile=(64, 64), compression="zlib", metadata={"axes": "ZYX"},
        photometric="minisblack",
    )  # fmt: skip
    access = Access(folder.resolve())
    file = open_image(path, access)
    assert access.segments.decoded == 0
    file.read(0, 0, 2, 0, 0, 60, 60, 10, 10)
    assert access.segments.decoded == 4
    assert access.descriptors.bytes_read < 5 * 64 * 64 * 2
    file.read(0, 0, 2, 0, 0, 0, 0, 64, 64)
    assert access.segments.decoded == 4


def test_only_the_rows_under_the_rectangle_are_read_of_plain_data(folder, open_image):
    path = folder / "a.tif"
    data = tifffile.memmap(path, shape=(3000, 60000), dtype="uint16", photometric="minisblack")
    data[1234, 50000:50010] = 7
    data.flush()
    access = Access(folder.resolve())
    block = open_image(path, access).read(0, 0, 0, 0, 0, 50000, 1230, 10, 10)
    assert block[4].tolist() == [7] * 10
    assert block.sum() == 70
    assert access.descriptors.bytes_read == 10 * 10 * 2


def test_samples_of_one_tile_are_decoded_once(folder, open_image):
    path = folder / "a.tif"
    tifffile.imwrite(
        path, noise((64, 64, 3), "uint8"), tile=(64, 64), photometric="rgb", compression="zlib"
    )
    access = Access(folder.resolve())
    file = open_image(path, access)
    for c in range(3):
        file.read(0, 0, 0, c, 0, 0, 0, 64, 64)
    assert access.segments.decoded == 1


def test_sparse_tiles_are_empty(folder, open_image):
    path = folder / "a.tif"

    def tiles():
        yield np.full((64, 64), 5, "uint8")
        for _ in range(3):
            yield None

    tifffile.imwrite(path, tiles(), shape=(128, 128), dtype="uint8", tile=(64, 64), metadata=None)
    expected = np.zeros((128, 128), "uint8")
    expected[:64, :64] = 5
    assert_planes(open_image(path), expected[None, None, None])


@pytest.mark.parametrize("keep", [0, 4, 100, 0.5, 0.97])
def test_truncated_file_is_unreadable(folder, open_image, keep):
    path = folder / "a.tif"
    tifffile.imwrite(path, noise((200, 200), "uint16"), rowsperstrip=50)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(int(size * keep) if isinstance(keep, float) else keep)
    with pytest.raises(UnreadableFile):
        open_image(path)


def test_damaged_tile_is_an_unreadable_file_and_the_others_are_read(folder, open_image):
    path = folder / "a.tif"
    data = noise((64, 128), "uint8")
    tifffile.imwrite(path, data, tile=(64, 64), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[1]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 64)
    file = open_image(path)
    np.testing.assert_array_equal(file.read(0, 0, 0, 0, 0, 0, 0, 64, 64), data[:, :64])
    with pytest.raises(UnreadableFile):
        file.read(0, 0, 0, 0, 0, 64, 0, 64, 64)


def test_strips_too_large_to_decode_are_refused(folder, open_image):
    path = folder / "a.tif"
    side = 24000
    assert side * side > MAX_SEGMENT_BYTES
    tifffile.imwrite(
        path, iter([b"\x00" * 16]), shape=(side, side), dtype="uint8", rowsperstrip=side,
        compression="zlib", metadata=None,
    )  # fmt: skip
    with pytest.raises(UnreadableFile, match="too large"):
        open_image(path)


def test_complex_samples_are_unreadable(folder, open_image):
    path = folder / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), "complex64"))
    with pytest.raises(UnreadableFile, match="pixel type"):
        open_image(path)


def test_set_of_ome_tiffs_is_read_across_files(folder, open_image):
    first, second = noise((20, 30), "uint8", 1), noise((20, 30), "uint8", 2)
    write_set(folder, {"a.ome.tif": first, "b.ome.tif": second})
    file = open_image(folder / "a.ome.tif")
    assert [path.name for path in file.paths] == ["a.ome.tif", "b.ome.tif"]
    assert_planes(file, np.stack([first, second])[:, None, None])


def test_ome_xml_cannot_lead_outside_the_folder(folder, tmp_path, open_image):
    outside = tmp_path / "secret.ome.tif"
    tifffile.imwrite(outside, noise((20, 30), "uint8"))
    for name in ("../secret.ome.tif", str(outside)):
        write_set(folder, {"a.ome.tif": noise((20, 30), "uint8"), name: None})
        with pytest.raises(OutsideFolder):
            open_image(folder / "a.ome.tif")


def test_xml_that_grows_is_refused(folder, open_image):
    lines = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(12))
    xml = f'<?xml version="1.0"?><!DOCTYPE OME [{lines}]><OME>&e11;</OME>'
    path = folder / "a.ome.tif"
    tifffile.imwrite(path, noise((20, 30), "uint8"), description=xml, metadata=None)
    with pytest.raises(UnreadableFile, match="XML"):
        open_image(path)


def write_set(folder, planes):
    """Write files that share one OME-XML; a name with None is only named in it."""
    data = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="1"><UUID FileName="{name}">'
        f"urn:uuid:00000000-0000-0000-0000-00000000000{t}</UUID></TiffData>"
        for t, name in enumerate(planes)
    )
    for t, (name, plane) in enumerate(planes.items()):
        if plane is None:
            continue
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:00000000-0000-0000-0000-00000000000{t}"><Image ID="Image:0" Name="s">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="30" SizeY="20" '
            f'SizeC="1" SizeZ="1" SizeT="{len(planes)}"><Channel ID="Channel:0:0"/>{data}'
            "</Pixels></Image></OME>"
        )
        tifffile.imwrite(folder / name, plane, description=xml, metadata=None)
