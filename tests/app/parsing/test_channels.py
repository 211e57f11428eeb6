"""The grammar of `c` and `maps`, and what they do to stored settings."""

import json
import math
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.parsing.channels import ChannelMap, apply_channels, parse_channels, parse_maps
from render.values import ChannelBinding, Color, Model, RenderingDefinition, Window

RED, GREEN, BLUE = Color(255, 0, 0), Color(0, 255, 0), Color(0, 0, 255)


def definition(channels: int = 3) -> RenderingDefinition:
    return RenderingDefinition(
        Model.RGB,
        tuple(
            ChannelBinding(
                active=index != 2,
                window=Window(10.0 * index, 100.0 + index),
                color=(RED, GREEN, BLUE)[index % 3],
                lut="fire.lut" if index == 1 else None,
                reverse_intensity=index == 0,
                family="exponential",
                coefficient=2.0,
            )
            for index in range(channels)
        ),
    )


def applied(text: str, maps: str | None = None, channels: int = 3) -> RenderingDefinition:
    return apply_channels(definition(channels), parse_channels(text, maps))


def active(text: str) -> list[int]:
    bindings = applied(text).bindings
    return [index + 1 for index, binding in enumerate(bindings) if binding.active]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,-2,3", [1, 3]),
        ("2", [2]),
        ("+2", [2]),
        ("", []),
        ("-1", []),
        ("3,1", [1, 3]),
        ("x,2,²,,1a", [2]),
        ("0,2,99", [2]),
        ("9" * 5000 + ",1", [1]),
        ("-2,2", [2]),
        (" 1 | 0:5 ", [1]),
        ("--1", []),
        ("1|0,5:255$FF0000", [1]),
    ],
)
def test_listed_channels_are_on_and_all_others_off(text, expected):
    assert active(text) == expected


def test_windows_and_colours_belong_to_their_own_entry_in_any_order():
    bindings = applied("3|5:6$FF0000,1|1:2$00FF00").bindings
    assert (bindings[0].window, bindings[0].color) == (Window(1, 2), GREEN)
    assert (bindings[2].window, bindings[2].color) == (Window(5, 6), RED)


def test_entries_for_channels_that_do_not_exist_shift_nothing():
    bindings = applied("0|7:8$FFF,1|1:2,7|9:9,2|3:4").bindings
    assert [binding.window for binding in bindings[:2]] == [Window(1, 2), Window(3, 4)]


def test_of_two_entries_for_a_channel_the_first_counts_and_on_beats_off():
    binding = applied("-1|1:2$F00,1|3:4$0F0").bindings[0]
    assert (binding.active, binding.window, binding.color) == (True, Window(1, 2), RED)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("1|100:600", Window(100, 600)),
        ("1|-5:-1.5", Window(-5, -1.5)),
        ("1|0.5:1e3$F00", Window(0.5, 1000)),
        ("1|1_000:inf", Window(1000, math.inf)),
        ("1|600:100", Window(600, 100)),
        ("1|5", Window(0, 100)),
        ("1|1:2:3", Window(0, 100)),
        ("1|a:b$F00", Window(0, 100)),
        ("1|", Window(0, 100)),
        ("1|:", Window(0, 100)),
    ],
)
def test_a_window_that_cannot_be_read_stays_as_stored(text, window):
    assert applied(text).bindings[0].window == window


@pytest.mark.parametrize(
    ("text", "window", "inverted"),
    [
        ("1|12:1386r", (12, 1386), True),
        ("1|12:1386-r$F00", (12, 1386), False),
        ("1|r", (0, 100), True),
    ],
)
def test_the_old_suffix_for_inversion_keeps_the_window(text, window, inverted):
    binding = applied(text).bindings[0]
    assert (binding.window, binding.reverse_intensity) == (Window(*window), inverted)


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("1|0:9$00F", BLUE),
        ("1|$00f", BLUE),
        ("1$0000FF", BLUE),
        ("1$0F0|0:9$00F", BLUE),
        ("1|0:9$#0000FF", BLUE),
        ("1|0:9$00F8", Color(0, 0, 255, 0x88)),
        ("1|0:9$0000FF80", Color(0, 0, 255, 0x80)),
        ("1|0:9$red", RED),
        ("1|0:9$12345", RED),
        ("1|0:9$0000FF$00FF00", RED),
        ("1|0:9$", RED),
        ("1$0F0$00F", RED),
    ],
)
def test_colours(text, color):
    assert applied(text).bindings[0].color == color


