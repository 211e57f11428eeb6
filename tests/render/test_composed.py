"""Jobs of composed pictures and of shapes are plain values: any worker can do them."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image

from render.composed import LinePlotJob, LookupTableStripJob, PlotCurve, SplitChannelJob
from render.engine.composite import compiled_loops_available
from render.errors import NotFound
from render.framed import FramedJob
from render.job import RenderJob
from render.shape_pictures import CardJob, MaskJob, ShapeThumbnailJob, frame_of, mask_size
from render.shapes import Ellipse, Mask, Shape
from render.values import (
    ChannelBinding,
    Color,
    Encoding,
    Model,
    RenderingDefinition,
    Window,
)

PNG = Encoding("png")
PLANE = np.arange(120 * 200).reshape(120, 200).astype(">u2")
DEFINITION = RenderingDefinition(
    Model.RGB, (ChannelBinding(True, Window(0, 24000), Color(255, 255, 255)),)
)
TABLE = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, 1)
SHAPE = Shape(1, 2, 3, Ellipse(30, 40, 20, 10))


@pytest.mark.parametrize(
    "made",
    [
        SplitChannelJob(
            RenderJob(
                (PLANE,),
                "uint16",
                DEFINITION,
                luts={"a.lut": TABLE},
                shape=(120, 200),
                encoding=PNG,
            ),
            Model.RGB,
            ("DAPI", "merged"),
        ),
        LinePlotJob([PlotCurve(PLANE[3], (0, 24000), (255, 0, 0))], "x", (200, 120), 3),
        LinePlotJob([PlotCurve(PLANE[:, 3], (0, 24000), (255, 0, 0))], "y", (200, 120), 3),
        LookupTableStripJob([TABLE, None]),
        ShapeThumbnailJob(
            shape=SHAPE,
            frame=frame_of(SHAPE),
            picture=RenderJob((PLANE,), "uint16", DEFINITION),
            canvas=(250, 166),
            corner=(20, 10),
            color=(255, 0, 0),
            encoding=PNG,
        ),
        CardJob(PNG),
        MaskJob(Mask(0, 0, 4, 4, b"\x55\xaa"), Color(1, 2, 3, 4), rotation=90),
    ],
    ids=lambda made: type(made).__name__,
)
def test_a_job_that_was_sent_elsewhere_gives_the_same(made):
    assert pickle.loads(pickle.dumps(made)).run() == made.run()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (5, 3)])
def test_masks_of_any_size_are_written(size):
    width, height = size
    bits = np.random.default_rng(2).integers(0, 2, (height, width)).astype(bool)
    data = np.packbits(bits).tobytes()
    image = Image.open(io.BytesIO(MaskJob(Mask(0, 0, *size, data), Color(9, 8, 7, 6)).run()))
    assert image.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(image), bits[..., None] * np.array([9, 8, 7, 6]))


@pytest.mark.parametrize("sides", [(float("nan"), 4), (float("inf"), 4), (4, 1e300)])
def test_masks_without_a_size_are_refused(sides):
    with pytest.raises(NotFound):
        mask_size(Mask(0, 0, *sides, b""))
    with pytest.raises(NotFound):
        frame_of(Shape(1, 2, 3, Mask(0, 0, *sides, b"")))


def test_a_mask_that_is_flattened_covers_nothing():
    def drawn(transform):
        shape = Shape(1, 2, 3, Mask(0, 0, 8, 1, b"\xff"), transform=transform)
        return ShapeThumbnailJob(
            shape=shape, frame=frame_of(shape), picture=None, canvas=(250, 166), corner=(0, 0),
            color=(255, 0, 0), encoding=PNG,
        ).run()  # fmt: skip

    plain, flat = (
        np.asarray(Image.open(io.BytesIO(drawn(transform))))
        for transform in (None, (1.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    )
    assert (plain != 221).any() and (flat == 221).all()


@pytest.mark.parametrize(
    ("made", "pictures"),
    [
        (RenderJob((PLANE,), "uint16", DEFINITION), 1),
        (FramedJob(RenderJob((PLANE,), "uint16", DEFINITION), (250, 166), (20, 10)), 1),
        (
            SplitChannelJob(
                RenderJob((PLANE,), "uint16", DEFINITION, shape=(120, 200)), Model.RGB, ("a", "b")
            ),
            2,
        ),
    ],
    ids=lambda made: type(made).__name__,
)
def test_other_threads_are_let_draw_with_it(made, pictures):
    if not compiled_loops_available():
        pytest.skip("numba is not installed")
    shared = []

    def share(part, others):
        part()
        shared.append(others)

    assert made.run(share) == made.run()
    assert len(shared) == pictures
