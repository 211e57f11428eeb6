"""What holds for every query: what is drawn, and by which key it is known."""

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from app.imaging.areas import resolve_area
from app.imaging.effective import effective_settings
from app.imaging.keys import digest, picture_text
from app.imaging.projections import resolve_projection
from app.params import parse_image_region
from render.engine.composite import compose, needed_channels
from render.engine.projection import plan
from render.engine.windows import percentile_window
from render.errors import BadRequest
from render.job import RenderJob
from render.values import (
    DTYPES,
    ChannelBinding,
    Model,
    RenderingDefinition,
    Window,
)
from tests.app.conftest import decoded, images_served, make_gateway_on
from tests.app.samples import BLUE, DEFINITION, RED, image

IMAGE = image(size_x=7, size_y=5, size_z=3, size_t=2, levels=((7, 5),))
#: (t, z, c, y, x)
PIXELS = np.random.default_rng(3).integers(0, 3000, (2, 3, 3, 5, 7)).astype(">u2")
# Without lookup tables, which a server would have to be asked for.
STORED = DEFINITION.with_bindings(tuple(replace(b, lut=None) for b in DEFINITION.bindings))

HEX_COLORS = ("FF0000", "00FF00", "0000ff", "FFF", "80808080", "123456", "F00A")
FAMILIES = ("linear", "polynomial", "exponential", "logarithmic")

windows = st.sampled_from(["", "0:255", "10:2000", "2000:10", "5:5", "-3:7.5", "nan:1", "0:inf"])
colors = st.sampled_from(["", *HEX_COLORS])
maps_items = st.one_of(
    st.just({}),
    st.builds(
        lambda inverted, family, coefficient: {
            "inverted": {"enabled": inverted},
            "quantization": {"family": family, "coefficient": coefficient},
        },
        st.booleans(),
        st.sampled_from(FAMILIES),
        st.sampled_from([0.5, 1, 1.0, 2]),
    ),
)


@st.composite
def entries(draw):
    """Give entries of `c`, each channel once at most, with an item of `maps` each."""
    chosen = draw(st.lists(st.integers(1, 4), unique=True, max_size=4))
    return [
        (draw(st.sampled_from(["", "-", "+"])), c, draw(windows), draw(colors), draw(maps_items))
        for c in chosen
    ]


def entry_text(sign, channel, window, color):
    return f"{sign}{channel}|{window}" + (f"${color}" if color else "")


def channels_query(listed):
    return {
        "c": ",".join(entry_text(*entry[:4]) for entry in listed),
        "maps": json.dumps([entry[4] for entry in listed]),
    }


other_parameters = st.fixed_dictionaries(
    {},
    optional={
        "m": st.sampled_from(["g", "c", "x"]),
        "p": st.sampled_from(["normal", "intmax", "intmean|0:1", "intmean|0:0", "intsum|2:1"]),
        "axis": st.sampled_from(["z", "t"]),
        "inclusive": st.sampled_from(["true", "false"]),
        "auto": st.sampled_from(["0:100", "10:90"]),
        "gamma": st.sampled_from(["1", "2", "0.5"]),
        "q": st.sampled_from(["0.5", "0.9"]),
        "format": st.sampled_from(["jpeg", "jpg", "png", "tif", "tiff", "webp"]),
        "flip": st.sampled_from(["h", "v", "hv", "vh"]),
        "rot": st.sampled_from(["0", "90", "180", "270"]),
        "region": st.sampled_from(["0,0,4,4", "1,1,3,2", "-2,-2,6,6", "0,0,99,99"]),
    },
)


@st.composite
def queries(draw):
    """Give a query without anything that is refused whatever the image is."""
    query = {"region": "0,0,7,5"} | draw(other_parameters)
    if draw(st.booleans()):
        query |= channels_query(draw(entries()))
    return query


def planes_of(channel, z, t, projection):
    if projection is None:
        return PIXELS[t, z, channel]
    axis = PIXELS[t, :, channel] if projection.axis == "z" else PIXELS[:, z, channel]
    planned = plan(
        projection.projection, IMAGE.pixel_type, len(axis), inclusive=projection.inclusive
    )
    for section in planned.sections:
        planned.accumulator.add(axis[section])
    return planned.accumulator.result((5, 7))


