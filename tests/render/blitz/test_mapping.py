"""OMERO's model objects become value objects."""

from typing import Any

import pytest

from render.blitz.mapping import (
    channel_of,
    choose_rendering_definition,
    find_rendering_definition,
    full_name_of,
    micrometres_of,
    permissions_of,
    rendering_definition_of,
    seconds_of,
    server_settings_of,
)
from render.blitz.slices import omero
from render.values import Color, Model, ObjectPermissions, Window

model = omero.model
Unit = model.enums.UnitsLength


def test_every_unit_of_length_is_known_or_has_no_size() -> None:
    units = [Unit.valueOf(number) for number in range(len(Unit._enumerators))]
    without = {unit.name for unit in units if micrometres_of(model.Length(1.0, unit)) is None}
    assert without == {"PIXEL", "REFERENCEFRAME"}


@pytest.mark.parametrize(
    ("value", "unit", "micrometres"),
    [
        (0.25, Unit.MICROMETER, 0.25),
        (250.0, Unit.NANOMETER, 0.25),
        (3.0, Unit.MILLIMETER, 3000.0),
        (2.0, Unit.METER, 2e6),
        (1.0, Unit.INCH, 25400.0),
        (5.0, Unit.ANGSTROM, 5e-4),
    ],
)
def test_lengths_come_in_micrometres(value: float, unit: Any, micrometres: float) -> None:
    assert micrometres_of(model.Length(value, unit)) == micrometres


def test_nulls_stay_nulls() -> None:
    assert micrometres_of(None) is None
    assert seconds_of(None) is None


def test_times_come_in_seconds() -> None:
    assert seconds_of(omero.RTime(1709301600500)) == 1709301600.5


@pytest.mark.parametrize(
    ("first", "middle", "last", "expected"),
    [
        ("Ada", None, "Byron", "Ada Byron"),
        ("Ada", "King", "Byron", "Ada King Byron"),
        ("", None, "", "ada"),
    ],
)
def test_a_person_without_names_goes_by_the_login(
    first: str | None, middle: str | None, last: str | None, expected: str
) -> None:
    texts = [None if text is None else omero.RString(text) for text in (first, middle, last)]
    person = model.Experimenter(
        omeName=omero.RString("ada"), firstName=texts[0], middleName=texts[1], lastName=texts[2]
    )
    assert full_name_of(person) == expected


def test_restrictions_are_turned_round() -> None:
    details = model.Details(
        permissions=model.Permissions([False, True, True], ["RESTRICT-BINARY-ACCESS"], 0)
    )
    assert permissions_of(details) == ObjectPermissions(
        can_link=True, can_edit=False, can_delete=False, can_annotate=True, can_download=False
    )


def test_no_restrictions_permit_everything() -> None:
    allowed = permissions_of(model.Details(permissions=model.Permissions(None, None, 0)))
    assert allowed == ObjectPermissions(True, True, True, True, True)


def test_a_channel_with_three_colour_parts_has_no_colour() -> None:
    channel = model.Channel(
        red=omero.RInt(1), green=omero.RInt(2), blue=omero.RInt(3), logicalChannel=_logical()
    )
    assert channel_of(channel).color is None
    channel.alpha = omero.RInt(255)
    assert channel_of(channel).color == Color(1, 2, 3, 255)


def test_a_channel_tells_its_laser_filter_and_statistics() -> None:
    cut_in = model.TransmittanceRange(cutIn=model.Length(500.0, Unit.NANOMETER))
    link = model.LightPathEmissionFilterLink(child=model.Filter(transmittanceRange=cut_in))
    logical = _logical()
    logical.lightPath = model.LightPath(emissionFilterLinkSeq=[link], emissionFilterLinkLoaded=True)
    logical.lightSourceSettings = model.LightSettings(
        lightSource=model.Laser(wavelength=model.Length(488.0, Unit.NANOMETER))
    )
    logical.emissionWave = model.Length(520.0, Unit.NANOMETER)
    stats = model.StatsInfo(globalMin=omero.RDouble(2.0), globalMax=omero.RDouble(900.0))
    info = channel_of(model.Channel(logicalChannel=logical, statsInfo=stats))
    assert (info.name, info.emission_wave, info.laser_wave) == ("DAPI", 520.0, 488.0)
    assert info.has_emission_filter
    assert info.stats == (2.0, 900.0)


