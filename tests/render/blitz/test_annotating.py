"""Annotations, uploads and names through a session, directly and through a Glacier2 router.

Runs with and without gevent.
"""

import time
from collections.abc import Iterator

import numpy as np
import pytest
import tifffile

from render.blitz.model_records import Annotated, NewAnnotation, NewFile
from render.blitz.source import BlitzSession, BlitzSource
from render.errors import BadRequest, NotFound, ServiceError, SourceUnavailable
from tests.render.blitz.conftest import soon
from tests.render.blitz.servers import LOGIN, ImageServer
from tests.render.blitz.test_file_stream import read as read_stream
from tests.support.glacier2 import start_glacier2

CONTENT = np.random.default_rng(3).bytes(2_500_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageServer]:
    folder = tmp_path_factory.mktemp("images")
    for name in ("one", "two"):
        image = np.zeros((3, 20, 30), np.uint8)
        tifffile.imwrite(folder / f"{name}.ome.tif", image, metadata={"axes": "CYX"}, ome=True)
    server = ImageServer(folder, tmp_path_factory.mktemp("cache"))
    yield server
    server.kill()


@pytest.fixture(scope="module", params=["own router", "glacier2"])
def session(request: pytest.FixtureRequest, server: ImageServer) -> Iterator[BlitzSession]:
    if request.param == "own router":
        source = BlitzSource(server.endpoint())
        yield source.session(LOGIN, soon())
        source.close()
        return
    with start_glacier2(server, transports=("tcp",)) as router:
        source = BlitzSource(router.endpoint())
        yield source.session(LOGIN, soon())
        source.close()


@pytest.fixture(scope="module")
def images(session: BlitzSession) -> tuple[Annotated, ...]:
    found = {
        image.name: image.id
        for project in session.projects(soon())
        for dataset in session.datasets(project.id, soon())
        for image in session.images(dataset.id, soon())
    }
    return session.annotated("Image", sorted(found.values()), soon())


def pieces(size: int) -> Iterator[bytes]:
    return (CONTENT[first : first + size] for first in range(0, len(CONTENT), size))


def read(session: BlitzSession, file_id: int) -> bytes:
    stream = session.open_file(file_id, soon())
    try:
        return read_stream(stream, 0, stream.size_bytes, 700_000)
    finally:
        stream.close()


def test_pairs_are_annotated_changed_and_deleted(
    session: BlitzSession, images: tuple[Annotated, ...]
) -> None:
    assert all(image.can_annotate for image in images)
    pairs = (("stain", "DAPI"), ("stain", '"\U0001f52c"'))
    group_id = images[0].group_id
    made = session.add_annotation(NewAnnotation("lab", pairs=pairs), group_id, images, soon())
    told = session.annotations("Image", [image.id for image in images], soon())
    assert [(one.annotation_id, one.parent_id) for one in told] == [
        (made, image.id) for image in images
    ]
    record = session.annotation("MapAnnotation", made, soon())
    assert (record.namespace, record.pairs, record.group_id) == ("lab", pairs, group_id)
    assert record.owner.user_name == "local" and record.permissions.can_delete
    changes = {"pairs": (("a", "b"),), "description": "said", "namespace": None}
    session.change_annotation("MapAnnotation", made, changes, soon())
    record = session.annotation("MapAnnotation", made, soon())
    assert (record.namespace, record.pairs, record.description) == (None, (("a", "b"),), "said")
    with pytest.raises(NotFound):
        session.annotation("FileAnnotation", made, soon())
    session.delete_annotation("MapAnnotation", made, soon())
    assert session.annotations("Image", [image.id for image in images], soon()) == ()
    with pytest.raises(NotFound):
        session.delete_annotation("MapAnnotation", made, soon())


