"""The client against the image server, directly and through a real Glacier2 router.

Runs with and without gevent.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Limits
from render.errors import (
    DeadlineExceeded,
    NotAuthenticated,
    NotFound,
    SourceUnavailable,
    TooLarge,
)
from render.values import Color, ImageInfo, PlaneIndex, Region
from tests.render.blitz.conftest import soon
from tests.render.blitz.servers import LOGIN, ImageServer
from tests.render.blitz.test_sessions import side_by_side
from tests.support.glacier2 import RunningRouter, start_glacier2

#: Pixels of the pyramid, by level: (t, c, z, y, x). The levels are unrelated, so that a level
#: that is mistaken for another shows.
SIZE_T, SIZE_C, SIZE_Z = 2, 3, 2
SIZES = [(700, 500), (350, 250), (175, 125)]
PYRAMID = [
    np.random.default_rng(level)
    .integers(0, 4096, (SIZE_T, SIZE_C, SIZE_Z, height, width))
    .astype("u2")
    for level, (width, height) in enumerate(SIZES)
]
FLOATS = np.linspace(-5, 5, 60 * 40, dtype="f4").reshape(40, 60)
LUT = bytes(range(256)) * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    (folder / "slides").mkdir()
    metadata = {
        "axes": "TCZYX",
        "Name": "three channels",
        "Channel": {"Name": ["DAPI", "GFP", "Cy5"], "Color": [0x0000FFFF, 0x00FF00FF, -16776961]},
        "PhysicalSizeX": 250.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeYUnit": "µm",
    }
    with tifffile.TiffWriter(folder / "slides" / "pyramid.ome.tif", ome=True) as tiff:
        tiff.write(PYRAMID[0], subifds=2, tile=(256, 256), metadata=metadata)
        for level in PYRAMID[1:]:
            tiff.write(level, subfiletype=1, tile=(256, 256))
    tifffile.imwrite(folder / "floats.tif", FLOATS)
    (folder / "broken.tif").write_bytes(b"II*\0 this is no image")
    (folder / "luts").mkdir()
    (folder / "luts" / "own.lut").write_bytes(LUT)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageServer]:
    server = ImageServer(folder, tmp_path_factory.mktemp("cache"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def router(server: ImageServer) -> Iterator[RunningRouter]:
    with start_glacier2(server, transports=("tcp", "ssl", "ws", "wss")) as running:
        yield running


@pytest.fixture(
    scope="module",
    params=["tcp", "ssl", "ssl verified", "ws", "router tcp", "router ssl verified", "router wss"],
)
def session(request: pytest.FixtureRequest, server: ImageServer) -> Iterator[BlitzSession]:
    """A session over each kind of way to the server."""
    through_router, transport, verified = (
        "router" in request.param,
        request.param.removeprefix("router ").partition(" ")[0],
        "verified" in request.param,
    )
    options: dict[str, object] = {}
    if verified:
        options = {"verify": True, "ca_file": str(server.certificate), "check_name": True}
    front = request.getfixturevalue("router") if through_router else server
    source = BlitzSource(front.endpoint(transport, **options), Limits(read_bytes=300_000))
    yield source.session(LOGIN, soon())
    source.close()


@pytest.fixture
def source(server: ImageServer) -> Iterator[BlitzSource]:
    source = BlitzSource(server.endpoint())
    yield source
    source.close()


def image_ids(session: BlitzSession) -> dict[str, int]:
    return {
        str(image.name): image.id
        for project in session.projects(soon())
        for dataset in session.datasets(project.id, soon())
        for image in session.images(dataset.id, soon())
    }


def pyramid_of(session: BlitzSession) -> ImageInfo:
    name = next(name for name in image_ids(session) if "pyramid" in name)
    return session.image_info(image_ids(session)[name], soon())


def test_all_about_an_image_is_loaded(session: BlitzSession) -> None:
    info = pyramid_of(session)
    assert info.pixel_type == "uint16"
    assert (info.size_x, info.size_y, info.size_z, info.size_c, info.size_t) == (
        *SIZES[0], SIZE_Z, SIZE_C, SIZE_T
    )  # fmt: skip
    assert info.levels == tuple(SIZES)
    assert (info.tile_width, info.tile_height) == (256, 256)
    assert (info.pixel_size_x, info.pixel_size_y, info.pixel_size_z) == (0.25, 0.5, None)
    assert [channel.name for channel in info.channels] == ["DAPI", "GFP", "Cy5"]
    assert info.channels[0].color == Color(0, 0, 255, 255)
    assert info.channels[1].color == Color(0, 255, 0, 255)
    for c, channel in enumerate(info.channels):
        plane = PYRAMID[0][:, c]
        assert channel.stats == (plane.min(), plane.max())
    assert [dataset.name for dataset in info.datasets] == ["slides"]
    assert len(info.projects) == 1
    assert info.rendering_definition is None
    assert not info.requires_pyramid


def test_every_level_of_every_plane_equals_the_file(session: BlitzSession) -> None:
    info = pyramid_of(session)
    for level, (width, height) in enumerate(info.levels):
        for t in range(SIZE_T):
            indices = [PlaneIndex(z, c, t) for z in range(SIZE_Z) for c in range(SIZE_C)]
            planes = session.read_regions(info, indices, level, Region(0, 0, width, height), soon())
            for index, plane in zip(indices, planes, strict=True):
                assert plane.dtype == np.dtype(">u2")
                np.testing.assert_array_equal(plane, PYRAMID[level][t, index.c, index.z])


def test_tiles_put_together_equal_the_region(session: BlitzSession) -> None:
    info = pyramid_of(session)
    level, (width, height), tile = 1, info.levels[1], 96
    whole = np.zeros((height, width), ">u2")
    for y in range(0, height, tile):
        for x in range(0, width, tile):
            region = Region(x, y, tile, tile).clipped(width, height)
            whole[y : y + region.height, x : x + region.width] = session.read_region(
                info, PlaneIndex(1, 2, 1), level, region, soon()
            )
    np.testing.assert_array_equal(whole, PYRAMID[level][1, 2, 1])


def test_floats_arrive_as_they_are(session: BlitzSession) -> None:
    info = session.image_info(image_ids(session)["floats.tif"], soon())
    plane = session.read_region(info, PlaneIndex(0, 0, 0), 0, Region(0, 0, 60, 40), soon())
    assert plane.dtype == np.dtype(">f4")
    np.testing.assert_array_equal(plane, FLOATS)


def test_what_is_not_there_is_not_found(session: BlitzSession) -> None:
    for ask in (session.image_info, session.datasets, session.images, session.read_file):
        with pytest.raises(NotFound):
            ask(987654, soon())


def test_a_broken_file_is_listed_and_says_so_when_opened(session: BlitzSession) -> None:
    broken = image_ids(session)["broken.tif"]
    with pytest.raises(NotFound, match="no pixels"):
        session.image_info(broken, soon())


def test_listings_tell_sizes_and_counts(session: BlitzSession) -> None:
    (project,) = session.projects(soon())
    datasets = session.datasets(project.id, soon())
    assert project.child_count == len(datasets) == 2
    counts = {dataset.name: dataset.child_count for dataset in datasets}
    assert counts == {".": 2, "slides": 1}
    images = [image for dataset in datasets for image in session.images(dataset.id, soon())]
    sizes = {image.name: (image.size_x, image.size_y) for image in images}
    assert sizes["floats.tif"] == (60, 40)
    assert sizes["broken.tif"] == (None, None)
    assert all(image.author and image.date_s > 1e9 for image in images)


def test_lookup_tables_are_read_whole(session: BlitzSession) -> None:
    tables = session.lookup_tables(soon())
    assert [table.name.lower() for table in tables] == sorted(t.name.lower() for t in tables)
    own = next(table for table in tables if table.name == "own.lut")
    assert own.size_bytes == len(LUT)
    assert session.read_file(own.id, soon()) == LUT


def test_files_above_the_limit_are_not_read(server: ImageServer) -> None:
    source = BlitzSource(server.endpoint(), Limits(file_bytes=100))
    session = source.session(LOGIN, soon())
    own = next(table for table in session.lookup_tables(soon()) if table.name == "own.lut")
    with pytest.raises(TooLarge):
        session.read_file(own.id, soon())
    source.close()


def test_a_wrong_password_is_not_authenticated(source: BlitzSource) -> None:
    with pytest.raises(NotAuthenticated):
        source.session(Credentials.login("local", "wrong"), soon())


def test_a_certificate_that_is_not_trusted_is_refused(server: ImageServer) -> None:
    source = BlitzSource(server.endpoint("ssl", verify=True))
    with pytest.raises(SourceUnavailable, match="certificate"):
        source.session(LOGIN, soon())
    source.close()


def test_a_joined_session_reads_and_outlives_the_one_who_joined(
    server: ImageServer, router: RunningRouter
) -> None:
    for front in (server, router):
        owner, guest = BlitzSource(front.endpoint()), BlitzSource(front.endpoint())
        session = owner.session(LOGIN, soon())
        key = owner.pool.live_sessions()[0].key
        joined = guest.session(Credentials.join(key), soon())
        assert pyramid_of(joined) == pyramid_of(session)
        guest.close()
        assert session.projects(soon())
        owner.close()
        with pytest.raises(NotAuthenticated):
            guest.session(Credentials.join(key), soon())
        guest.close()


@pytest.mark.slow
def test_a_server_killed_under_requests_fails_them_and_heals(folder: Path, tmp_path: Path) -> None:
    server = ImageServer(folder, tmp_path)
    source = BlitzSource(server.endpoint())
    try:
        session = source.session(LOGIN, soon())
        info = pyramid_of(session)
        region = Region(0, 0, 100, 100)

        def read() -> np.ndarray:
            return session.read_region(info, PlaneIndex(0, 0, 0), 0, region, soon())

        before = read()
        server.pause()

        def kill() -> None:
            time.sleep(0.3)
            server.kill()

        started = time.monotonic()
        jobs = iter([kill, read, read, read])
        results = side_by_side(4, lambda: next(jobs)())
        assert time.monotonic() - started < 5
        failed = [result for result in results if result is not None]
        assert len(failed) == 3 and all(isinstance(f, SourceUnavailable) for f in failed)
        server.start()
        started = time.monotonic()
        np.testing.assert_array_equal(read(), before)
        assert time.monotonic() - started < 5
    finally:
        source.close()
        server.kill()


def test_a_server_that_stands_still_ends_with_the_deadline_and_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    server = ImageServer(folder, tmp_path)
    source = BlitzSource(server.endpoint())
    try:
        session = source.session(LOGIN, soon())
        info = pyramid_of(session)
        server.pause()
        started = time.monotonic()
        for ask in (
            lambda: session.image_info(info.image_id, soon(0.3)),
            lambda: session.read_region(
                info, PlaneIndex(0, 0, 0), 0, Region(0, 0, 9, 9), soon(0.3)
            ),
            lambda: session.projects(soon(0.3)),
        ):
            with pytest.raises(DeadlineExceeded):
                ask()
        assert time.monotonic() - started < 5
        server.resume()
        assert session.image_info(info.image_id, soon()) == info
    finally:
        server.resume()
        source.close()
        server.kill()


@pytest.mark.slow
def test_a_session_that_timed_out_heals(folder: Path, tmp_path: Path) -> None:
    server = ImageServer(folder, tmp_path, "--session-timeout", "1")
    source = BlitzSource(server.endpoint())
    try:
        session = source.session(LOGIN, soon())
        info = pyramid_of(session)
        time.sleep(2.5)
        assert session.image_info(info.image_id, soon()) == info
    finally:
        source.close()
        server.kill()
