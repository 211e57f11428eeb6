"""Images as OME-TIFF: what others read in the files, resumed, several, and what is refused."""

import io
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from app.downloads.containers import check_exportable
from app.downloads.ome_tiff import ome_tiff_layout, ome_tiff_name
from app.downloads.stacks import whole_stack
from render.errors import NotFound
from tests.app.conftest import FLAT, PYRAMID, STACK, Gateway
from tests.app.samples import image
from tests.app.screened import FIRST_WELL, PLANE


def url(gateway: Gateway, name: str) -> str:
    return f"render_ome_tiff/i/{gateway.ids[name]}/"


def opened(content: bytes) -> tifffile.TiffFile:
    return tifffile.TiffFile(io.BytesIO(content))


def containers(gateway: Gateway) -> tuple[dict, dict]:
    """Give the project and the dataset that hold the shared images."""
    (project,) = gateway.get("proj/list/").get_json()
    for dataset in gateway.get(f"proj/{project['id']}/children/").get_json():
        images = gateway.get(f"dataset/{dataset['id']}/children/").get_json()
        if PYRAMID in {one["name"] for one in images}:
            return project, dataset
    raise AssertionError("no dataset holds the pyramid")


def test_a_pyramid_keeps_all_its_levels(gateway):
    response = gateway.get(url(gateway, PYRAMID))
    image_id = gateway.ids[PYRAMID]
    assert response.status_code == 200 and response.content_type == "image/tiff"
    assert f'filename="{image_id}-{PYRAMID}' in response.headers["Content-Disposition"]
    assert response.headers["Content-Length"] == str(len(response.data))
    with opened(response.data) as file:
        (series,) = file.series
        assert file.is_ome and series.axes == "CYX" and series.dtype == np.uint16
        assert [level.shape for level in series.levels] == [
            level.shape for level in gateway.server.pyramid
        ]
        for found, expected in zip(series.levels, gateway.server.pyramid, strict=True):
            assert found.keyframe.is_tiled
            np.testing.assert_array_equal(found.asarray(), expected)
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert [channel["Name"] for channel in pixels["Channel"]] == ["DAPI", "GFP", "RFP"]
        assert (pixels["SizeX"], pixels["SizeY"], pixels["Type"]) == (700, 600, "uint16")


def test_a_stack_keeps_sections_and_timepoints(gateway):
    with opened(gateway.get(url(gateway, STACK)).data) as file:
        (series,) = file.series
        # The stack is (t, z, c, y, x); files have the sections next to each other.
        assert series.axes == "TCZYX"
        np.testing.assert_array_equal(
            series.asarray(), gateway.server.stack.transpose(0, 2, 1, 3, 4)
        )


def test_the_colours_of_a_photograph_are_three_channels(gateway):
    with opened(gateway.get(url(gateway, FLAT)).data) as file:
        expected = np.asarray(Image.open(gateway.server.folder / FLAT))
        np.testing.assert_array_equal(file.series[0].asarray(), expected.transpose(2, 0, 1))
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert [channel["Color"] & 0xFFFFFFFF for channel in pixels["Channel"]] == [
            0xFF0000FF,
            0x00FF00FF,
            0x0000FFFF,
        ]


def test_it_is_resumed_from_anywhere_while_the_image_is_the_same(gateway):
    path = url(gateway, PYRAMID)
    whole = gateway.get(path)
    etag = whole.headers["ETag"]
    assert whole.headers["Accept-Ranges"] == "bytes"
    for begin in (5, 3000, 100_001):
        rest = gateway.get(path, headers={"Range": f"bytes={begin}-", "If-Range": etag})
        assert rest.status_code == 206 and rest.data == whole.data[begin:]
    assert gateway.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert gateway.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert gateway.get(url(gateway, STACK)).headers["ETag"] != etag
    head = gateway.client.head(f"/webgateway/{path}")
    assert head.headers["Content-Length"] == str(len(whole.data)) and head.data == b""


def test_small_blocks_make_the_same_file(gateway, make_gateway):
    path = url(gateway, PYRAMID)
    small = make_gateway(downloads_buffer_max_bytes=1)
    assert small.get(path).data == gateway.get(path).data


def test_a_dataset_comes_as_an_archive_of_files(gateway):
    project, dataset = containers(gateway)
    response = gateway.get(f"render_ome_tiff/d/{dataset['id']}/")
    assert response.content_type == "application/zip"
    name = f"{project['name']}-{dataset['name']}.zip"
    assert f'filename="{name}"' in response.headers["Content-Disposition"]
    assert response.headers["Content-Length"] == str(len(response.data))
    images = gateway.get(f"dataset/{dataset['id']}/children/").get_json()
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}
        for one in images:
            alone = gateway.get(f"render_ome_tiff/i/{one['id']}/").data
            (member,) = [m for m in archive.namelist() if m.startswith(f"{one['id']}-")]
            assert member.endswith(".ome.tiff") and archive.read(member) == alone
        assert len(archive.namelist()) == len(images)


