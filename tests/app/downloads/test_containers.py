"""Which images of a container are exported, and what they are called together."""

from types import SimpleNamespace

import pytest

from app.downloads import containers
from app.downloads.containers import select_exportable
from app.parsing.download_params import parse_container
from render.blitz.records import ContainerInfo
from render.errors import BadRequest, NotFound, SourceFailed
from render.values import ContainerRef, ImageInfo
from tests.app.samples import image

#: Pixel types by image; None = without pixels.
TYPES = {1: "uint8", 2: "complex", 3: None, 4: "float"}


class Archive:
    """A server with one dataset, whose images are of kinds that the embedded server has not."""

    def container(self, kind: str, container_id: int, deadline: object) -> ContainerInfo:
        return ContainerInfo(container_id, "slides", "")

    def parent(self, kind: str, child_id: int, deadline: object) -> ContainerRef | None:
        return ContainerRef(5, "liver") if child_id == 7 else None

    def images(self, dataset_id: int, deadline: object) -> list[SimpleNamespace]:
        return [SimpleNamespace(id=image_id) for image_id in (1, 2, 3, 4, 1)]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A call to it."""

    def info(call: object, image_id: int) -> ImageInfo:
        kind = TYPES.get(image_id)
        if kind is None:
            raise NotFound(f"image {image_id} has no pixels that can be read")
        if kind == "broken":
            raise SourceFailed("the disk is gone")
        return image(image_id=image_id, pixel_type=kind)

    class OwnCall(SimpleNamespace):
        image_info = info

        def __init__(self, *_: object) -> None:
            super().__init__()

    monkeypatch.setattr(containers, "Call", OwnCall)
    return SimpleNamespace(
        parts=None,
        viewer=None,
        deadline=None,
        steps=SimpleNamespace(request_id="-"),
        session=Archive(),
        settings=SimpleNamespace(download_max_images=4),
    )


def test_images_that_cannot_be_read_are_left_out_and_named(call):
    found = select_exportable(call, parse_container("d", 7, {}))
    assert [info.image_id for info in found.infos] == [1, 4]
    assert found.left_out == (2, 3)
    assert found.name == "liver-slides"


def test_a_dataset_without_a_project_has_its_own_name(call):
    assert select_exportable(call, parse_container("d", 8, {})).name == "slides"


def test_nothing_that_can_be_exported_is_nothing_there(call):
    with pytest.raises(NotFound):
        select_exportable(call, parse_container("d", 7, {"selection": "2,3,99"}))


def test_a_fault_of_the_server_is_no_image_left_out(call, monkeypatch):
    monkeypatch.setitem(TYPES, 4, "broken")
    with pytest.raises(SourceFailed):
        select_exportable(call, parse_container("d", 7, {}))


def test_too_many_are_refused_before_one_is_looked_at(call):
    call.settings.download_max_images = 3
    with pytest.raises(BadRequest, match="selection"):
        select_exportable(call, parse_container("d", 7, {}))
