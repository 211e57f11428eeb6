"""The grammar of `c` and `maps` against a slow reading of its description, and over HTTP."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.parsing.channels import apply_channels, parse_channels
from tests.app.conftest import STACK
from tests.app.parsing.test_channels import definition
from tests.app.plain_channels import read


def joined(*parts: st.SearchStrategy) -> st.SearchStrategy:
    return st.tuples(*parts).map("".join)


def mostly(good: st.SearchStrategy, *bad: str) -> st.SearchStrategy:
    """Give good texts in nine of ten cases."""
    return st.integers(0, 9).flatmap(lambda n: good if n else st.sampled_from(bad))


blanks = st.sampled_from(["", "", "", " "])
signs = st.sampled_from(["", "", "-", "+"])
indices = mostly(
    st.integers(1, 4).map(str), "", "0", "03", "x", "1.0", "²", "१", "9" * 30, "--1", "1 2"
)
numbers = mostly(
    st.integers(-300, 70000).map(str) | st.floats(-1e6, 1e6).map(repr),
    *("nan", "-inf", "1e3", "1_0", "٣", "", "x", "0x10", "1,5", " 7 ", "1e999"),
)
windows = joined(
    numbers, st.sampled_from([":", ":", ":", "", "::", ";"]), numbers,
    st.sampled_from(["", "", "", "r", "-r", " r", "R"]),
)  # fmt: skip
digits = st.text("0123456789abcdefABCDEF", min_size=1, max_size=9)
colors = st.one_of(
    joined(st.just("$"), st.sampled_from(["", "", "#"]), digits),
    st.sampled_from(
        [
            "$fire.lut",
            "$FIRE.LUT",
            "$none.lut",
            "$.lut",
            "$lut",
            "$",
            "$red",
            "$F00$0F0",
            "$ 0F0 ",
            "",
        ]
    ),
)
entries = joined(
    blanks, signs, indices, colors | st.just(""), st.sampled_from(["|", "|", "|", "", "||"]),
    windows | st.just(""), colors, blanks,
)  # fmt: skip
channel_texts = st.lists(entries, max_size=5).map(",".join) | st.text(
    "0123456789,|$:-+#.eraFlutnif ²१'", max_size=40
)

scalars = st.sampled_from(
    [True, False, None, 0, 1, 1.0, 2, "true", "True", "1", 1.7, -1, 1e400, "x"]
)
flags = st.fixed_dictionaries({}, optional={"enabled": scalars | st.just([])}) | scalars
families = st.sampled_from(
    ["linear", "polynomial", "exponential", "logarithmic", "cubic", None, 3, ["linear"]]
)
curves = st.fixed_dictionaries(
    {}, optional={"family": families, "coefficient": scalars | st.floats(0.01, 9)}
)
items = st.fixed_dictionaries(
    {}, optional={"inverted": flags, "reverse": flags, "quantization": curves | scalars}
)
maps_texts = st.one_of(
    st.none(),
    st.lists(items | scalars, max_size=5).map(json.dumps),
    st.sampled_from(["", "x", "{}", "3", "[", '"maps"', "[[]]", "null", "[NaN]"]),
)


@settings(max_examples=200, deadline=None)
@given(channel_texts, maps_texts)
@example("1|5:6r,1|7:8-r", '[{"inverted":{"enabled":false}}]')
@example("x,2|0:9$fire.lut", '[{"reverse":{"enabled":1}},{"reverse":{"enabled":1}}]')
def test_the_settings_are_those_of_the_slow_reading(text, maps):
    stored = definition(3)
    # By their texts: NaN equals nothing.
    assert repr(apply_channels(stored, parse_channels(text, maps))) == repr(
        read(stored, text, maps)
    )


def told_in_full(bindings) -> dict[str, str]:
    """Give the parameters that tell all of these bindings."""
    entries, curves = [], []
    for index, binding in enumerate(bindings):
        color = binding.color
        hexadecimal = bytes([color.red, color.green, color.blue, color.alpha]).hex()
        lut = (binding.lut or "").strip().lower()
        sign = "" if binding.active else "-"
        entries.append(
            f"{sign}{index + 1}|{binding.window.start!r}:{binding.window.end!r}"
            f"${'fire.lut' if lut == 'fire.lut' else hexadecimal}"
        )
        curves.append(
            {
                "inverted": {"enabled": binding.reverse_intensity},
                "quantization": {"family": binding.family, "coefficient": binding.coefficient},
            }
        )
    return {"c": ",".join(entries), "maps": json.dumps(curves)}


@pytest.fixture(scope="module")
def stored(gateway):
    """Give the settings that are in force for the stack, as imgData tells them."""
    plain = definition(2)
    channels = gateway.get(f"imgData/{gateway.ids[STACK]}/channels/").get_json()
    bindings = apply_channels(
        plain,
        parse_channels(
            ",".join(
                f"{'' if channel['active'] else '-'}{index + 1}"
                f"|{channel['window']['start']!r}:{channel['window']['end']!r}${channel['color']}"
                for index, channel in enumerate(channels)
            ),
            json.dumps(
                [
                    {
                        "inverted": {"enabled": channel["inverted"]},
                        "quantization": {
                            "family": channel["family"],
                            "coefficient": channel["coefficient"],
                        },
                    }
                    for channel in channels
                ]
            ),
        ),
    ).bindings
    return plain.with_bindings(bindings)


@pytest.mark.slow
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=channel_texts, maps=maps_texts, model=st.sampled_from("gc"))
def test_the_picture_is_that_of_the_settings_told_in_full(gateway, stored, text, maps, model):
    path = f"render_image/{gateway.ids[STACK]}/0/0/"
    given = {"c": text, "m": model} | ({} if maps is None else {"maps": maps})
    answer = gateway.get(path, query_string=given)
    full = told_in_full(read(stored, text, maps).bindings) | {"m": model}
    expected = gateway.get(path, query_string=full)
    assert answer.status_code == expected.status_code
    assert answer.status_code in (200, 400), answer.get_data(as_text=True)
    if answer.status_code == 200:
        assert answer.headers["ETag"] == expected.headers["ETag"], (given, full)
        assert answer.data == expected.data
