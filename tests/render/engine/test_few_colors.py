"""Pictures in 256 colours: exact where they suffice, else as close as median cut of all pixels."""

import numpy as np
from PIL import Image

from render.engine.few_colors import in_few_colors


def drawn(picture: np.ndarray) -> np.ndarray:
    numbers, colors = in_few_colors(picture)
    assert numbers.shape == picture.shape[:2] and numbers.dtype == np.uint8
    assert numbers.max() < len(colors) <= 256
    return colors[numbers]


def noisy(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    smooth = np.stack(
        [np.sin(columns / 50) * 90 + 120, np.cos(rows / 70) * 90 + 120, (rows + columns) % 200],
        axis=-1,
    )
    noise = np.random.default_rng(4).normal(0, 8, smooth.shape)
    return np.clip(smooth + noise, 0, 255).astype(np.uint8)


def test_up_to_256_colours_stay_as_they_are():
    grey = np.random.default_rng(1).integers(0, 256, (700, 500), np.uint8)
    picture = np.stack([grey, grey // 2, 255 - grey], axis=-1)
    np.testing.assert_array_equal(drawn(picture), picture)
    # One pixel of a colour of its own is not lost in a large plain picture.
    plain = np.zeros((900, 900, 3), np.uint8)
    plain[501, 333] = (255, 10, 30)
    np.testing.assert_array_equal(drawn(plain), plain)


def test_more_colours_are_met_as_closely_as_by_median_cut_of_all_pixels():
    for size in ((60, 90), (700, 800)):
        picture = noisy(*size)
        cut = Image.fromarray(picture).quantize(
            256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        expected = np.asarray(cut.convert("RGB"))

        def mean_square(found: np.ndarray, picture: np.ndarray = picture) -> float:
            return float(np.square(found.astype(float) - picture).mean())

        assert mean_square(drawn(picture)) <= mean_square(expected)


def test_a_sample_of_few_colours_does_for_a_picture_of_many():
    # Every fourth pixel is black, and it is these that are looked at.
    picture = noisy(1400, 1500)
    picture[::4, ::4] = 0
    picture[::5, ::5] = 0
    assert drawn(picture).shape == picture.shape


def test_the_same_picture_gives_the_same_colours():
    picture = noisy(400, 500)
    for one, other in zip(in_few_colors(picture), in_few_colors(picture), strict=True):
        np.testing.assert_array_equal(one, other)