def test_the_viewers_newest_definition_is_in_force_else_the_owners() -> None:
    mine_old, mine_new = _rdef(1, owner=4, time=10), _rdef(2, owner=4, time=20)
    owners, others = _rdef(3, owner=9, time=99), _rdef(4, owner=5, time=100)
    every = [mine_old, others, mine_new, owners]

    def chosen(viewer: int) -> int | None:
        definition = choose_rendering_definition(every, viewer, owner_id=9)
        return None if definition is None else definition.rdef_id

    assert chosen(4) == 2
    assert chosen(7) == 3
    assert choose_rendering_definition([others], 7, 9) is None


def test_a_definition_is_found_by_its_id_whoever_owns_it() -> None:
    every = [_rdef(1, owner=4, time=10), _rdef(4, owner=5, time=100)]
    found = find_rendering_definition(every, 4, size_c=2)
    assert found is not None and (found.rdef_id, found.owner_id) == (4, 5)
    assert find_rendering_definition(every, 3, size_c=2) is None
    # The image had two channels when it was stored.
    assert find_rendering_definition(every, 4, size_c=3) is None


def test_a_definition_keeps_all_that_is_drawn() -> None:
    definition = choose_rendering_definition([_rdef(1, owner=4, time=1)], 4, 4)
    assert definition is not None
    assert definition.model is Model.RGB
    assert (definition.default_z, definition.default_t) == (3, 1)
    assert (definition.cd_start, definition.cd_end, definition.bit_resolution) == (10, 250, 255)
    first, second = definition.bindings
    assert first.window == Window(1.5, 99.0)
    assert first.color == Color(255, 128, 0, 200)
    assert (first.lut, first.family, first.coefficient) == ("cool.lut", "polynomial", 1.4)
    assert first.reverse_intensity and not second.reverse_intensity
    assert first.noise_reduction


@pytest.mark.parametrize("flag", [omero.RBool(True), omero.RBool(False), None])
def test_that_a_reversal_is_stored_means_it_whatever_its_flag_says(flag: Any) -> None:
    stored = _rdef(1, owner=4, time=1)
    stored.waveRenderingSeq[1].spatialDomainEnhancementSeq = [
        None,
        model.ReverseIntensityContext(reverse=flag),
    ]
    assert rendering_definition_of(stored).bindings[1].reverse_intensity


def test_settings_that_make_no_sense_keep_their_defaults() -> None:
    settings = server_settings_of(
        {
            "omero.pixeldata.max_plane_width": "many",
            "omero.pixeldata.max_plane_height": "100",
            "omero.pixeldata.max_plane_float_override": "false",
            "omero.client.ui.menu": "x",
        }
    )
    assert (settings.max_plane_width, settings.max_plane_height) == (3192, 100)
    assert dict(settings.client) == {"ui.menu": "x"}
    assert settings.requires_pyramid(3193, 101, "float")
    assert not settings.requires_pyramid(31920, 10, "uint8")


def _logical() -> Any:
    return model.LogicalChannel(name=omero.RString("DAPI"))


def _rdef(rdef_id: int, owner: int, time: int) -> Any:
    colors = {
        name: omero.RInt(part)
        for name, part in zip(("red", "green", "blue", "alpha"), (255, 128, 0, 200), strict=True)
    }

    def binding(reverse: bool) -> Any:
        contexts = [model.ReverseIntensityContext(reverse=omero.RBool(True))] if reverse else []
        return model.ChannelBinding(
            family=model.Family(value=omero.RString("polynomial")),
            coefficient=omero.RDouble(1.4),
            inputStart=omero.RDouble(1.5),
            inputEnd=omero.RDouble(99.0),
            active=omero.RBool(True),
            noiseReduction=omero.RBool(True),
            lookupTable=omero.RString("cool.lut"),
            spatialDomainEnhancementSeq=contexts,
            **colors,
        )

    return model.RenderingDef(
        id=omero.RLong(rdef_id),
        version=omero.RInt(0),
        details=model.Details(
            owner=model.Experimenter(id=omero.RLong(owner)),
            updateEvent=model.Event(time=omero.RTime(time)),
        ),
        defaultZ=omero.RInt(3),
        defaultT=omero.RInt(1),
        model=model.RenderingModel(value=omero.RString("rgb")),
        quantization=model.QuantumDef(
            cdStart=omero.RInt(10), cdEnd=omero.RInt(250), bitResolution=omero.RInt(255)
        ),
        waveRenderingSeq=[binding(True), binding(False)],
    )
