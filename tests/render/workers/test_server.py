"""The worker `server` against the image server, over a socket: its pictures equal ours."""

import io
import pickle
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from render.blitz.source import BlitzSession, BlitzSource, Credentials, Endpoint, Limits
from render.deadline import Deadline
from render.engine.composite import needed_channels
from render.engine.lut_files import parse
from render.engine.projection import project
from render.errors import (
    BadRequest,
    DeadlineExceeded,
    NotAuthenticated,
    Overloaded,
    RenderFailed,
    SourceUnavailable,
)
from render.job import Finish, RenderJob
from render.values import (
    ChannelBinding,
    Color,
    Encoding,
    ImageInfo,
    Model,
    PlaneIndex,
    Projection,
    ProjectionKind,
    Region,
    RenderingDefinition,
    Window,
)
from render.workers import Worker, create_worker
from render.workers.server import RemoteRender
from tests.support.image_server import PASSWORD, USER, RunningImageServer, start_image_server

LOGIN = Credentials.login(USER, PASSWORD)
PNG = Finish(encoding=Encoding("png"))
PYRAMID, FLOATS = "pyramid.ome.tif", "floats.ome.tif"

RED = ChannelBinding(True, Window(100, 3000), Color(255, 0, 0))
GREEN = ChannelBinding(True, Window(0, 2000.5), Color(0, 255, 90))
BLUE = ChannelBinding(True, Window(500, 800), Color(0, 0, 255))
OFF = replace(BLUE, active=False)

#: Pictures by what is special about them; drawn one after the other by the same engine.
DEFINITIONS = {
    "three colours": RenderingDefinition(Model.RGB, (RED, GREEN, BLUE)),
    "grey": RenderingDefinition(Model.GREYSCALE, (OFF, GREEN, OFF)),
    "lookup table": RenderingDefinition(Model.RGB, (replace(RED, lut="Fire.lut"), OFF, OFF)),
    "inverted": RenderingDefinition(Model.RGB, (replace(RED, reverse_intensity=True), GREEN, OFF)),
    "polynomial": RenderingDefinition(
        Model.RGB, (replace(RED, family="polynomial", coefficient=1.7), OFF, BLUE)
    ),
    "exponential": RenderingDefinition(
        Model.RGB, (replace(RED, family="exponential", coefficient=0.8), OFF, OFF)
    ),
    "logarithmic, less noise": RenderingDefinition(
        Model.RGB, (OFF, replace(GREEN, family="logarithmic", noise_reduction=True), OFF)
    ),
    "see-through": RenderingDefinition(
        Model.RGB, (replace(RED, color=Color(255, 128, 0, 100)), GREEN, OFF)
    ),
    "narrow output": RenderingDefinition(
        Model.RGB, (RED, OFF, OFF), cd_start=30, cd_end=180, bit_resolution=127
    ),
    "three colours again": RenderingDefinition(Model.RGB, (RED, GREEN, BLUE)),
}


