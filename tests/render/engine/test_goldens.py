"""Every stored case of OMERO's own renderer comes out the same, by numba and by plain numpy."""

import io

import numpy as np
import pytest
from PIL import Image

from render.engine import composite, defaults, encode, lut_files, projection, scale
from render.errors import BadRequest
from render.values import (
    DTYPES,
    ChannelInfo,
    Color,
    Encoding,
    ImageInfo,
    ProjectionKind,
    Region,
    Window,
)
from tests.render.engine import goldens

both_ways = pytest.mark.parametrize("use_numba", [True, False], ids=["numba", "numpy"])


def by_id(section):
    return pytest.mark.parametrize("case", goldens.cases(section), ids=lambda case: case["id"])


def planes_of(case):
    planes = [goldens.arrays("render_inputs")[key] for key in case["planes"]]
    if case["region"]:
        height, width = planes[0].shape
        region = Region(*case["region"]).clipped(width, height)
        rows = slice(region.y, region.y + region.height)
        planes = [plane[rows, region.x : region.x + region.width] for plane in planes]
    return planes


def big_endian(planes, pixel_type):
    return [plane.astype(DTYPES[pixel_type]) for plane in planes]


@both_ways
@by_id("render")
def test_picture(case, use_numba):
    planes = big_endian(planes_of(case), case["pixel_type"])

    def drawn():
        return composite.compose(
            planes,
            case["pixel_type"],
            goldens.definition_of(case),
            significant_bits=case["significant_bits"],
            stats=goldens.stats_of(case),
            luts=goldens.lookup_tables(),
            use_numba=use_numba,
        )

    if case["expect"] == "refuse":
        with pytest.raises(BadRequest):
            drawn()
        return
    picture = drawn()
    np.testing.assert_array_equal(picture[..., :3], goldens.arrays("render_outputs")[case["id"]])
    assert (picture[..., 3] == case["alpha"]).all()


KINDS = {
    "max": ProjectionKind.MAXIMUM,
    "mean": ProjectionKind.MEAN,
    "sum": ProjectionKind.SUM,
}


@by_id("projection")
def test_projection(case):
    stack = goldens.arrays("projection")[case["stack"]]
    if case["algorithm"] not in KINDS:
        with pytest.raises(ValueError):
            ProjectionKind(case["algorithm"])
        return
    kind = KINDS[case["algorithm"]]
    asked = (kind, case["start"], case["end"], len(stack), case["stepping"])
    if case["expect"] == "refuse":
        with pytest.raises(BadRequest):
            projection.server_sections(*asked)
        return
    sections = big_endian(
        [stack[z] for z in projection.server_sections(*asked)], case["pixel_type"]
    )
    result = projection.project(sections, kind, case["pixel_type"], stack.shape[1:])
    assert result.dtype == np.dtype(DTYPES[case["pixel_type"]])
    np.testing.assert_array_equal(result, goldens.arrays("projection")[f"out_{case['id']}"])


@both_ways
@by_id("thumbnails")
def test_thumbnail(case, use_numba):
    source = goldens.arrays("thumbnails")[case["image"]]
    height, width = source.shape[:2]
    if "longest_side" in case:
        # One factor for both sides: the longer one is asked for exactly.
        factor = np.float32(case["longest_side"]) / np.float32(max(width, height))
        size = tuple(max(3, int(np.float32(side) * factor)) for side in (width, height))
    else:
        wanted = (case["requested_width"], case["requested_height"])
        # Single precision makes some one pixel short.
        size = tuple(
            max(3, int(np.float32(have) * (np.float32(want) / np.float32(have))))
            for have, want in zip((width, height), wanted, strict=True)
        )
    assert size == (case["shape"][1], case["shape"][0])
    result = scale.resize(source, *size, use_numba=use_numba)
    np.testing.assert_array_equal(result, goldens.arrays("thumbnails")[f"out_{case['id']}"])


@by_id("jpeg")
def test_jpeg(case):
    stored = goldens.arrays("jpeg")
    picture = stored[case["image"]]
    data = encode.encode(picture, Encoding("jpeg", case["quality"]))
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(data))), stored[f"decoded_{case['id']}"]
    )
    expected = bytearray(stored[f"jpeg_{case['id']}"].tobytes())
    expected[12] = data[12]
    assert data == bytes(expected)


@pytest.mark.parametrize(
    "case", goldens.cases("lut_files"), ids=lambda case: case["file"].split("/")[-1]
)
def test_lut_file(case):
    data = (goldens.FOLDER / case["file"]).read_bytes()
    assert len(data) == case["bytes"]
    if case["expect"] == "refuse":
        with pytest.raises(BadRequest):
            lut_files.parse(data)
    elif case["expect"] == "absent":
        assert lut_files.parse(data) is None
    else:
        np.testing.assert_array_equal(
            lut_files.parse(data), goldens.arrays("lut_expected")[case["key"]]
        )


def image_info(case):
    channels = []
    for stored in case["channels"]:
        rgba = stored.get("rgba")
        filters = [*stored.get("lightpath_emission", ()), *stored.get("filterset_emission", ())]
        stats = stored.get("stats")
        channels.append(
            ChannelInfo(
                color=Color(*rgba) if rgba and None not in rgba else None,
                lut=stored.get("lut"),
                emission_wave=stored.get("emission"),
                excitation_wave=stored.get("excitation"),
                laser_wave=stored.get("laser"),
                has_emission_filter=any(cut_in is not None for _, cut_in, _ in filters),
                stats=(stats[0], stats[1]) if stats else None,
            )
        )
    minmax = [stored.get("plane_minmax") for stored in case["channels"]]
    return ImageInfo(
        image_id=1,
        pixels_id=1,
        name="golden",
        description="",
        author="",
        owner_id=1,
        group_id=1,
        archived=False,
        acquired_at_s=None,
        imported_at_s=0,
        pixel_type=case["pixel_type"],
        significant_bits=case["significant_bits"],
        size_x=4,
        size_y=4,
        size_z=case["size_z"],
        size_c=len(channels),
        size_t=case["size_t"],
        pixel_size_x=None,
        pixel_size_y=None,
        pixel_size_z=None,
        levels=((4, 4),),
        tile_width=4,
        tile_height=4,
        channels=tuple(channels),
        pixels_version="1",
        requires_pyramid=None in minmax,
    ), minmax


@by_id("default_settings")
def test_default_settings(case):
    info, minmax = image_info(case)
    looked_at = minmax if defaults.window_plane(info) else None
    definition = defaults.default_rendering(info, looked_at)
    expected = case["expected"]
    assert definition.model.value == expected["model"]
    assert (definition.default_z, definition.default_t) == (
        expected["default_z"],
        expected["default_t"],
    )
    assert (definition.cd_start, definition.cd_end) == (expected["cd_start"], expected["cd_end"])
    assert definition.bit_resolution == expected["bit_resolution"]
    for binding, channel in zip(definition.bindings, expected["channels"], strict=True):
        assert binding.active == channel["active"]
        assert binding.family == channel["family"]
        assert binding.coefficient == channel["coefficient"]
        assert binding.noise_reduction == channel["noise_reduction"]
        assert binding.window == Window(*channel["window"])
        assert binding.color == Color(*channel["color"])
        assert binding.lut == channel["lut"]
        assert binding.reverse_intensity == channel["reverse_intensity"]
