"""Original files over HTTP: whole, in parts, several as an archive, and what is refused."""

import hashlib
import io
import zipfile
from urllib.parse import quote

import pytest

from app.downloads.originals import member_paths
from render.blitz.records import Fileset, OriginalFile
from tests.app.conftest import FLAT, PYRAMID, STACK


def original(number: int, folder: str, name: str) -> OriginalFile:
    return OriginalFile(number, folder, name, name, 1, "v")


def url(gateway, *names: str, **query: str) -> str:
    ids = "&".join(f"image={gateway.ids[name]}" for name in names)
    rest = "".join(f"&{name}={quote(value)}" for name, value in query.items())
    return f"archived_files/download/?{ids}{rest}"


@pytest.mark.parametrize("name", [PYRAMID, FLAT])
def test_one_file_comes_as_it_is(gateway, name):
    expected = (gateway.server.folder / name).read_bytes()
    response = gateway.get(f"archived_files/download/{gateway.ids[name]}/")
    assert response.status_code == 200
    assert hashlib.sha256(response.data).digest() == hashlib.sha256(expected).digest()
    assert response.headers["Content-Length"] == str(len(expected))
    assert response.headers["Content-Type"] == "application/force-download"
    assert response.headers["Content-Disposition"].startswith(f'attachment; filename="{name}"')
    assert response.headers["Accept-Ranges"] == "bytes"
    response.close()


def test_a_download_is_resumed_only_while_the_file_is_the_same(gateway):
    path = f"archived_files/download/{gateway.ids[PYRAMID]}"
    expected = (gateway.server.folder / PYRAMID).read_bytes()
    etag = gateway.get(path).headers["ETag"]
    rest = gateway.get(path, headers={"Range": "bytes=1000-", "If-Range": etag})
    assert rest.status_code == 206 and rest.data == expected[1000:]
    assert rest.headers["Content-Range"] == f"bytes 1000-{len(expected) - 1}/{len(expected)}"
    other = gateway.get(path, headers={"Range": "bytes=1000-", "If-Range": '"another"'})
    assert other.status_code == 200 and other.data == expected
    assert gateway.get(path, headers={"Range": "bytes=99999999-"}).status_code == 416
    assert gateway.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_head_tells_the_length_and_opens_nothing(gateway):
    response = gateway.client.head(f"/webgateway/archived_files/download/{gateway.ids[FLAT]}/")
    size = (gateway.server.folder / FLAT).stat().st_size
    assert response.headers["Content-Length"] == str(size) and response.data == b""


@pytest.mark.parametrize("compress", ["false", "true"])
def test_several_come_as_an_archive(gateway, compress):
    response = gateway.get(url(gateway, PYRAMID, FLAT, STACK, compress=compress))
    assert response.status_code == 200
    assert f'filename="{STACK}.zip"' in response.headers["Content-Disposition"]
    if compress == "false":
        assert response.headers["Content-Length"] == str(len(response.data))
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted([PYRAMID, FLAT, STACK])
        for name in archive.namelist():
            assert archive.read(name) == (gateway.server.folder / name).read_bytes()


def test_the_archives_name_can_be_chosen(gateway):
    named = gateway.get(url(gateway, PYRAMID, FLAT, zipname="my cells, 1"))
    assert 'filename="my_cells._1.zip"' in named.headers["Content-Disposition"]


def test_the_same_image_twice_is_one_file(gateway):
    image_id = gateway.ids[FLAT]
    response = gateway.get(f"archived_files/download/?image={image_id}&image={image_id}")
    assert response.data == (gateway.server.folder / FLAT).read_bytes()


def test_an_archive_above_the_limit_is_refused_with_both_sizes(make_gateway):
    gateway = make_gateway(download_max_zip_bytes=5000)
    response = gateway.get(url(gateway, PYRAMID, FLAT))
    total = sum((gateway.server.folder / name).stat().st_size for name in (PYRAMID, FLAT))
    assert response.status_code == 403
    assert str(total) in response.get_json()["message"]
    assert "5000" in response.get_json()["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("archived_files/download/", 400),
        ("archived_files/download/?image=x", 400),
        ("archived_files/download/?image=-4", 400),
        ("archived_files/download/?image=987654", 404),
        ("archived_files/download/987654/", 404),
        ("archived_files/download/?well=987654", 404),
    ],
)
def test_what_cannot_be_found_or_read_is_told(gateway, path, status):
    response = gateway.get(path)
    assert response.status_code == status
    assert response.get_json()["message"]


def test_too_many_images_are_refused(make_gateway):
    gateway = make_gateway(download_max_images=1)
    assert gateway.get(url(gateway, PYRAMID, FLAT)).status_code == 400


@pytest.mark.without_nginx("NGINX has taken in the whole of so small a file")
def test_too_many_downloads_of_one_viewer_are_refused_until_one_ends(make_gateway):
    gateway = make_gateway(downloads_max_per_viewer=1)
    path = f"archived_files/download/{gateway.ids[PYRAMID]}/"
    first = gateway.get(path, buffered=False)
    assert first.status_code == 200
    second = gateway.get(path)
    assert second.status_code == 503 and "Retry-After" in second.headers
    first.close()
    assert gateway.get(path).status_code == 200


def test_a_slow_pace_is_kept(make_gateway):
    import time

    gateway = make_gateway(download_max_bytes_per_s=2_000_000, downloads_buffer_max_bytes=400_000)
    begun_s = time.monotonic()
    size = len(gateway.get(f"archived_files/download/{gateway.ids[PYRAMID]}/").data)
    assert time.monotonic() - begun_s > (size - 200_000) / 2_000_000


def test_filesets_stay_together_where_names_clash():
    paths = member_paths(
        [
            Fileset(1, "u/1/", (original(1, "u/1/", "a.xml"), original(2, "u/1/raw/", "a.bin"))),
            Fileset(2, "u/2/", (original(3, "u/2/", "b.xml"), original(4, "u/2/raw/", "a.bin"))),
            Fileset(
                3,
                "u/3",
                (original(5, "u/3/", "A.XML"), original(6, "../../x/", "..")),
            ),
        ]
    )
    assert [path for path, _ in paths] == [
        "a.xml",
        "raw/a.bin",
        "1/b.xml",
        "1/raw/a.bin",
        "1/A.XML",
        "1/file",
    ]