def answer(query, z=1, t=0):
    """Give key and bytes of a query, the bytes made without any cache; None = refused."""
    try:
        request = parse_image_region(12, z, t, query, 0.85)
        projection = resolve_projection(IMAGE, request.projection)
        area = resolve_area(IMAGE, request.area, request.orientation, 10_000)

        def window_of(channel):
            auto = request.settings.auto
            whole = planes_of(channel, z, t, projection)
            return percentile_window([whole], IMAGE.pixel_type, auto.low_percent, auto.high_percent)

        auto = None if request.settings.auto is None else window_of
        effective = effective_settings(None, STORED, request.settings, auto)
    except BadRequest:
        return None
    text = picture_text(
        "omero:a:4064",
        IMAGE,
        effective,
        area,
        z,
        t,
        projection,
        request.orientation,
        request.encoding,
    )
    region, turned = area.region, request.orientation
    rows = slice(region.y, region.y + region.height)
    cut = rows, slice(region.x, region.x + region.width)
    needed = needed_channels(effective.definition)
    job = RenderJob(
        planes=tuple(
            planes_of(c, z, t, projection)[cut] if c in needed else None for c in range(3)
        ),
        pixel_type=IMAGE.pixel_type,
        definition=effective.definition,
        stats=tuple(channel.stats for channel in IMAGE.channels),
        encoding=request.encoding,
        shape=(region.height, region.width),
        flip_horizontal=turned.flip_horizontal,
        flip_vertical=turned.flip_vertical,
        rotation=turned.rotation,
    )
    return digest(text), job.run()


@given(queries(), queries(), st.integers(0, 2), st.integers(0, 1))
@settings(max_examples=300, deadline=None)
@example({"region": "0,0,9,9", "p": "intmean|0:0"}, {"region": "0,0,9,9"}, 0, 0)
def test_equal_keys_mean_equal_bytes(one, other, z, t):
    first, second = answer(one), answer(one | other, z, t)
    assume(first is not None and second is not None)
    if first[0] == second[0]:
        assert first[1] == second[1]