def test_a_colour_removes_the_lookup_table_and_a_lookup_table_keeps_the_colour():
    assert applied("2|0:9$00F").bindings[1].lut is None
    binding = applied("1|0:9$Cool.LUT").bindings[0]
    assert (binding.lut, binding.color) == ("Cool.LUT", RED)
    assert applied("2|0:9").bindings[1].lut == "fire.lut"


def test_maps_belong_to_the_entry_in_the_same_place():
    maps = json.dumps(
        [
            {
                "inverted": {"enabled": True},
                "quantization": {"family": "polynomial", "coefficient": 1.7},
            },
            {"reverse": {"enabled": "true"}},
        ]
    )
    bindings = applied("3|0:9,2|0:9", maps).bindings
    assert (bindings[2].reverse_intensity, bindings[2].family, bindings[2].coefficient) == (
        True,
        "polynomial",
        1.7,
    )
    assert (bindings[1].reverse_intensity, bindings[1].family) == (True, "exponential")
    assert bindings[0].reverse_intensity is True


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, ChannelMap()),
        ({"inverted": {"enabled": False}}, ChannelMap(False)),
        ({"inverted": {"enabled": None}}, ChannelMap(False)),
        ({"inverted": None, "reverse": {"enabled": 1}}, ChannelMap(True)),
        ({"inverted": {"enabled": False}, "reverse": {"enabled": True}}, ChannelMap(False)),
        ({"inverted": True}, ChannelMap()),
        (7, ChannelMap()),
        (None, ChannelMap()),
        ({"quantization": {"family": "linear"}}, ChannelMap(None, "linear", 1.0)),
        ({"quantization": {"family": "cubic", "coefficient": 2}}, ChannelMap()),
        ({"quantization": {"coefficient": 2}}, ChannelMap()),
        ({"quantization": {"family": "exponential", "coefficient": 0}}, ChannelMap()),
        ({"quantization": {"family": "exponential", "coefficient": 1e999}}, ChannelMap()),
        ({"quantization": {"family": "exponential", "coefficient": []}}, ChannelMap()),
        ({"quantization": {"family": ["linear"]}}, ChannelMap()),
        ({"quantization": "linear", "inverted": {"enabled": True}}, ChannelMap(True)),
    ],
)
def test_an_item_of_maps_that_cannot_be_read_spoils_no_other(item, expected):
    good = {"inverted": {"enabled": True}}
    assert parse_maps(json.dumps([item, good])) == (expected, ChannelMap(True))


@pytest.mark.parametrize("text", ["", "x", "{}", "3", "[" * 100000, '"maps"', "[1" + "0" * 5000])
def test_maps_that_are_no_list_say_nothing(text):
    assert parse_maps(text) == ()


@given(st.text(alphabet=st.sampled_from(list("0123456789,|$:-+#.eraFlutnif ²१'")), max_size=60))
def test_any_text_can_be_applied_to_any_image(text):
    for channels in (1, 3):
        result = applied(text, "[{}]", channels)
        assert len(result.bindings) == channels


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_at_all_makes_the_parser_raise(text, maps):
    parse_channels(text, maps)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["inverted", "reverse", "enabled", "quantization", "family", "coefficient"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4))
def test_any_json_in_maps_leaves_usable_bindings(items):
    for binding in applied("1,2,3", json.dumps(items)).bindings:
        assert binding.family in ("linear", "polynomial", "exponential", "logarithmic")
        assert binding.coefficient > 0
        assert isinstance(binding.reverse_intensity, bool)


def test_a_family_in_maps_turns_noise_reduction_off_as_omeros_clients_do():
    noisy = definition()
    noisy = noisy.with_bindings(
        tuple(replace(binding, noise_reduction=True) for binding in noisy.bindings)
    )
    maps = '[{"quantization": {"family": "linear"}}, {"inverted": {"enabled": true}}]'
    bindings = apply_channels(noisy, parse_channels("1,2", maps)).bindings
    assert [binding.noise_reduction for binding in bindings[:2]] == [False, True]


def test_channels_that_no_image_has_do_not_fill_the_memory():
    texts = [f"{first}," + "-2," * 20_000 for first in range(1, 12)]
    tracemalloc.start()
    try:
        bindings = [applied(text) for text in texts]
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert bindings[0] != bindings[1]
    # One of them alone comes to 5 MB.
    assert kept < 1_000_000