def test_a_file_is_uploaded_written_anew_and_deleted(
    session: BlitzSession, images: tuple[Annotated, ...]
) -> None:
    group_id = images[0].group_id
    file = NewFile("ü.bin", "/home/", "application/x-test", len(CONTENT))
    file_id = session.upload_file(file, pieces(300_001), group_id, soon())
    assert read(session, file_id) == CONTENT
    annotation = NewAnnotation("n", description="d", file_id=file_id)
    made = session.add_annotation(annotation, group_id, (), soon())
    record = session.annotation("FileAnnotation", made, soon())
    assert record.file is not None and record.description == "d"
    assert (record.file.id, record.file.name, record.file.size, record.file.mimetype) == (
        file_id, "ü.bin", len(CONTENT), "application/x-test",
    )  # fmt: skip
    for content in (b"shorter", b"", CONTENT):
        session.write_file(file_id, [content], group_id, soon())
        assert read(session, file_id) == content
        again = session.annotation("FileAnnotation", made, soon()).file
        assert again is not None and again.size == len(content)
    session.delete_annotation("FileAnnotation", made, soon())
    with pytest.raises(NotFound):
        session.open_file(file_id, soon())
    empty = session.upload_file(NewFile("e", "", "text/plain", 0), [], group_id, soon())
    assert read(session, empty) == b""


def test_what_cannot_be_uploaded_to_its_end_is_taken_back(
    session: BlitzSession, server: ImageServer, images: tuple[Annotated, ...]
) -> None:
    def broken() -> Iterator[bytes]:
        yield CONTENT
        raise ServiceError("the source ended")

    kept = server.cache / "files"
    before = {path.name for path in kept.iterdir()}
    file = NewFile("broken", "", "text/plain", 2 * len(CONTENT))
    with pytest.raises(ServiceError, match="the source ended"):
        session.upload_file(file, broken(), images[0].group_id, soon())
    assert {path.name for path in kept.iterdir()} == before


def test_what_the_server_does_not_take_is_no_fault_of_its(
    session: BlitzSession, images: tuple[Annotated, ...]
) -> None:
    huge = NewAnnotation("n", pairs=(("a", "x" * 5_000_000),))
    with pytest.raises(BadRequest, match="does not take these annotations"):
        session.add_annotation(huge, images[0].group_id, images, soon())
    with pytest.raises(BadRequest, match="does not take these files"):
        file = NewFile("n" * 300, "", "text/plain", 1)
        session.upload_file(file, [b"1"], images[0].group_id, soon())
    with pytest.raises(NotFound, match="image 98765"):
        session.annotated("Image", [98765], soon())


def test_images_and_channels_are_renamed(
    session: BlitzSession, images: tuple[Annotated, ...]
) -> None:
    first, second = (image.id for image in images)
    session.rename_image(first, "another \U0001f52c", soon())
    info = session.image_info(first, soon())
    assert info.name == "another \U0001f52c"
    [dataset] = info.datasets
    assert session.images_of("Dataset", dataset.id, soon()) == [first, second]
    assert session.images_of("Plate", 987654, soon()) == []
    both = session.name_channels([first, second], {0: "DAPI", 2: "Cy5"}, 3, soon())
    assert both == (first, second)
    for image_id in (first, second):
        names = [channel.name for channel in session.image_info(image_id, soon()).channels]
        assert (names[0], names[2]) == ("DAPI", "Cy5")
    assert session.name_channels([first], {3: "none"}, None, soon()) == ()
    assert session.name_channels([first], {0: "none"}, 2, soon()) == ()
    with pytest.raises(NotFound):
        session.rename_image(987654, "x", soon())


@pytest.mark.slow
def test_a_server_that_dies_amid_an_upload_is_told_at_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("images")
    tifffile.imwrite(folder / "one.tif", np.zeros((20, 30), np.uint8))
    server = ImageServer(folder, tmp_path_factory.mktemp("cache"))
    source = BlitzSource(server.endpoint())
    session = source.session(LOGIN, soon())
    group_id = session.user(soon()).group_id

    def content() -> Iterator[bytes]:
        yield CONTENT
        server.kill()
        yield CONTENT

    began_s = time.monotonic()
    with pytest.raises(SourceUnavailable, match="while a file was uploaded"):
        file = NewFile("n", "", "text/plain", 2 * len(CONTENT))
        session.upload_file(file, content(), group_id, soon())
    assert time.monotonic() - began_s < 15
    server.start()
    # What is left of it is no annotation's, and the next one finds its way.
    again = session.upload_file(NewFile("n", "", "text/plain", 3), [b"abc"], group_id, soon())
    assert read(session, again) == b"abc"
    source.close()
    server.kill()
