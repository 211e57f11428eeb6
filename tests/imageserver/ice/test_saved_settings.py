"""Rendering settings that clients save: through every service that saves them, and kept."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from render.blitz.slices import omero
from tests.app.screened import write_screened
from tests.imageserver.ice.clients import LoggedIn, log_in, parameters
from tests.imageserver.ice.images import PICTURE, PYRAMID, STACK, Folder
from tests.imageserver.ice.test_services import SETTINGS
from tests.support.image_server import start_image_server

TWIN = "cells/twin.ome.tif"


@pytest.fixture(scope="module")
def place(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder and an index of its own, since what is saved here would show in other tests."""
    path = tmp_path_factory.mktemp("saved")
    shutil.copytree(folder.path, path / "served")
    shutil.copy(path / "served" / PYRAMID, path / "served" / TWIN)
    return path / "served", path / "cache"


@pytest.fixture(scope="module")
def client(place: tuple[Path, Path]) -> Iterator[LoggedIn]:
    served, cache = place
    with (
        start_image_server(served, cache_dir=cache, transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as logged_in,
    ):
        yield logged_in


def open_engine(client: LoggedIn, name: str) -> Any:
    engine = client.factory.createRenderingEngine()
    engine.lookupPixels(client.pixels_id(name))
    assert engine.lookupRenderingDef(client.pixels_id(name))
    engine.load()
    return engine


def stored(client: LoggedIn, name: str) -> list[Any]:
    """Give the saved settings of an image as a query tells them, each once, newest first."""
    image_id = client.image_id(name)
    found = client.factory.getQueryService().findAllByQuery(SETTINGS, parameters(id=image_id))
    return list({rdef.id.val: rdef for rdef in found}.values())


def starts(rdef: Any) -> list[float]:
    return [binding.inputStart.val for binding in rdef.waveRenderingSeq]


def test_what_an_engine_saves_is_found_by_all_who_ask(client: LoggedIn) -> None:
    pixels_id = client.pixels_id(STACK)
    pixels = client.factory.getPixelsService()
    assert stored(client, STACK) == []
    assert pixels.retrieveRndSettings(pixels_id) is None
    engine = open_engine(client, STACK)
    assert engine.getRenderingDefId() == -1
    families = {family.value.val: family for family in engine.getAvailableFamilies()}
    engine.setChannelWindow(0, -12.5, 60.0)
    engine.setRGBA(0, 1, 2, 3, 200)
    engine.setQuantizationMap(0, families["exponential"], 1.5, True)
    engine.addCodomainMapToChannel(omero.romio.ReverseIntensityMapContext(), 0)
    engine.setActive(1, False)
    engine.setChannelLookupTable(1, "mine.lut")
    engine.setDefaultZ(2)
    engine.setDefaultT(3)
    engine.setCodomainInterval(10, 240)
    engine.saveCurrentSettings()
    engine.close()
    [rdef] = stored(client, STACK)
    first, second = rdef.waveRenderingSeq
    assert (first.inputStart.val, first.inputEnd.val) == (-12.5, 60.0)
    assert [first.red.val, first.green.val, first.blue.val, first.alpha.val] == [1, 2, 3, 200]
    assert (first.family.value.val, first.coefficient.val) == ("exponential", 1.5)
    assert first.noiseReduction.val
    [context] = first.spatialDomainEnhancementSeq
    assert isinstance(context, omero.model.ReverseIntensityContext) and context.reverse.val
    assert not second.active.val and second.lookupTable.val == "mine.lut"
    assert second.spatialDomainEnhancementSeq == []
    assert (rdef.defaultZ.val, rdef.defaultT.val, rdef.version.val) == (2, 3, 0)
    assert [rdef.quantization.cdStart.val, rdef.quantization.cdEnd.val] == [10, 240]
    assert rdef.details.owner.omeName.val == "local"
    assert rdef.details.owner.id.val == client.factory.getAdminService().getEventContext().userId
    for other in (
        pixels.retrieveRndSettings(pixels_id),
        pixels.loadRndSettings(rdef.id.val),
        *pixels.retrieveAllRndSettings(pixels_id, -1),
        client.factory.getRenderingSettingsService().getRenderingSettings(pixels_id),
    ):
        assert other.id.val == rdef.id.val
        assert starts(other) == starts(rdef)
        assert other.waveRenderingSeq[0].family.value.val == "exponential"
    assert pixels.retrieveAllRndSettings(pixels_id, 987654) == []
    again = open_engine(client, STACK)
    assert again.getRenderingDefId() == rdef.id.val
    assert (again.getChannelWindowStart(0), again.isActive(1)) == (-12.5, False)
    again.resetDefaultSettings(False)
    assert again.isActive(1) and stored(client, STACK)[0].version.val == 0
    again.loadRenderingDef(rdef.id.val)
    assert not again.isActive(1)
    with pytest.raises(omero.ValidationException):
        open_engine(client, PICTURE).loadRenderingDef(rdef.id.val)


def test_versions_and_events_rise_and_are_logged(client: LoggedIn) -> None:
    newest = "select max(e.id) from EventLog e"
    [[last]] = client.rows(newest)
    engine = open_engine(client, PICTURE)
    engine.saveCurrentSettings()
    [before] = stored(client, PICTURE)
    engine.setActive(2, False)
    engine.saveCurrentSettings()
    [after] = stored(client, PICTURE)
    assert (after.id.val, after.version.val) == (before.id.val, before.version.val + 1)
    assert after.details.updateEvent.id.val > before.details.updateEvent.id.val
    assert after.details.updateEvent.time.val >= before.details.updateEvent.time.val
    log = client.rows(
        "select e.entityType, e.entityId, e.action from EventLog as e where e.id > :last "
        "order by e.id",
        last=last or 0,
    )
    mine = ["ome.model.display.RenderingDef", after.id.val]
    assert log == [[*mine, "INSERT"], [*mine, "UPDATE"]]
    rows = client.rows(
        "select r.id, r.version, r.details.owner.id from RenderingDef as r where r.pixels.id = :id",
        id=client.pixels_id(PICTURE),
    )
    user = client.factory.getAdminService().getEventContext().userId
    assert rows == [[after.id.val, after.version.val, user]]
    another = engine.saveAsNewSettings()
    assert [rdef.id.val for rdef in stored(client, PICTURE)] == [another, after.id.val]
    assert open_engine(client, PICTURE).getRenderingDefId() == another


def test_an_object_that_was_loaded_can_be_changed_and_saved(client: LoggedIn) -> None:
    update = client.factory.getUpdateService()
    open_engine(client, PYRAMID).resetDefaultSettings(True)
    [rdef] = stored(client, PYRAMID)
    binding_ids = [binding.id.val for binding in rdef.waveRenderingSeq]
    # As OMERO's documentation has it: references unloaded, the version raised by hand.
    rdef.pixels = omero.model.Pixels(id=rdef.pixels.id, loaded=False)
    rdef.model = omero.model.RenderingModel(id=rdef.model.id, loaded=False)
    rdef.waveRenderingSeq[1].inputStart = omero.RDouble(77.0)
    # A reversal is there or is not; OMERO's renderer pays no heed to its flag.
    unset = omero.model.ReverseIntensityContext(loaded=True, reverse=omero.RBool(False))
    rdef.waveRenderingSeq[2].spatialDomainEnhancementSeq = [unset]
    rdef.waveRenderingSeq[2].spatialDomainEnhancementLoaded = True
    rdef.version = omero.RInt(rdef.version.val + 1)
    saved = update.saveAndReturnObject(rdef)
    assert starts(saved)[1] == 77.0 and saved.model.value.val == "rgb"
    assert [binding.id.val for binding in saved.waveRenderingSeq] == binding_ids
    reversals = [len(binding.spatialDomainEnhancementSeq) for binding in saved.waveRenderingSeq]
    assert reversals == [0, 0, 1]
    [again] = stored(client, PYRAMID)
    assert again.version.val == saved.version.val == 1
    rdef.version = omero.RInt(0)
    with pytest.raises(omero.OptimisticLockException):
        update.saveObject(rdef)
    again.waveRenderingSeq[0].inputEnd = omero.RDouble(float("nan"))
    with pytest.raises(omero.ApiUsageException, match="window of channel 0"):
        update.saveObject(again)
    again.waveRenderingSeq = again.waveRenderingSeq[:2]
    with pytest.raises(omero.ApiUsageException, match="3 channels"):
        update.saveArray([again])
    with pytest.raises(omero.ApiUsageException, match="not Project"):
        update.saveObject(omero.model.Project(loaded=True))
    assert stored(client, PYRAMID)[0].version.val == 1
    engine = open_engine(client, STACK)
    before = engine.getChannelWindowStart(0)
    partial = omero.model.RenderingDef(loaded=True, defaultZ=omero.RInt(0))
    engine.updateSettings(partial)
    assert (engine.getDefaultZ(), engine.getChannelWindowStart(0)) == (0, before)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda engine: engine.setCodomainInterval(200, 100), "output interval"),
        (lambda engine: engine.setCodomainInterval(0, 256), "output interval"),
        (lambda engine: engine.setQuantumStrategy(100), "bit resolution"),
        (lambda engine: engine.setRGBA(1, 0, 256, 0, 255), "colour of channel 1"),
        (lambda engine: engine.setRGBA(1, 0, 0, 0, -1), "colour of channel 1"),
        (lambda engine: engine.setChannelLookupTable(0, "x" * 256), "lookup table of channel 0"),
        (lambda engine: engine.setDefaultZ(1000), "default z"),
    ],
)
def test_what_nobody_could_draw_by_is_not_saved(
    client: LoggedIn, spoil: Callable[[Any], None], told: str
) -> None:
    before = [rdef.id.val for rdef in stored(client, TWIN)]
    engine = open_engine(client, TWIN)
    spoil(engine)
    with pytest.raises(omero.ApiUsageException, match=told):
        engine.saveAsNewSettings()
    engine.close()
    assert [rdef.id.val for rdef in stored(client, TWIN)] == before


