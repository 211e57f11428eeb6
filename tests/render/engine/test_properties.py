"""What holds for every input, tried on many: both ways of drawing included."""

import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from render.engine import composite, geometry, histogram, projection
from render.engine.quantum import FAMILIES, pixel_range
from render.engine.windows import percentile_window
from render.errors import BadRequest
from render.values import (
    DTYPES,
    ChannelBinding,
    Color,
    Model,
    Projection,
    ProjectionKind,
    RenderingDefinition,
    Window,
)

WHITE = Color(255, 255, 255)
any_type = st.sampled_from(sorted(DTYPES))
any_color = st.builds(Color, *[st.integers(0, 255)] * 4)
odd_numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 255.0, 65535.0, 1e-320, -1e308, 1e308]),
    st.sampled_from([math.nan, math.inf, -math.inf, 2.0**31, -(2.0**31), 2.0**32]),
    st.floats(),
    st.integers(-70000, 70000).map(float),
)


def planes(pixel_type, shape=None):
    dtype = np.dtype(DTYPES[pixel_type])
    elements = st.integers(0, 1) if pixel_type == "bit" else hnp.from_dtype(dtype)
    sides = shape or hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
    return hnp.arrays(dtype, sides, elements=elements)


def one_channel(window, **more):
    return RenderingDefinition(Model.RGB, (ChannelBinding(True, window, WHITE, **more),))


@given(st.data(), any_type)
@settings(max_examples=400)
def test_odd_settings_never_fail_and_both_ways_agree(data, pixel_type):
    plane = data.draw(planes(pixel_type))
    definition = RenderingDefinition(
        data.draw(st.sampled_from(Model)),
        (
            ChannelBinding(
                True,
                Window(data.draw(odd_numbers), data.draw(odd_numbers)),
                data.draw(any_color),
                family=data.draw(st.sampled_from(FAMILIES)),
                coefficient=data.draw(st.floats(0.01, 20)),
                noise_reduction=data.draw(st.booleans()),
                reverse_intensity=data.draw(st.booleans()),
            ),
        ),
        cd_start=data.draw(st.integers(0, 100)),
        cd_end=data.draw(st.integers(101, 255)),
        bit_resolution=data.draw(st.sampled_from([1, 3, 127, 255])),
    )
    more = {
        "significant_bits": data.draw(st.one_of(st.none(), st.integers(2, 40))),
        "stats": (data.draw(st.one_of(st.none(), st.tuples(odd_numbers, odd_numbers))),),
    }
    pictures = []
    for use_numba in (True, False):
        try:
            pictures.append(
                composite.compose([plane], pixel_type, definition, use_numba=use_numba, **more)
            )
        except BadRequest as error:
            # The one thing that may be refused: a window that starts beyond the type's end.
            assert "starts beyond" in error.detail
            pictures.append(None)
    first, second = pictures
    if first is None or second is None:
        assert first is second
    else:
        np.testing.assert_array_equal(first, second)


@given(st.data(), any_type, st.sampled_from(["reversed", "nan", "wide"]))
def test_an_impossible_window_means_the_whole_type(data, pixel_type, fault):
    assume(not (fault == "wide" and pixel_type in ("float", "double")))
    low, high = pixel_range(pixel_type)
    window = {
        "reversed": Window(high, low),
        "nan": Window(math.nan, high),
        "wide": Window(low - 2.0**33, high),
    }[fault]
    plane = data.draw(planes(pixel_type))
    np.testing.assert_array_equal(
        composite.compose([plane], pixel_type, one_channel(window)),
        composite.compose([plane], pixel_type, one_channel(Window(low, high))),
    )


@given(
    st.sampled_from(["int8", "uint8", "int16", "uint16", "int32", "uint32"]),
    st.data(),
    st.booleans(),
)
def test_window_ends_map_to_0_and_255(pixel_type, data, reverse):
    low, high = map(int, pixel_range(pixel_type))
    start = data.draw(st.integers(low, high - 1))
    end = data.draw(st.integers(start + 1, high))
    plane = np.array([[low, start, end, high]]).astype(DTYPES[pixel_type])
    definition = one_channel(Window(start, end), reverse_intensity=reverse)
    levels = composite.compose([plane], pixel_type, definition)[0, :, 0].tolist()
    assert levels == ([255, 255, 0, 0] if reverse else [0, 0, 255, 255])


