"""Files of movies: the same bytes for the same frames, sides of any size, faults of the disk."""

from pathlib import Path

import av
import numpy as np
import pytest

from render.engine.marks import Marks
from render.errors import StorageFailed
from render.job import RenderJob
from render.movie import FORMATS, FrameJob, MovieWriter
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window


def written(path: Path, format_name: str, shape: tuple[int, int], count: int = 3) -> bytes:
    writer = MovieWriter(path, FORMATS[format_name], 10)
    for number in range(count):
        writer.add(np.full((*shape, 3), 40 * number, np.uint8))
    writer.finish()
    return path.read_bytes()


@pytest.mark.parametrize("format_name", list(FORMATS))
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, format_name: str):
    first = written(tmp_path / "first", format_name, (48, 62))
    assert first == written(tmp_path / "second", format_name, (48, 62))


@pytest.mark.parametrize("format_name", list(FORMATS))
@pytest.mark.parametrize("shape", [(2, 2), (2, 300), (300, 2)])
def test_sides_can_be_short(tmp_path: Path, format_name: str, shape: tuple[int, int]):
    written(tmp_path / "movie", format_name, shape)
    with av.open(str(tmp_path / "movie")) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [frame.shape for frame in frames] == [(*shape, 3)] * 3
    for number, frame in enumerate(frames):
        assert abs(int(frame.mean()) - 40 * number) <= 3


@pytest.mark.parametrize("format_name", list(FORMATS))
def test_a_full_disk_is_told(format_name: str):
    writer = MovieWriter(Path("/dev/full"), FORMATS[format_name], 4)
    random = np.random.default_rng(1)
    with pytest.raises(StorageFailed, match="No space left"):
        for _ in range(3):
            writer.add(random.integers(0, 255, (64, 64, 3), np.uint8))
        writer.finish()


def test_odd_sides_are_filled_with_what_is_beside():
    binding = ChannelBinding(active=True, window=Window(0, 255), color=Color(255, 255, 255))
    plane = np.arange(15, dtype=np.uint8).reshape(3, 5) * 10
    picture = RenderJob(
        (plane,), "uint8", RenderingDefinition(Model.GREYSCALE, (binding,)), shape=(3, 5)
    )
    odd = FrameJob(picture, Marks(), even=False).run()
    even = FrameJob(picture, Marks(), even=True).run()
    assert odd.shape == (3, 5, 3) and even.shape == (4, 6, 3)
    np.testing.assert_array_equal(even[:3, :5], odd)
    np.testing.assert_array_equal(even[3], even[2])
    np.testing.assert_array_equal(even[:, 5], even[:, 4])