def test_settings_are_copied_to_what_fits(client: LoggedIn) -> None:
    service = client.factory.getRenderingSettingsService()
    source, twin = client.pixels_id(PYRAMID), client.image_id(TWIN)
    engine = open_engine(client, PYRAMID)
    engine.setChannelWindow(2, 5.0, 6.0)
    engine.saveCurrentSettings()
    stack = client.image_id(STACK)
    told = service.applySettingsToSet(source, "Image", [twin, stack])
    assert told == {True: [twin], False: [stack]}
    [copied] = stored(client, TWIN)
    assert starts(copied)[2] == 5.0
    assert not service.applySettingsToImage(source, stack)
    [[dataset]] = client.rows("select d.id from Dataset d where d.name = 'cells'")
    assert sorted(service.applySettingsToDataset(source, dataset)[True]) == sorted(
        [twin, client.image_id(PYRAMID)]
    )
    assert sorted(service.resetDefaultsInSet("Dataset", [dataset])) == sorted(
        [twin, client.image_id(PYRAMID)]
    )
    assert starts(stored(client, TWIN)[0])[2] != 5.0
    assert twin in service.resetDefaultsByOwnerInSet("Image", [twin])
    windowed = open_engine(client, TWIN)
    windowed.setActive(0, False)
    windowed.setChannelWindow(1, 1.0, 2.0)
    windowed.saveCurrentSettings()
    assert service.resetMinMaxInSet("Image", [twin]) == [twin]
    [rdef] = stored(client, TWIN)
    assert not rdef.waveRenderingSeq[0].active.val and starts(rdef)[1] != 1.0
    unsaved = service.resetDefaultsNoSave(rdef, omero.model.Pixels(id=rdef.pixels.id))
    assert unsaved.waveRenderingSeq[0].active.val
    assert len({id(binding) for binding in unsaved.waveRenderingSeq}) == 3
    assert not stored(client, TWIN)[0].waveRenderingSeq[0].active.val
    with pytest.raises(omero.ApiUsageException, match="Folder"):
        service.resetDefaultsInSet("Folder", [1])
    with pytest.raises(omero.ValidationException):
        service.resetDefaultsInImage(987654)


