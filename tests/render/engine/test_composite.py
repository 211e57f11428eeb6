"""Composing beyond what the goldens hold: many channels, odd arrays, names, missing parts."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from render.engine import composite, tables
from render.engine.codomain import with_gamma
from render.engine.quantum import QuantumSettings
from render.engine.warm import warm_up
from render.errors import BadRequest
from render.values import DTYPES, ChannelBinding, Color, Model, RenderingDefinition, Window

ROOT = Path(__file__).parents[3]
RED, GREEN, WHITE = Color(255, 0, 0), Color(0, 255, 0), Color(255, 255, 255)


def definition(*bindings, model=Model.RGB):
    return RenderingDefinition(model, bindings)


def binding(color=WHITE, window=(0, 255), active=True, **more):
    return ChannelBinding(active, Window(*window), color, **more)


def random_plane(dtype, shape=(20, 30), seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def test_the_sum_of_channels_stops_at_255():
    plane = np.full((2, 2), 200, np.uint8)
    picture = composite.compose([plane, plane], "uint8", definition(binding(), binding(RED)))
    assert picture[0, 0].tolist() == [255, 200, 200, 255]


@pytest.mark.parametrize("use_numba", [True, False])
def test_forty_channels_make_one_picture(use_numba):
    shown = [random_plane(">u2", seed=i) // 20 for i in range(40)]
    picture = composite.compose(shown, "uint16", definition(*[binding()] * 40), use_numba=use_numba)
    expected = np.minimum(sum(plane.astype(int) for plane in shown), 255)
    np.testing.assert_array_equal(picture[..., 1], expected)


def test_a_greyscale_picture_shows_the_first_active_channel_only():
    planes = [None, random_plane("u1"), None]
    grey = definition(binding(active=False), binding(RED), binding(), model=Model.GREYSCALE)
    assert composite.needed_channels(grey) == (1,)
    picture = composite.compose(planes, "uint8", grey)
    for part in range(3):
        np.testing.assert_array_equal(picture[..., part], planes[1])


@pytest.mark.parametrize("pixel_type", sorted(DTYPES))
@pytest.mark.parametrize("use_numba", [True, False])
def test_planes_in_any_memory_order_are_read_alike(pixel_type, use_numba):
    dtype = np.dtype(DTYPES[pixel_type])
    plane = random_plane(np.uint8) % 2 if pixel_type == "bit" else random_plane(np.uint8) // 2
    drawn = [
        composite.compose(
            [odd], pixel_type, definition(binding(window=(3, 90))), use_numba=use_numba
        )
        for odd in (
            plane.astype(dtype),
            plane.astype(dtype.newbyteorder("=")),
            np.asfortranarray(plane.astype(dtype)),
            np.repeat(plane.astype(dtype), 2, axis=1)[:, ::2],
        )
    ]
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0], other)


def test_no_active_channel_is_black_and_clear():
    nothing = definition(binding(active=False))
    assert not composite.compose([None], "uint8", nothing, shape=(3, 4)).any()
    assert composite.compose([np.ones((5, 6))], "uint8", nothing).shape == (5, 6, 4)


def test_a_channel_without_a_plane_is_a_bad_request():
    with pytest.raises(BadRequest, match="channel 2"):
        composite.compose([random_plane("u1"), None], "uint8", definition(binding(), binding()))


def test_an_inactive_channel_that_cannot_be_prepared_is_refused_too():
    wrong = binding(active=False, family="cubic")
    with pytest.raises(BadRequest, match=r"cubic.*linear"):
        composite.compose([random_plane("u1"), None], "uint8", definition(binding(), wrong))


def test_a_complex_pixel_type_is_a_bad_request():
    with pytest.raises(BadRequest, match="complex"):
        composite.compose([random_plane("u1")], "complex", definition(binding()))


def test_lookup_tables_are_found_in_any_case_and_replace_the_colour():
    table = np.random.default_rng(3).integers(0, 256, (256, 3)).astype(np.uint8)
    plane = random_plane("u1")
    for name in ("Fire.LUT", "fire.lut", " fire.lut "):
        picture = composite.compose(
            [plane], "uint8", definition(binding(lut=name)), luts={"fire.lut": table}
        )
        np.testing.assert_array_equal(picture[..., :3], table[plane])
    unknown = composite.compose([plane], "uint8", definition(binding(RED, lut="no.lut")))
    np.testing.assert_array_equal(unknown[..., 0], plane)


def test_gamma_brightens_and_keeps_the_ends():
    plane = np.array([[0, 64, 255]], np.uint8)
    levels = composite.compose([plane], "uint8", with_gamma(definition(binding()), 2.0))[0, :, 0]
    assert levels.tolist() == [0, round(255 * (64 / 255) ** 0.5), 255]
    assert with_gamma(definition(binding()), 1.0) == definition(binding())


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_gamma_is_refused(gamma):
    with pytest.raises(BadRequest) as caught:
        with_gamma(definition(binding()), gamma)
    assert caught.value.parameter == "gamma"


def test_gamma_on_a_logarithm_is_refused():
    with pytest.raises(BadRequest, match="logarithmic"):
        with_gamma(definition(binding(family="logarithmic")), 2.0)


def test_tables_are_made_once_per_settings_and_cannot_be_changed():
    settings = QuantumSettings("uint16", None, None, 100.0, 1500.0)
    table = tables.value_table(settings)
    again = tables.value_table(QuantumSettings("uint16", None, None, 100.0, 1500.0))
    assert table is again
    assert not table.flags.writeable
    assert tables.value_table.cache_info().maxsize is not None


def test_warming_up_compiles_everything_that_jobs_use():
    if not composite.compiled_loops_available():
        pytest.skip("numba is not installed")
    assert warm_up()
    kernels = composite.kernels
    known = [len(kernels.compose_values.signatures), len(kernels.compose_bins.signatures)]
    for pixel_type, dtype in DTYPES.items():
        plane = random_plane(dtype)
        plane.setflags(write=False)
        composite.compose([plane] * 2, pixel_type, definition(binding(), binding(RED)))
    assert known == [
        len(kernels.compose_values.signatures),
        len(kernels.compose_bins.signatures),
    ]


@pytest.mark.parametrize("pixel_type", ["uint8", "int16", "uint16", "uint32", "float"])
def test_threads_that_draw_together_draw_what_one_does(pixel_type):
    plane = random_plane(DTYPES[pixel_type], shape=(700, 311))
    drawn = definition(binding(), binding(RED), binding(GREEN))
    asked_for = []

    def with_threads(part, others):
        asked_for.append(others)
        threads = [threading.Thread(target=part) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    planes = [plane, plane[::-1], plane[:, ::-1]]
    together = composite.compose(planes, pixel_type, drawn, share=with_threads)
    np.testing.assert_array_equal(together, composite.compose(planes, pixel_type, drawn))
    # As many as there is work for.
    assert asked_for == ([700 * 311 * 3 // 2**18] if composite.compiled_loops_available() else [])


@pytest.mark.parametrize(
    ("pixel_type", "loop"), [("uint16", "compose_values"), ("float", "compose_bins")]
)
def test_who_comes_when_all_is_taken_draws_nothing(pixel_type, loop, monkeypatch):
    kernels = pytest.importorskip("render.engine.kernels")
    draw = getattr(kernels, loop)
    left = []

    def draw_twice(*given):
        draw(*given)
        picture = given[-1]
        drawn = picture.copy()
        picture[:] = 0
        draw(*given)
        left.append(np.count_nonzero(picture))
        picture[:] = drawn

    monkeypatch.setattr(kernels, loop, draw_twice)
    plane = random_plane(DTYPES[pixel_type], shape=(300, 100))
    composite.compose([plane], pixel_type, definition(binding()))
    assert left == [0]


@pytest.mark.slow
def test_without_numba_the_same_goldens_come_out():
    # A fresh interpreter in which numba cannot be imported.
    program = (
        "import sys; sys.modules['numba'] = None; sys.modules['llvmlite'] = None\n"
        "import pytest\n"
        "from render.engine import composite, warm\n"
        "assert not composite.compiled_loops_available() and not warm.warm_up()\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-k', 'not numba',\n"
        "    'tests/render/engine/test_goldens.py']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