def test_a_selection_of_a_dataset(gateway):
    _, dataset = containers(gateway)
    path = f"render_ome_tiff/d/{dataset['id']}/"
    ids = gateway.ids
    two = gateway.get(f"{path}?selection={ids[FLAT]},{ids[STACK]}")
    with zipfile.ZipFile(io.BytesIO(two.data)) as archive:
        assert len(archive.namelist()) == 2
    one = gateway.get(f"{path}?selection={ids[FLAT]}")
    assert one.content_type == "image/tiff"
    assert one.data == gateway.get(url(gateway, FLAT)).data
    assert gateway.get(f"{path}?selection=987654").status_code == 404
    assert gateway.get(f"{path}?selection=1,x").status_code == 400


def test_a_well_and_a_project_are_called_like_what_they_lie_in(gateway):
    response = gateway.get(f"render_ome_tiff/w/{FIRST_WELL}/")
    assert response.headers["Content-Disposition"].startswith('attachment; filename="drugs-')
    assert '-A1.zip"' in response.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert len(archive.namelist()) == 2
        for member in archive.namelist():
            with opened(archive.read(member)) as file:
                np.testing.assert_array_equal(file.series[0].asarray(), PLANE[0])
    project, _ = containers(gateway)
    response = gateway.client.head(f"/webgateway/render_ome_tiff/p/{project['id']}/")
    assert f'filename="{project["name"]}.zip"' in response.headers["Content-Disposition"]


def test_a_dry_run_tells_how_many_would_come(gateway):
    _, dataset = containers(gateway)
    path = f"render_ome_tiff/d/{dataset['id']}/?dryrun=1"
    count = len(gateway.get(f"dataset/{dataset['id']}/children/").get_json())
    assert gateway.get(path).data == str(count).encode()
    called = gateway.get(f"{path}&callback=show&selection={gateway.ids[FLAT]}")
    assert called.data == b"show(1)" and called.content_type == "application/javascript"
    assert gateway.get(f"{path}&callback=a;b").status_code == 400


@pytest.mark.parametrize("kind", ["i", "p", "d", "w", "anything"])
def test_what_is_not_there_is_told(gateway, kind):
    response = gateway.get(f"render_ome_tiff/{kind}/987654/")
    assert response.status_code == 404 and response.get_json()["message"]


def test_what_is_too_large_or_too_much_is_refused(make_gateway):
    small = make_gateway(max_export_bytes=100_000, download_max_images=2)
    _, dataset = containers(small)
    for path in (url(small, PYRAMID), f"export/{small.ids[PYRAMID]}/?c=1"):
        response = small.get(path)
        assert response.status_code == 413 and "max_export_bytes" in response.get_json()["message"]
    response = small.get(f"render_ome_tiff/d/{dataset['id']}/")
    assert response.status_code == 400 and "selection" in response.get_json()["message"]
    both = f"{small.ids[FLAT]},{small.ids[PYRAMID]}"
    assert small.get(f"render_ome_tiff/d/{dataset['id']}/?selection={both}").status_code == 413
    assert small.get(url(small, FLAT)).status_code == 200


@pytest.mark.without_nginx("NGINX has taken in the whole of so small a file")
def test_exports_count_among_downloads(make_gateway):
    gateway = make_gateway(downloads_max_per_viewer=1)
    first = gateway.get(url(gateway, PYRAMID), buffered=False)
    assert first.status_code == 200
    assert gateway.get(url(gateway, FLAT)).status_code == 503
    first.close()
    assert gateway.get(url(gateway, FLAT)).status_code == 200


def test_a_file_above_the_limit_of_classic_tiff_is_a_big_one():
    # 2**32 bytes are 65536 x 65536 pixels; directories come on top.
    channels = image().channels[:1]
    large = image(
        pixel_type="uint8",
        levels=((65536, 65536),),
        size_z=1,
        size_c=1,
        size_t=1,
        channels=channels,
    )
    assert ome_tiff_layout(whole_stack(large)).big
    assert not ome_tiff_layout(whole_stack(large), classic_max_bytes=2**33).big


def test_names_are_safe_and_bounded():
    assert ome_tiff_name(image(name="a/b\\c:d")) == "12-a_b_c_d.ome.tiff"
    assert ome_tiff_name(image(name=None)) == "12-.ome.tiff"
    longest = ome_tiff_name(image(name="ä" * 300))
    assert len(longest.encode()) <= 255 and longest.endswith("ä.ome.tiff")


def test_complex_numbers_are_not_exported():
    with pytest.raises(NotFound, match="complex"):
        check_exportable(image(pixel_type="complex"))
