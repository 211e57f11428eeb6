"""From query strings to request objects: defaults, leniency, complaints naming the culprit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.params import (
    Orientation,
    ProjectionRequest,
    check_complete_settings,
    parse_histogram,
    parse_image,
    parse_image_region,
    parse_thumbnail,
)
from render.errors import BadRequest
from render.values import Encoding, Model, ProjectionKind, Region, TileIndex

QUALITY = 0.85


def image(**query):
    return parse_image(12, None, None, query, QUALITY)


def area(**query):
    return parse_image_region(12, 0, 0, query, QUALITY).area


def test_defaults_are_filled_in():
    request = image()
    assert request.encoding == Encoding("jpeg", QUALITY)
    assert request.settings.channels is None and request.settings.model is None
    assert request.projection is None and request.orientation == Orientation()


def test_unknown_parameters_are_ignored():
    assert image(_="17", version="2", rev="x", debug="slow", zm="100", ia="1", z="q") == image()


@pytest.mark.parametrize(
    ("text", "quality"),
    [("0.9", 0.9), ("0,900000", 0.9), ("7", 1.0), ("-1", 0.0), ("", QUALITY), (" 1e-1 ", 0.1)],
)
def test_quality(text, quality):
    assert image(q=text).encoding.quality == quality


@pytest.mark.parametrize("text", ["x", "nan", "inf", "0.9.1", "1,2,3"])
def test_quality_that_is_no_number_is_refused(text):
    with pytest.raises(BadRequest) as caught:
        image(q=text)
    assert caught.value.parameter == "q"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "jpeg"),
        ("JPEG", "jpeg"),
        ("jpg", "jpeg"),
        ("png", "png"),
        ("webp", "webp"),
        ("tiff", "tif"),
    ],
)
def test_formats(text, name):
    assert image(format=text).encoding.format == name


def test_a_format_that_is_not_offered_is_refused():
    with pytest.raises(BadRequest, match="choose one of jpeg, png"):
        image(format="bmp")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("normal", None),
        ("split", None),
        ("", None),
        ("INTMAX", None),
        ("intmax", ProjectionRequest(ProjectionKind.MAXIMUM)),
        ("intmax|2:5", ProjectionRequest(ProjectionKind.MAXIMUM, 2, 5)),
        ("intmean|-3:99", ProjectionRequest(ProjectionKind.MEAN, -3, 99)),
        ("intsum|x:2", ProjectionRequest(ProjectionKind.SUM)),
        ("intsum|2", ProjectionRequest(ProjectionKind.SUM)),
        ("intsum|1:2:3", ProjectionRequest(ProjectionKind.SUM)),
    ],
)
def test_projection(text, expected):
    assert image(p=text).projection == expected


@pytest.mark.parametrize(("text", "model"), [("g", Model.GREYSCALE), ("c", Model.RGB), ("G", None)])
def test_model(text, model):
    assert image(m=text).settings.model == model


def test_maps_without_c_is_told_about():
    assert image(maps="[]").settings.warnings
    assert not image(maps="[]", c="1").settings.warnings


TOLD = '{"inverted": {"enabled": false}, "quantization": {"family": "linear"}}'


@pytest.mark.parametrize(
    ("query", "complete"),
    [
        ({"c": "1|0:9$F00", "m": "c", "maps": f"[{TOLD}]"}, True),
        ({"c": "1|0:9$F00,-2", "m": "c", "maps": f"[{TOLD}, {{}}]"}, True),
        ({"c": "", "m": "c"}, True),
        # Inversion, family, opacity, windows, colours and model can be stored otherwise.
        ({"c": "1|0:9$F00", "m": "c"}, False),
        ({"c": "1|0:9$F00", "m": "c", "maps": '[{"inverted": {"enabled": false}}]'}, False),
        ({"c": "1|0:9$F00", "m": "c", "maps": '[{"quantization": {"family": "linear"}}]'}, False),
        ({"c": "1|0:9$F00,2|0:9$F00", "m": "c", "maps": f"[{TOLD}]"}, False),
        ({"c": "1|0:9$cool.lut", "m": "g", "maps": f"[{TOLD}]"}, False),
        ({"c": "1|0:9$F00", "maps": f"[{TOLD}]"}, False),
        ({"c": "1|0:9", "m": "c", "maps": f"[{TOLD}]"}, False),
        ({"c": "1$F00", "m": "c", "maps": f"[{TOLD}]"}, False),
        # What counts of several entries for a channel is the first.
        ({"c": "-1,1|0:9$F00", "m": "c", "maps": f"[{{}}, {TOLD}]"}, False),
        ({"c": "-1|0:9$F00,1", "m": "c", "maps": f"[{TOLD}, {{}}]"}, True),
        ({"m": "c", "maps": f"[{TOLD}]"}, False),
    ],
)
def test_settings_are_complete_when_nothing_stored_shows(query, complete):
    assert image(**query).settings.complete is complete


@pytest.mark.parametrize(
    ("text", "tile"),
    [
        ("0,1,1,256,128", TileIndex(0, 1, 1, 256, 128)),
        ("2,1,3", TileIndex(2, 1, 3)),
        ("0,0,0,0,-5", TileIndex(0, 0, 0)),
        ("0,-1,0,64,64,9,x", TileIndex(0, -1, 0, 64, 64)),
        (" 0 , +1 ,1", TileIndex(0, 1, 1)),
    ],
)
def test_tiles(text, tile):
    assert area(tile=text) == tile


@pytest.mark.parametrize(
    "text",
    ["x", "1,2", "0,0,0,256", "0,0,0,a,b", "-1,0,0", "0,0,1.5", "0,0,٣", "0,0," + "9" * 5000],
)
def test_malformed_tiles_are_refused(text):
    with pytest.raises(BadRequest) as caught:
        area(tile=text)
    assert caught.value.parameter == "tile"


def test_region_and_tile_together():
    assert area(region="-5,10,20,30,40") == Region(-5, 10, 20, 30)
    assert area(region="0,0,1,1", tile="0,0,0") == TileIndex(0, 0, 0)
    assert area(region="0,0,1,1", tile="") == Region(0, 0, 1, 1)


@pytest.mark.parametrize(
    "query", [{}, {"tile": ""}, {"region": ""}, {"region": "1,2,3"}, {"region": "1,2,3,x"}]
)
def test_malformed_regions_are_refused(query):
    with pytest.raises(BadRequest):
        area(**query)


@pytest.mark.parametrize(
    ("query", "orientation"),
    [
        ({"flip": "h"}, Orientation(True, False, 0)),
        ({"flip": "vh", "rot": "90"}, Orientation(True, True, 90)),
        ({"rot": "270"}, Orientation(False, False, 270)),
    ],
)
def test_orientation(query, orientation):
    assert image(**query).orientation == orientation


@pytest.mark.parametrize("query", [{"flip": "x"}, {"rot": "45"}, {"rot": "x"}])
def test_orientations_that_do_not_exist_are_refused(query):
    with pytest.raises(BadRequest):
        image(**query)


def test_thumbnails_take_a_section():
    request = parse_thumbnail(3, 64, None, {"z": "2", "t": "", "rdefId": "5"})
    assert (request.z, request.t, request.rdef_id) == (2, None, 5)


@pytest.mark.parametrize("query", [{"z": "x"}, {"t": "-1"}, {"rdefId": "1.5"}])
def test_thumbnails_refuse_what_is_no_index(query):
    with pytest.raises(BadRequest):
        parse_thumbnail(3, None, None, query)


def test_histograms():
    assert parse_histogram(1, 2, {}, 1000).bins == 256
    assert parse_histogram(1, 2, {"bins": "-3"}, 1000).bins == 256
    request = parse_histogram(1, 2, {"bins": "16", "theZ": "3", "theT": "1", "p": "intmax"}, 1000)
    assert (request.bins, request.z, request.t) == (16, 3, 1)
    assert request.projection is not None
    for query in ({"bins": "x"}, {"bins": "1001"}, {"theZ": "-1"}, {"theT": "x"}):
        with pytest.raises(BadRequest):
            parse_histogram(1, 2, query, 1000)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({}, "Rendering settings must specify channels as c"),
        ({"c": "1$F00"}, "Must specify window for each channel"),
        ({"c": "1|0:x$F00"}, "Must specify window for each channel"),
        ({"c": "1|0:9"}, "Must specify color for each channel"),
        ({"c": "1|0:9$F00", "m": "x"}, 'Query parameter "m" must be present'),
        ({"c": "1|0:9$F00", "m": "c", "maps": "x"}, "Failed to parse maps JSON"),
        ({"c": "1|0:9$F00", "m": "c", "maps": "3"}, "Failed to parse maps JSON"),
        ({"c": "1|0:9$F00", "m": "c", "maps": "[{},{}]"}, 'Number of "maps" must match'),
    ],
)
def test_the_rdef_forms_want_everything(query, sentence):
    with pytest.raises(BadRequest, match=sentence):
        check_complete_settings(query)


@pytest.mark.parametrize(
    "query",
    [{"c": "1|0:9$F00,x", "m": "c"}, {"c": "", "m": "g"}, {"c": "", "m": "g", "maps": "[]"}],
)
def test_the_rdef_forms_accept_what_is_complete(query):
    check_complete_settings(query)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "c",
                "maps",
                "m",
                "p",
                "q",
                "format",
                "flip",
                "rot",
                "tile",
                "region",
                "z",
                "t",
                "bins",
                "theZ",
            ]
        ),
        st.text(max_size=30) | st.from_regex(r"[-+0-9.,:|$eE infa]{0,20}", fullmatch=True),
    )
)
def test_rubbish_gives_a_request_or_a_bad_request(query):
    for parse in (
        lambda: parse_image(1, None, None, query, QUALITY),
        lambda: parse_image_region(1, 0, 0, query, QUALITY),
        lambda: parse_thumbnail(1, None, None, query),
        lambda: parse_histogram(1, 0, query, 1000),
        lambda: check_complete_settings(query),
    ):
        try:
            parse()
        except BadRequest as error:
            assert error.parameter and error.detail.isascii()
