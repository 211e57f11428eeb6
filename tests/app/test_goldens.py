"""The stored results of OMERO's own renderer, asked for over HTTP of files that hold the inputs.

Each case becomes an OME-TIFF that the embedded image server serves, and a URL. `INEXPRESSIBLE`
tells which cases no URL of webgateway can ask for.
"""

import io
import json
import shutil
from urllib.parse import quote

import numpy as np
import pytest
import tifffile

from render.values import DTYPES
from tests.app.conftest import decoded, images_served, make_gateway_on
from tests.render.engine import goldens

PLAIN_OUTPUT = (0, 255, 255)
FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")
KINDS = {"max": "intmax", "mean": "intmean", "sum": "intsum"}


def inexpressible(case):
    """Tell why no URL can ask for a render case, or None."""
    if (case["cd_start"], case["cd_end"], case["bit_resolution"]) != PLAIN_OUTPUT:
        return "output interval"
    if case["model"] not in ("rgb", "greyscale"):
        return "unknown model"
    if any(channel["family"] not in FAMILIES for channel in case["channels"]):
        return "unknown family"
    if any(channel["noise_reduction"] for channel in case["channels"]):
        return "noise reduction"
    return None


def projection_inexpressible(case):
    """Tell why no URL can ask for a projection case, or None."""
    if case["algorithm"] not in KINDS:
        return "unknown algorithm"
    if case["stepping"] != 1:
        return "stepping"
    if case["expect"] == "refuse":
        return "ends outside, which are pulled in"
    if case["start"] > case["end"]:
        return "reversed ends, which are turned round"
    if case["algorithm"] != "max" and case["start"] == case["end"]:
        return "mean or sum from a section to itself, which is that section"
    return None


RENDERED = [case for case in goldens.cases("render") if inexpressible(case) is None]
PROJECTED = [case for case in goldens.cases("projection") if projection_inexpressible(case) is None]
#: How many cases are left out, by reason: a case must not drop out unseen.
INEXPRESSIBLE = {
    "render": {
        "noise reduction": 51,
        "output interval": 31,
        "unknown model": 1,
        "unknown family": 1,
    },
    "projection": {
        "stepping": 17,
        "mean or sum from a section to itself, which is that section": 8,
        "reversed ends, which are turned round": 4,
        "ends outside, which are pulled in": 2,
        "unknown algorithm": 1,
    },
}


def file_holds(case):
    """Tell whether a file can have what a default-settings case says is stored."""
    if case["pixel_type"] == "bit":
        return False
    dtype = np.dtype(DTYPES[case["pixel_type"]])
    extents = []
    for channel in case["channels"]:
        ends = channel.get("stats")
        if ends is None or set(channel) - {"stats", "rgba", "emission"}:
            return False
        # OME-XML has no wavelength of 0.
        if None in (channel.get("rgba") or ()) or channel.get("emission") == 0:
            return False
        extents += [ends, np.array(ends, "f8").astype(dtype).astype("f8").tolist()]
    whole = all(one == other for one, other in zip(extents[::2], extents[1::2], strict=True))
    rising = all(low <= high for low, high in extents)
    told = [[name in channel for channel in case["channels"]] for name in ("rgba", "emission")]
    # OME-XML is written for all channels or none.
    return whole and rising and all(all(each) or not any(each) for each in told)


DEFAULTS = [case for case in goldens.cases("default_settings") if file_holds(case)]


def omexml_color(color):
    """Give a colour as OME-XML has it: a signed number of red, green, blue and alpha."""
    return int(np.array(color, "u1").view(">i4")[0])