@given(queries(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_parameter_that_changes_the_bytes_changes_the_key(query, data):
    changed = query | data.draw(other_parameters)
    first, second = answer(query), answer(changed)
    assume(first is not None and second is not None)
    if first[1] != second[1]:
        assert first[0] != second[0]


@given(queries(), st.randoms())
@settings(max_examples=100, deadline=None)
def test_order_and_unknown_parameters_do_not_matter(query, random):
    items = [*query.items(), ("_", "123"), ("ia", "0"), ("zm", "100")]
    random.shuffle(items)
    assert answer(dict(items)) == answer(query)


@given(entries(), other_parameters, st.randoms())
@settings(max_examples=150, deadline=None)
def test_the_order_of_channels_does_not_matter(listed, others, random):
    shuffled = list(listed)
    random.shuffle(shuffled)
    base = {"region": "0,0,7,5"} | others
    assert answer(base | channels_query(shuffled)) == answer(base | channels_query(listed))


def spellings(color):
    """Give other ways to write a colour."""
    digits = color
    if len(color) in (3, 4):
        digits = "".join(digit * 2 for digit in color)
    if len(digits) == 6:
        digits += "ff"
    short = [digits[::2]] if digits[::2].lower() == digits[1::2].lower() else []
    return [color.lower(), color.upper(), f"#{color}", digits, *short]


@given(st.sampled_from(HEX_COLORS), st.sampled_from(["", "-"]), st.data())
def test_equivalent_spellings_are_the_same(color, sign, data):
    base = {"region": "0,0,7,5", "m": "c"}
    spelled = data.draw(st.sampled_from(spellings(color)))
    window, same = data.draw(
        st.sampled_from([("0:255", "0.0:2.55e2"), ("10:2000", " 10 : 2000 "), ("-3:7", "-3.0:+7")])
    )
    plain = answer(base | {"c": f"2|{window}${color},{sign}1"})
    assert plain is not None
    assert answer(base | {"c": f"+2|{same}${spelled},{sign}1|"}) == plain
    assert answer(base | {"c": f" 2 ${spelled}|{same},{sign}1"}) == plain


@given(windows, colors, maps_items, other_parameters)
@settings(deadline=None)
def test_settings_of_a_channel_that_is_off_do_not_matter(window, color, item, others):
    base = {"region": "0,0,7,5"} | others
    left_out = channels_query([("", 1, "0:255", "FF0000", {})])
    listed = channels_query([("-", 2, window, color, item), ("", 1, "0:255", "FF0000", {})])
    assert answer(base | listed) == answer(base | left_out)


@given(
    st.sampled_from(["h", "v", "hv", ""]),
    st.sampled_from([0, 90, 180, 270]),
    st.tuples(*[st.integers(0, 6)] * 2, *[st.integers(1, 7)] * 2),
)
@settings(max_examples=60, deadline=None)
def test_a_region_of_the_turned_picture_is_cut_from_it(flip, rotation, region):
    x, y, width, height = region
    turned = {"format": "tif", "flip": flip, "rot": str(rotation), "c": "1|0:3000$fff", "m": "c"}
    whole = pixels(answer(turned | {"region": "0,0,99,99"})[1])
    assume(x < whole.shape[1] and y < whole.shape[0])
    part = pixels(answer(turned | {"region": ",".join(map(str, region))})[1])
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])
    plain = pixels(answer(turned | {"region": "0,0,99,99", "flip": "", "rot": "0"})[1])
    # Turned back and mirrored once more it is what it was.
    back = np.rot90(whole, rotation // 90)
    back = back[:, ::-1] if "h" in flip else back
    np.testing.assert_array_equal(back[::-1] if "v" in flip else back, plain)


def pixels(body):
    return tifffile.imread(io.BytesIO(body))


TYPES = [name for name in DTYPES if name != "bit"]
odd_numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 255.0, 1e-320, -1e308, 1e308, math.nan, math.inf, -math.inf]),
    st.sampled_from([2.0**31, -(2.0**31), 2.0**32, 65535.0, 65536.0, 65537.0]),
    st.floats(),
    st.integers(-70000, 70000),
)


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """Give a client of a gateway over an image of each type, the ids and the (c, y, x) pixels."""
    folder = tmp_path_factory.mktemp("typed")
    random, planes = np.random.default_rng(5), {}
    for name in TYPES:
        dtype = np.dtype(DTYPES[name])
        limits = np.iinfo(dtype) if dtype.kind in "iu" else np.iinfo("i4")
        values = random.uniform(limits.min, limits.max, (2, 6, 8))
        values[0, 0] = 0
        values[1] = random.integers(0, 100, (6, 8))
        planes[name] = values.astype(dtype)
        options = {"ome": True, "photometric": "minisblack", "metadata": {"axes": "CYX"}}
        native = planes[name].astype(dtype.newbyteorder("="))
        tifffile.imwrite(folder / f"{name}.ome.tif", native, **options)
    with images_served(folder, tmp_path_factory.mktemp("index"), [], np.empty(0)) as server:
        gateway = make_gateway_on(server, tmp_path_factory.mktemp("cache"), render_threads=1)
        ids = {name.removesuffix(".ome.tif"): image for name, image in gateway.ids.items()}
        yield gateway.client, ids, planes
        gateway.close()


@given(
    st.sampled_from(TYPES),
    st.tuples(odd_numbers, odd_numbers),
    st.tuples(odd_numbers, odd_numbers),
    st.sampled_from(FAMILIES),
    st.sampled_from([0.01, 0.5, 1, 3, 40]),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example("uint16", (70000.0, 80000.0), (0.0, 9.0), "linear", 1)
def test_odd_windows_give_what_the_engine_says(typed, name, one, other, family, coefficient):
    client, ids, planes = typed
    stretch = {"family": family, "coefficient": coefficient}
    response = client.get(
        f"/webgateway/render_image/{ids[name]}/0/0/",
        query_string={
            "c": f"1|{one[0]!r}:{one[1]!r}$FF0000,2|{other[0]!r}:{other[1]!r}$0000FF",
            "maps": json.dumps([{"quantization": stretch}] * 2),
            "m": "c",
            "format": "png",
        },
    )
    definition = RenderingDefinition(
        Model.RGB,
        (
            ChannelBinding(True, Window(*map(float, one)), RED, **stretch),
            ChannelBinding(True, Window(*map(float, other)), BLUE, **stretch),
        ),
    )
    stats = [(float(plane.min()), float(plane.max())) for plane in planes[name]]
    try:
        expected = compose(list(planes[name]), name, definition, stats=stats)
    except BadRequest as error:
        assert response.status_code == 400
        assert response.get_json()["detail"] == error.detail
        return
    assert response.status_code == 200, response.get_data(as_text=True)
    np.testing.assert_array_equal(decoded(response), expected[..., :3])
