"""RenderingEngine: settings in memory, and pictures that equal those of Blitzrender's engine."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from render.blitz.slices import omero
from render.engine.composite import compose
from render.engine.projection import project
from render.values import (
    ChannelBinding,
    Color,
    Model,
    ProjectionKind,
    RenderingDefinition,
    Window,
)
from tests.imageserver.ice.clients import LoggedIn
from tests.imageserver.ice.images import PICTURE, PYRAMID, STACK, Folder

MAXIMUM = omero.constants.projection.ProjectionType.MAXIMUMINTENSITY
MEAN = omero.constants.projection.ProjectionType.MEANINTENSITY


@pytest.fixture
def open_engine(client: LoggedIn) -> Iterator[Any]:
    """Give a function that opens an engine on the image with a name."""
    opened = []

    def open_(name: str) -> Any:
        engine = client.factory.createRenderingEngine()
        opened.append(engine)
        engine.lookupPixels(client.pixels_id(name))
        assert engine.lookupRenderingDef(client.pixels_id(name))
        engine.load()
        return engine

    yield open_
    for engine in opened:
        engine.close()


def plane(z: int = 0, t: int = 0, region: tuple[int, int, int, int] | None = None) -> Any:
    where = None if region is None else omero.romio.RegionDef(*region)
    return omero.romio.PlaneDef(slice=0, z=z, t=t, region=where)


def unpacked(packed: np.ndarray, width: int, height: int) -> np.ndarray:
    """Give 0xAARRGGBB as (height, width, 4) of RGBA, the long way round."""
    words = np.asarray(packed).astype(np.int64) & 0xFFFFFFFF
    parts = [words >> shift & 0xFF for shift in (16, 8, 0, 24)]
    return np.stack(parts, axis=-1).astype(np.uint8).reshape(height, width, 4)


def binding(
    low: float, high: float, color: tuple[int, int, int, int], **options: Any
) -> ChannelBinding:
    return ChannelBinding(True, Window(low, high), Color(*color), **options)


def test_settings_are_told_and_changed_in_memory_only(client: LoggedIn, open_engine: Any) -> None:
    engine = open_engine(PYRAMID)
    assert engine.getRGBA(0) == [0, 0, 255, 255]
    assert engine.getModel().value.val == "rgb"
    engine.setChannelWindow(1, 10.0, 20.0)
    engine.setActive(1, False)
    assert (engine.getChannelWindowStart(1), engine.isActive(1)) == (10.0, False)
    assert engine.getChannelFamily(0).value.val == "linear"
    engine.setChannelLookupTable(1, "fire.lut")
    assert engine.getChannelLookupTable(1) == "fire.lut"
    engine.setCodomainInterval(20, 200)
    engine.setQuantumStrategy(127)
    quantum = engine.getQuantumDef()
    assert [quantum.cdStart.val, quantum.cdEnd.val, quantum.bitResolution.val] == [20, 200, 127]
    engine.addCodomainMapToChannel(omero.romio.ReverseIntensityMapContext(), 2)
    [context] = engine.getCodomainMapContext(2)
    assert isinstance(context, omero.model.ReverseIntensityContext)
    engine.removeCodomainMapFromChannel(omero.romio.ReverseIntensityMapContext(), 2)
    assert engine.getCodomainMapContext(2) == []
    engine.resetDefaultSettings(False)
    assert engine.isActive(1)
    engine.loadRenderingDef(engine.getRenderingDefId())
    assert open_engine(PYRAMID).getChannelLookupTable(1) == ""


def test_what_makes_no_sense_is_refused_in_a_sentence(open_engine: Any) -> None:
    engine = open_engine(STACK)
    context = omero.romio.CodomainMapContext()
    for refused in (
        lambda: engine.isActive(3),
        lambda: engine.updateSettings(None),
        lambda: engine.addCodomainMapToChannel(context, 0),
        lambda: engine.renderAsPackedInt(None),
        lambda: engine.renderAsPackedInt(omero.romio.PlaneDef(slice=1)),
        lambda: engine.renderAsPackedInt(plane(z=3)),
        lambda: engine.renderAsPackedInt(plane(t=-1)),
        lambda: engine.renderAsPackedInt(plane(region=(40, 0, 6, 3))),
        lambda: engine.renderProjectedAsPackedInt(MAXIMUM, 0, 1, 0, 3),
        lambda: engine.renderProjectedAsPackedInt(MAXIMUM, 0, 0, 0, 2),
        lambda: engine.renderProjectedAsPackedInt(MAXIMUM, 4, 1, 0, 2),
    ):
        with pytest.raises(omero.ApiUsageException) as refusal:
            refused()
        assert refusal.value.message.endswith(".")
    with pytest.raises(omero.ValidationException):
        engine.loadRenderingDef(77)
    with pytest.raises(omero.ApiUsageException, match="coefficient"):
        engine.setQuantizationMap(0, engine.getChannelFamily(0), -1.0, False)
        engine.renderAsPackedInt(plane())


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_region_of_each_level_is_drawn(folder: Folder, open_engine: Any, level: int) -> None:
    engine = open_engine(PYRAMID)
    engine.setResolutionLevel(engine.getResolutionLevels() - 1 - level)
    bindings = (
        binding(100, 50000, (255, 0, 0, 255)),
        binding(5000, 20000, (0, 200, 100, 255), family="polynomial", coefficient=1.5),
        binding(0, 60000, (0, 0, 255, 255), reverse_intensity=True),
    )
    families = {family.value.val: family for family in engine.getAvailableFamilies()}
    for c, each in enumerate(bindings):
        engine.setChannelWindow(c, each.window.start, each.window.end)
        color = each.color
        engine.setRGBA(c, color.red, color.green, color.blue, color.alpha)
        engine.setQuantizationMap(c, families[each.family], each.coefficient, False)
    engine.addCodomainMapToChannel(omero.romio.ReverseIntensityMapContext(), 2)
    drawn = unpacked(engine.renderAsPackedInt(plane(region=(30, 20, 64, 48))), 64, 48)
    pixels = folder.levels[PYRAMID][level][0, :, 0, 20:68, 30:94]
    expected = compose(list(pixels), "uint16", RenderingDefinition(Model.RGB, bindings))
    np.testing.assert_array_equal(drawn, expected)


def test_a_lookup_table_and_the_grey_model_are_drawn(folder: Folder, open_engine: Any) -> None:
    engine = open_engine(STACK)
    pixels = folder.levels[STACK][0][2, :, 1]
    engine.setActive(1, False)
    engine.setChannelWindow(0, -90.0, 80.0)
    engine.setChannelLookupTable(0, "MINE.lut")
    table = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    bindings = (binding(-90, 80, (9, 9, 9, 255), lut="mine.lut"),)
    drawn = unpacked(engine.renderAsPackedInt(plane(z=1, t=2)), 45, 31)
    definition = RenderingDefinition(Model.RGB, bindings)
    expected = compose([pixels[0]], "int16", definition, luts={"mine.lut": table})
    np.testing.assert_array_equal(drawn, expected)

    models = {model.value.val: model for model in engine.getAvailableModels()}
    engine.setModel(models["greyscale"])
    engine.setActive(0, False)
    engine.setActive(1, True)
    engine.setChannelWindow(1, -50.0, 50.0)
    drawn = unpacked(engine.renderAsPackedInt(plane(z=1, t=2)), 45, 31)
    bindings = (binding(-50, 50, (0, 255, 0, 255)),)
    definition = RenderingDefinition(Model.GREYSCALE, bindings)
    np.testing.assert_array_equal(drawn, compose([pixels[1]], "int16", definition))


@pytest.mark.parametrize(("kind", "stop"), [(MAXIMUM, 3), (MEAN, 2)])
def test_a_projection_is_drawn(folder: Folder, open_engine: Any, kind: Any, stop: int) -> None:
    engine = open_engine(STACK)
    engine.setActive(1, False)
    engine.setChannelWindow(0, -80.0, 90.0)
    engine.setRGBA(0, 255, 255, 255, 255)
    drawn = unpacked(engine.renderProjectedAsPackedInt(kind, 3, 1, 0, 2), 45, 31)
    ours = ProjectionKind.MAXIMUM if kind is MAXIMUM else ProjectionKind.MEAN
    projected = project(folder.levels[STACK][0][3, 0, :stop], ours, "int16")
    bindings = (binding(-80, 90, (255, 255, 255, 255)),)
    definition = RenderingDefinition(Model.RGB, bindings)
    np.testing.assert_array_equal(drawn, compose([projected], "int16", definition))
    jpeg = Image.open(io.BytesIO(engine.renderProjectedCompressed(kind, 3, 1, 0, 2)))
    assert (jpeg.format, jpeg.size) == ("JPEG", (45, 31))


def test_a_jpeg_has_the_quality_that_was_set(open_engine: Any) -> None:
    engine = open_engine(PICTURE)
    assert engine.getCompressionLevel() == pytest.approx(0.85)
    fine = engine.renderCompressed(plane())
    engine.setCompressionLevel(0.2)
    coarse = engine.renderCompressed(plane())
    assert len(coarse) < len(fine)
    exact = unpacked(engine.renderAsPackedInt(plane()), 60, 40)[..., :3].astype(int)
    difference = np.asarray(Image.open(io.BytesIO(fine)).convert("RGB")).astype(int) - exact
    # Noise in colour, of which JPEG keeps a quarter.
    assert abs(difference.mean()) < 3
    engine.setCompressionLevel(3.0)
    with pytest.raises(omero.ApiUsageException, match="quality"):
        engine.renderCompressed(plane())