def write_case(folder, case):
    planes = np.stack([goldens.arrays("render_inputs")[key] for key in case["planes"]])
    if case["pixel_type"] == "bit":
        planes = planes.astype(bool)
    # A URL tells either a table or a colour; the colour's alpha counts beside a table too.
    colors = [omexml_color(channel["color"]) for channel in case["channels"]]
    metadata = {"axes": "CYX", "Channel": {"Color": colors}}
    if case["significant_bits"]:
        metadata["SignificantBits"] = case["significant_bits"]
    tifffile.imwrite(
        folder / f"{case['id']}.ome.tif",
        planes,
        ome=True,
        photometric="minisblack",
        metadata=metadata,
    )


def write_default_case(folder, case):
    channels = case["channels"]
    dtype = np.dtype(DTYPES[case["pixel_type"]]).newbyteorder("=")
    planes = np.empty((case["size_t"], len(channels), case["size_z"], 4, 4), dtype)
    for index, channel in enumerate(channels):
        low, high = channel["stats"]
        planes[:, index] = low
        planes[:, index, :, 0, 0] = high
    described = {}
    if "rgba" in channels[0]:
        described["Color"] = [omexml_color(channel["rgba"]) for channel in channels]
    if "emission" in channels[0]:
        described["EmissionWavelength"] = [channel["emission"] for channel in channels]
    metadata = {"axes": "TCZYX", "Channel": described}
    if case["significant_bits"]:
        metadata["SignificantBits"] = case["significant_bits"]
    tifffile.imwrite(
        folder / f"{case['id']}.ome.tif",
        planes,
        ome=True,
        photometric="minisblack",
        metadata=metadata,
    )


