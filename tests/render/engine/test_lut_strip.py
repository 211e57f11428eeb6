"""The picture of all lookup tables."""

import io

import numpy as np
from PIL import Image

from render.composed import LookupTableStripJob


def test_tables_stand_below_one_another_above_a_gradient():
    random = np.random.default_rng(3)
    first, third = (random.integers(0, 256, (256, 3)).astype(np.uint8) for _ in range(2))
    image = Image.open(io.BytesIO(LookupTableStripJob([first, None, third]).run()))
    assert image.mode == "RGBA"
    strip = np.asarray(image)
    assert strip.shape == (40, 256, 4)
    for row, table in ((0, first), (1, np.full((256, 3), 255)), (2, third)):
        assert (strip[10 * row : 10 * row + 10, :, :3] == table).all()
    assert (strip[:30, :, 3] == 255).all()
    assert not strip[30:, :, :3].any()
    fade = strip[35, :, 3].astype(int)
    assert fade[0] == 255 and not fade[179:].any() and (np.diff(fade[:180]) < 0).all()
