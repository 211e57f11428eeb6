"""The engine's tables and loops against the same arithmetic done plainly, value by value."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from render.engine import composite, scale
from render.engine.quantum import FAMILIES, pixel_range, settings_of
from render.errors import BadRequest
from render.values import DTYPES, ChannelBinding, Color, Model, RenderingDefinition, Window
from tests.render.engine import plainly


def edges_and_between(pixel_type, window):
    """Give the values where something changes, and some between them."""
    dtype = np.dtype(DTYPES[pixel_type])
    low, high = (0, 1) if pixel_type == "bit" else pixel_range(pixel_type)
    spots = [low, high, 0, *(end for end in window if math.isfinite(end))]
    inside = np.linspace(*np.clip(np.nan_to_num(window), low, high), 40)
    near = [spot + step for spot in spots for step in (-1, -0.5, 0, 0.5, 1)]
    values = np.concatenate([near, inside])
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return np.concatenate([values, [math.nan, math.inf, -math.inf]]).astype(dtype)
    return np.clip(values, low, high).astype(dtype)


def numbers(pixel_type):
    low, high = pixel_range(pixel_type)
    odd = [math.nan, math.inf, -math.inf, low, high, high + 1, low - 1, high + 0.5, 2.0 * high]
    return st.one_of(
        st.floats(low, high),
        st.integers(int(low), int(high)).map(float),
        st.floats(0, 300),
        st.sampled_from([*map(float, odd), 0.0, 1e-320, 0.25]),
    )


@pytest.mark.parametrize("pixel_type", sorted(DTYPES))
@given(st.data())
@settings(max_examples=60)
def test_every_way_to_a_level_is_the_same(pixel_type, data):
    either = numbers(pixel_type)
    window = data.draw(st.tuples(either, either))
    if data.draw(st.booleans()) and window[0] > window[1]:
        window = window[::-1]
    binding = ChannelBinding(
        True,
        Window(*window),
        Color(255, 255, 255),
        family=data.draw(st.sampled_from(FAMILIES)),
        coefficient=data.draw(st.sampled_from([0.1, 0.5, 1.0, 1.18, 1.7, 2.0, 3.0])),
        noise_reduction=data.draw(st.booleans()),
        reverse_intensity=data.draw(st.booleans()),
    )
    definition = RenderingDefinition(
        Model.GREYSCALE,
        (binding,),
        cd_start=data.draw(st.sampled_from([0, 1, 20, 50])),
        cd_end=data.draw(st.sampled_from([51, 200, 255])),
        bit_resolution=data.draw(st.sampled_from([1, 7, 127, 255])),
    )
    bits = data.draw(st.sampled_from([None, None, 2, 7, 12, 20, 40]))
    stats = data.draw(st.one_of(st.none(), st.tuples(either, either)))
    plane = edges_and_between(pixel_type, window)[np.newaxis]
    quantum = settings_of(definition, binding, pixel_type, bits, stats)
    try:
        expected = [plainly.level_of(value, quantum) for value in plane[0].tolist()]
    except plainly.Refused:
        with pytest.raises(BadRequest):
            composite.compose(
                [plane], pixel_type, definition, significant_bits=bits, stats=(stats,)
            )
        return
    for use_numba in (True, False):
        drawn = composite.compose(
            [plane],
            pixel_type,
            definition,
            significant_bits=bits,
            stats=(stats,),
            use_numba=use_numba,
        )
        assert drawn[0, :, 0].tolist() == expected


@pytest.mark.parametrize("sizes", [(512, 96), (3, 1), (3, 50), (40, 40), (50, 37), (1000, 3)])
def test_the_scaling_filter_has_the_same_taps_to_the_bit(sizes):
    made = scale._filter(*sizes)
    for target, row in enumerate(plainly.filter_taps(*sizes)):
        sources, weights = zip(*row, strict=True)
        assert made.taps[target] == len(row)
        assert tuple(made.sources[target, : len(row)]) == sources
        assert tuple(made.weights[target, : len(row)]) == weights
        assert not made.weights[target, len(row) :].any()