def write_folder(folder):
    for case in DEFAULTS:
        write_default_case(folder, case)
    for case in RENDERED:
        write_case(folder, case)
    for name, stack in goldens.arrays("projection").items():
        if name.startswith("in_"):
            tifffile.imwrite(
                folder / f"{name}.ome.tif",
                stack,
                ome=True,
                photometric="minisblack",
                metadata={"axes": "ZYX"},
            )
    for name, picture in goldens.arrays("jpeg").items():
        if name.startswith("in_"):
            tifffile.imwrite(
                folder / f"jpeg_{name}.ome.tif",
                np.moveaxis(picture, -1, 0),
                ome=True,
                photometric="minisblack",
                metadata={"axes": "CYX"},
            )
    luts = folder / "luts"
    luts.mkdir()
    for name, table in goldens.arrays("luts").items():
        (luts / name).write_bytes(table.T.tobytes())
    for case in goldens.cases("lut_files"):
        shutil.copy(goldens.FOLDER / case["file"], luts)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Give a client of a gateway over all cases, and the ids by file name."""
    folder = tmp_path_factory.mktemp("goldens")
    write_folder(folder)
    with images_served(folder, tmp_path_factory.mktemp("index"), [], np.empty(0)) as server:
        gateway = make_gateway_on(server, tmp_path_factory.mktemp("cache"), render_threads=2)
        ids = {name.removesuffix(".ome.tif"): image for name, image in gateway.ids.items()}
        yield gateway.client, ids
        gateway.close()


def channel_text(index, channel):
    start, end = map(float, channel["window"])
    look = channel["lut"] or bytes(channel["color"]).hex()
    return f"{index + 1}|{start!r}:{end!r}${look}"


def map_of(channel):
    return {
        "inverted": {"enabled": channel["reverse_intensity"]},
        "quantization": {"family": channel["family"], "coefficient": channel["coefficient"]},
    }


def query_of(case, listed):
    """Give the query of a case; `listed` = write channels that are off, with a minus."""
    channels = [
        (index, channel)
        for index, channel in enumerate(case["channels"])
        if listed or channel["active"]
    ]
    query = {
        "c": ",".join(
            ("" if channel["active"] else "-") + channel_text(index, channel)
            for index, channel in channels
        ),
        "maps": json.dumps([map_of(channel) for _, channel in channels]),
        "m": "c" if case["model"] == "rgb" else "g",
        "format": "png",
    }
    return "&".join(f"{name}={quote(text)}" for name, text in query.items())


def address_of(case, image_id, listed):
    path, query = f"/webgateway/render_image/{image_id}/0/0/", query_of(case, listed)
    if case["region"]:
        path = f"/webgateway/render_image_region/{image_id}/0/0/"
        query += "&region=" + ",".join(map(str, case["region"]))
    return f"{path}?{query}"


def test_what_a_url_cannot_ask_for_is_known():
    for section, why in (("render", inexpressible), ("projection", projection_inexpressible)):
        counts = {}
        for case in goldens.cases(section):
            reason = why(case)
            if reason is not None:
                counts[reason] = counts.get(reason, 0) + 1
        assert counts == INEXPRESSIBLE[section]


@pytest.mark.parametrize("listed", [False, True], ids=["left-out", "listed"])
@pytest.mark.parametrize("case", RENDERED, ids=lambda case: case["id"])
def test_picture(served, case, listed):
    client, ids = served
    response = client.get(address_of(case, ids[case["id"]], listed))
    if case["expect"] == "refuse":
        assert response.status_code == 400
        assert response.get_json()["parameter"] == "c"
        return
    assert response.status_code == 200, response.get_data(as_text=True)
    np.testing.assert_array_equal(decoded(response), goldens.arrays("render_outputs")[case["id"]])


@pytest.mark.parametrize("case", PROJECTED, ids=lambda case: case["id"])
def test_projection(served, case):
    client, ids = served
    image_id = ids[case["stack"]]
    kind = KINDS[case["algorithm"]]
    response = client.get(
        f"/webgateway/render_image/{image_id}/0/0/?c=1&format=npy"
        f"&p={kind}|{case['start']}:{case['end']}"
    )
    assert response.status_code == 200, response.get_data(as_text=True)
    values = np.load(io.BytesIO(response.get_data()))
    expected = goldens.arrays("projection")[f"out_{case['id']}"]
    assert values.dtype.newbyteorder("=") == expected.dtype
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("case", goldens.cases("jpeg"), ids=lambda case: case["id"])
def test_jpeg(served, case):
    client, ids = served
    colors = "1|0:255$FF0000,2|0:255$00FF00,3|0:255$0000FF"
    response = client.get(
        f"/webgateway/render_image/{ids['jpeg_' + case['image']]}/0/0/"
        f"?c={colors}&m=c&q={case['quality']}"
    )
    assert response.content_type == "image/jpeg"
    expected = goldens.arrays("jpeg")[f"decoded_{case['id']}"]
    np.testing.assert_array_equal(decoded(response), expected)


@pytest.mark.parametrize("case", DEFAULTS, ids=lambda case: case["id"])
def test_default_settings(served, case):
    client, ids = served
    data = client.get(f"/webgateway/imgData/{ids[case['id']]}/").get_json()
    expected = case["expected"]
    assert data["rdefs"]["model"] == {"rgb": "color"}.get(expected["model"], expected["model"])
    assert data["rdefs"]["defaultZ"] == expected["default_z"]
    assert data["rdefs"]["defaultT"] == expected["default_t"]
    for channel, wanted in zip(data["channels"], expected["channels"], strict=True):
        assert channel["active"] == wanted["active"]
        assert channel["color"] == bytes(wanted["color"][:3]).hex().upper()
        assert [channel["window"]["start"], channel["window"]["end"]] == wanted["window"]


def test_enough_default_settings_are_in_files():
    assert len(DEFAULTS) >= 10


def test_lookup_tables(served):
    client, _ = served
    listed = client.get("/webgateway/luts/?rgb=true").get_json()["luts"]
    tables = {table["name"]: table["rgb"] for table in listed}
    for name, table in goldens.arrays("luts").items():
        assert tables[name] == table.tolist()
    for case in goldens.cases("lut_files"):
        name = case["file"].rpartition("/")[2]
        if case["expect"] == "table":
            assert tables[name] == goldens.arrays("lut_expected")[case["key"]].tolist(), name
        else:
            assert tables.get(name) is None, name