@given(st.floats(-1e9, 1e9, width=32), st.floats(2**-9, 1e9, width=32))
def test_window_ends_of_floats_map_to_0_and_255(start, width):
    end = float(np.float32(start + width))
    assume(end > start)
    plane = np.array([[-math.inf, start, end, math.inf, math.nan]]).astype(">f4")
    definition = one_channel(Window(start, end))
    levels = composite.compose([plane], "float", definition)[0, :, 0].tolist()
    assert levels == [0, 0, 255, 255, 0]


@given(st.data(), st.permutations(range(4)), st.sampled_from(["uint8", "uint16", "float"]))
def test_channel_order_does_not_matter(data, order, pixel_type):
    drawn = [data.draw(planes(pixel_type, (3, 5))) for _ in order]
    bindings = [
        ChannelBinding(data.draw(st.booleans()), Window(0, 200), data.draw(any_color))
        for _ in order
    ]
    ordered = composite.compose(
        drawn, pixel_type, RenderingDefinition(Model.RGB, tuple(bindings)), shape=(3, 5)
    )
    shuffled = composite.compose(
        [drawn[i] for i in order],
        pixel_type,
        RenderingDefinition(Model.RGB, tuple(bindings[i] for i in order)),
        shape=(3, 5),
    )
    np.testing.assert_array_equal(ordered, shuffled)


@given(hnp.arrays(np.uint8, (5, 7, 4)), st.booleans(), st.booleans())
def test_flipping_twice_is_nothing(picture, horizontal, vertical):
    twice = geometry.flip(geometry.flip(picture, horizontal, vertical), horizontal, vertical)
    np.testing.assert_array_equal(twice, picture)


@given(hnp.arrays(np.uint8, (5, 7, 3)))
def test_four_quarter_turns_are_nothing(picture):
    turned = picture
    for _ in range(4):
        turned = geometry.rotate(turned, 90)
    np.testing.assert_array_equal(turned, picture)
    half = geometry.rotate(picture, 180)
    np.testing.assert_array_equal(half, geometry.flip(picture, True, True))
    np.testing.assert_array_equal(geometry.rotate(half, 270), geometry.rotate(picture, 90))


@given(
    st.data(),
    any_type,
    st.sampled_from(ProjectionKind),
    st.booleans(),
    st.integers(-3, 9),
)
def test_a_projection_over_one_section_is_that_section(data, pixel_type, kind, inclusive, z):
    plane = data.draw(planes(pixel_type))
    planned = projection.plan(Projection(kind, z, z), pixel_type, 7, inclusive=inclusive)
    assert list(planned.sections) == [min(max(z, 0), 6)]
    planned.accumulator.add(plane)
    expected = plane
    if kind is ProjectionKind.MAXIMUM:
        # The server's maximum starts at 0 and passes over NaN.
        expected = np.fmax(plane, np.zeros_like(plane))
        if pixel_type == "uint32":
            expected = np.minimum(expected, 2**31 - 1)
    np.testing.assert_array_equal(planned.accumulator.result(), expected.astype(plane.dtype))


@given(st.data(), any_type)
def test_a_whole_range_histogram_counts_every_value_once(data, pixel_type):
    plane = data.draw(planes(pixel_type))
    ends = histogram.minmax(plane, pixel_type)
    bins = data.draw(st.integers(1, 300))
    counts = histogram.histogram(plane, pixel_type, ends, bins)
    assert counts.sum() == np.count_nonzero(~np.isnan(plane))
    assert counts.size == bins
    if pixel_type in ("uint8", "int16"):
        plain = histogram.histogram(plane, pixel_type, ends, bins, use_numba=False)
        np.testing.assert_array_equal(plain, counts)


@given(st.data(), any_type, st.floats(0, 49), st.floats(51, 100))
def test_a_percentile_window_lies_within_the_values(data, pixel_type, low_percent, high_percent):
    plane = data.draw(planes(pixel_type))
    window = percentile_window([plane], pixel_type, low_percent, high_percent)
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        assert window == Window(*pixel_range(pixel_type))
        return
    low, high = float(finite.min()), float(finite.max())
    assert low <= window.start <= high
    assert window.start <= window.end <= max(high, window.start + 1)
