"""Jobs are plain values, and give what the engine's parts give one after the other."""

import io
import pickle

import numpy as np
import pytest
from PIL import Image

from render import job
from render.engine.projection import Accumulator
from render.values import (
    ChannelBinding,
    Color,
    Encoding,
    Model,
    ProjectionKind,
    RenderingDefinition,
    Window,
)

PLANE = np.arange(12 * 20).reshape(12, 20).astype(">u2")
DEFINITION = RenderingDefinition(
    Model.RGB, (ChannelBinding(True, Window(0, 239), Color(255, 255, 255)),)
)


def render_job(**more):
    return job.RenderJob((PLANE,), "uint16", DEFINITION, encoding=Encoding("png"), **more)


@pytest.mark.parametrize(
    "made",
    [
        render_job(luts={"a.lut": np.zeros((256, 3), np.uint8)}, size=(7, 5)),
        job.HistogramJob(PLANE, "uint16", (0.0, 239.0), 16),
        job.ArrayJob((PLANE,), "uint16", "npy"),
        job.ArrayJob((PLANE, PLANE + 1), "uint16", "npy", rotation=90),
        job.MinMaxJob((PLANE, PLANE * 2), "uint16"),
        job.WindowJob((PLANE,), "uint16", 1, 99),
    ],
    ids=lambda made: type(made).__name__,
)
def test_a_job_that_was_sent_elsewhere_gives_the_same(made):
    assert pickle.loads(pickle.dumps(made)).run() == made.run()


def test_a_projection_under_way_can_be_sent_elsewhere():
    accumulator = Accumulator(ProjectionKind.MAXIMUM, "uint16")
    for plane in (PLANE, PLANE[::-1]):
        sent = pickle.loads(pickle.dumps(job.ProjectJob(accumulator, (plane,))))
        accumulator = sent.run()
    np.testing.assert_array_equal(accumulator.result(), np.maximum(PLANE, PLANE[::-1]))


def test_a_picture_is_scaled_then_mirrored_then_turned():
    plain = render_job(size=(10, 6)).picture()
    made = render_job(size=(10, 6), flip_horizontal=True, rotation=90)
    np.testing.assert_array_equal(made.picture(), np.rot90(plain[:, ::-1], -1))
    image = Image.open(io.BytesIO(made.run()))
    assert image.size == (6, 10)


def test_a_histogram_tells_its_range():
    result = job.HistogramJob(PLANE, "uint16", None, 10).run()
    assert (result.low, result.high) == (0.0, 239.0)
    assert sum(result.counts) == PLANE.size and len(result.counts) == 10