def test_whole_plates_and_parts_of_them_are_reset(tmp_path: Path) -> None:
    write_screened(tmp_path)
    with (
        start_image_server(tmp_path, transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as client,
    ):
        service = client.factory.getRenderingSettingsService()

        def reset(kind: str) -> list[int]:
            ids = [row[0] for row in client.rows(f"select o.id from {kind} o")]
            return sorted(service.resetDefaultsInSet(kind, ids))

        images = sorted(row[0] for row in client.rows("select i.id from Image i"))
        in_run = client.rows("select s.image.id from WellSample s where s.plateAcquisition.id > 0")
        assert len(images) == 3
        assert reset("Plate") == reset("Screen") == reset("Well") == images
        assert reset("PlateAcquisition") == sorted(row[0] for row in in_run) != images


def test_they_outlive_the_server(
    client: LoggedIn, place: tuple[Path, Path], tmp_path: Path
) -> None:
    engine = open_engine(client, TWIN)
    engine.setChannelWindow(0, 321.0, 654.0)
    engine.saveCurrentSettings()
    [before] = stored(client, TWIN)
    # As it lies on disk while the first server runs, or was just killed.
    shutil.copytree(place[1], tmp_path / "cache")
    with (
        start_image_server(place[0], cache_dir=tmp_path / "cache", transports=("tcp",)) as running,
        log_in(running.ports["tcp"]) as second,
    ):
        [after] = stored(second, TWIN)
        assert starts(after) == starts(before)
        assert [after.id.val, after.version.val] == [before.id.val, before.version.val]
        assert after.waveRenderingSeq[0].id.val == before.waveRenderingSeq[0].id.val
        assert second.rows("select max(e.id) from EventLog e") == client.rows(
            "select max(e.id) from EventLog e"
        )
        again = open_engine(second, TWIN)
        assert again.getChannelWindowStart(0) == 321.0
        again.saveCurrentSettings()
        assert stored(second, TWIN)[0].version.val == before.version.val + 1