def soon(seconds: float = 20.0) -> Deadline:
    return Deadline.after(seconds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(11)
    full = random.integers(0, 4000, (3, 4, 300, 420)).astype("u2")
    with tifffile.TiffWriter(folder / PYRAMID, ome=True) as tiff:
        tiff.write(full, subifds=1, tile=(128, 128), metadata={"axes": "CZYX"})
        tiff.write(full[..., ::2, ::2], subfiletype=1, tile=(128, 128))
    floats = random.normal(0, 3, (4, 50, 70)).astype("f4")
    floats[1, 3, 5:9] = np.nan
    tifffile.imwrite(folder / FLOATS, floats, ome=True, metadata={"axes": "ZYX"})
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[RunningImageServer]:
    with start_image_server(folder, transports=("tcp",)) as running:
        yield running


@pytest.fixture(scope="module")
def source(server: RunningImageServer) -> Iterator[BlitzSource]:
    # Regions of more than a few thousand pixels are drawn in pieces.
    limits = Limits(read_bytes=40_000, stores_per_session=2, stores_per_pixels=2)
    source = BlitzSource(Endpoint("127.0.0.1", server.ports["tcp"], "tcp"), limits)
    yield source
    source.close()


@pytest.fixture(scope="module")
def session(source: BlitzSource) -> BlitzSession:
    return source.session(LOGIN, soon())


@pytest.fixture(scope="module")
def worker(source: BlitzSource) -> Iterator[Worker]:
    made = create_worker("server", threads=2, parts={"source": source})
    yield made
    made.close()


@pytest.fixture(scope="module")
def images(session: BlitzSession) -> dict[str, ImageInfo]:
    (project_,) = session.projects(soon())
    (dataset,) = session.datasets(project_.id, soon())
    listed = session.images(dataset.id, soon())
    return {str(image.name): session.image_info(image.id, soon()) for image in listed}


@pytest.fixture
def pyramid(images: dict[str, ImageInfo]) -> ImageInfo:
    return images[PYRAMID]


def remote(info: ImageInfo, definition: RenderingDefinition, **changes: object) -> RemoteRender:
    """Give a job for the whole smallest level of z 1, as PNG, unless changed."""
    level = len(info.levels) - 1
    region = Region(0, 0, *info.levels[level])
    job = RemoteRender(LOGIN, info, definition, 1, 0, level, region, finish=PNG)
    return replace(job, **changes)


def drawn_here(session: BlitzSession, job: RemoteRender) -> bytes:
    """Give what our own engine makes of the same job, from the same server's pixels."""
    info, projection = job.info, job.projection
    needed = needed_channels(job.definition)

    def read(z: int, c: int) -> np.ndarray:
        return session.read_region(info, PlaneIndex(z, c, job.t), job.level, job.region, soon())

    def plane(c: int) -> np.ndarray:
        if projection is None:
            return read(job.z, c)
        last = projection.end + (projection.kind is ProjectionKind.MAXIMUM)
        sections = (read(z, c) for z in range(projection.start, last))
        return project(sections, projection.kind, info.pixel_type)

    luts = {}
    for file in session.lookup_tables(soon()):
        luts[file.name.lower()] = parse(session.read_file(file.id, soon()))
    finish = job.finish
    return RenderJob(
        tuple(plane(c) if c in needed else None for c in range(info.size_c)),
        info.pixel_type,
        job.definition,
        info.significant_bits,
        tuple(channel.stats for channel in info.channels),
        {name: table for name, table in luts.items() if table is not None},
        encoding=finish.encoding,
        size=finish.size,
        flip_horizontal=finish.flip_horizontal,
        rotation=finish.rotation,
    ).run()


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_server_draws_as_we_do(
    worker: Worker, session: BlitzSession, pyramid: ImageInfo, name: str
) -> None:
    region = Region(17, 30, 90, 61)
    job = remote(pyramid, DEFINITIONS[name], level=0, region=region)
    picture = worker.submit(job, soon())
    assert picture == drawn_here(session, job)
    assert len(np.unique(np.asarray(Image.open(io.BytesIO(picture))))) > 20


def test_all_levels_are_drawn_and_large_regions_in_pieces(
    worker: Worker, session: BlitzSession, pyramid: ImageInfo
) -> None:
    for level, (width, height) in enumerate(pyramid.levels):
        region = Region(0, 0, width, height)
        job = remote(pyramid, DEFINITIONS["three colours"], level=level, region=region)
        assert worker.submit(job, soon()) == drawn_here(session, job)


@pytest.mark.parametrize("kind", ProjectionKind)
def test_projections_are_drawn(
    worker: Worker, session: BlitzSession, pyramid: ImageInfo, kind: ProjectionKind
) -> None:
    whole = Region(0, 0, *pyramid.levels[0])
    projection = Projection(kind, 0, 2)
    definition = DEFINITIONS["inverted"]
    job = remote(pyramid, definition, level=0, region=whole, projection=projection)
    assert worker.submit(job, soon()) == drawn_here(session, job)


def test_floats_with_nan_are_drawn(
    worker: Worker, session: BlitzSession, images: dict[str, ImageInfo]
) -> None:
    info = images[FLOATS]
    definition = RenderingDefinition(
        Model.RGB, (ChannelBinding(True, Window(-2, 2.5), Color(255, 200, 0)),)
    )
    job = remote(info, definition)
    assert worker.submit(job, soon()) == drawn_here(session, job)


def test_scaling_mirroring_turning_and_encoding_are_done_here(
    worker: Worker, session: BlitzSession, pyramid: ImageInfo
) -> None:
    finish = Finish(
        encoding=Encoding("jpeg", 0.7), size=(40, 30), flip_horizontal=True, rotation=90
    )
    job = remote(pyramid, DEFINITIONS["grey"], finish=finish)
    picture = worker.submit(job, soon())
    assert picture == drawn_here(session, job)
    assert Image.open(io.BytesIO(picture)).size == (30, 40)


def test_many_at_a_time_share_few_engines_and_keep_their_settings_apart(
    worker: Worker, session: BlitzSession, source: BlitzSource, pyramid: ImageInfo
) -> None:
    jobs = {name: remote(pyramid, each) for name, each in DEFINITIONS.items()}
    results: dict[str, bytes] = {}

    def ask(name: str) -> None:
        results[name] = worker.submit(jobs[name], soon())

    callers = [threading.Thread(target=ask, args=(name,)) for name in jobs]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert results == {name: drawn_here(session, job) for name, job in jobs.items()}
    [live] = source.pool.live_sessions()
    assert 1 <= live.renderers.size <= 2


def test_settings_that_make_no_sense_are_refused_before_the_server_is_asked(
    worker: Worker, pyramid: ImageInfo
) -> None:
    wrong = RenderingDefinition(Model.RGB, (replace(RED, coefficient=-1.0), OFF, OFF))
    with pytest.raises(BadRequest, match="coefficient"):
        worker.submit(remote(pyramid, wrong), soon())


def test_a_login_that_is_refused_and_time_that_is_up_are_told(
    worker: Worker, pyramid: ImageInfo
) -> None:
    job = remote(pyramid, DEFINITIONS["grey"])
    with pytest.raises(NotAuthenticated):
        worker.submit(replace(job, credentials=Credentials.login(USER, "wrong")), soon())
    with pytest.raises(DeadlineExceeded):
        worker.submit(job, soon(-1))


@pytest.mark.slow
def test_the_server_going_away_is_told_and_no_engine_is_left(
    folder: Path, images: dict[str, ImageInfo], tmp_path: Path
) -> None:
    with start_image_server(folder, cache_dir=tmp_path, transports=("tcp",)) as server:
        source = BlitzSource(Endpoint("127.0.0.1", server.ports["tcp"], "tcp"))
        worker = create_worker("server", threads=1, parts={"source": source})
        session = source.session(LOGIN, soon())
        (project_,) = session.projects(soon())
        (dataset,) = session.datasets(project_.id, soon())
        listed = {image.name: image.id for image in session.images(dataset.id, soon())}
        job = remote(session.image_info(listed[PYRAMID], soon()), DEFINITIONS["grey"])
        assert worker.submit(job, soon())
        server.process.kill()
        server.process.wait()
        with pytest.raises(SourceUnavailable):
            worker.submit(job, soon())
        assert source.pool.live_sessions() == []
        worker.close()
        with pytest.raises(RenderFailed, match="closed"):
            worker.submit(job, soon())
        source.close()


def test_more_pictures_than_may_wait_are_refused(source: BlitzSource, pyramid: ImageInfo) -> None:
    worker = create_worker("server", threads=1, queue_limit=0, parts={"source": source})
    job = remote(pyramid, DEFINITIONS["grey"])
    refused: list[Overloaded] = []

    def ask() -> None:
        try:
            worker.submit(job, soon())
        except Overloaded as error:
            refused.append(error)

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    worker.close()
    assert refused and all(error.retry_after_s for error in refused)


def test_a_job_travels_and_hides_the_password(pyramid: ImageInfo) -> None:
    job = remote(pyramid, DEFINITIONS["grey"])
    assert pickle.loads(pickle.dumps(job)) == job
    assert PASSWORD not in repr(replace(job, credentials=Credentials.login("ada", PASSWORD)))
    with pytest.raises(RenderFailed, match="planes"):
        create_worker("inline").submit(job, soon())


def test_the_worker_is_not_made_without_a_connection() -> None:
    with pytest.raises(ValueError, match="source"):
        create_worker("server")
