"""Turns OMERO's model objects, as they arrive over Ice, into the project's value objects.

Pure functions. Objects that were not fetched arrive unloaded, with an id and nothing else; a
null in the model is None here.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from render.blitz.records import ServerSettings, SessionUser
from render.blitz.slices import omero
from render.units import METRIC_POWERS, MICROMETRES
from render.values import (
    ChannelBinding,
    ChannelInfo,
    Color,
    ContainerRef,
    Model,
    ObjectPermissions,
    RenderingDefinition,
    Window,
)

_PIXELDATA = "omero.pixeldata."
_CLIENT = "omero.client."

#: What a restriction at each index of `Permissions.restrictions` forbids.
_LINK, _EDIT, _DELETE, _ANNOTATE = range(4)

_NO_DOWNLOAD = "RESTRICT-BINARY-ACCESS"


def unwrap(value: Any) -> Any:
    """Give what an RType holds; None for a null."""
    return None if value is None else value.val


def text_of(value: Any) -> str:
    """Give the text of an RString; empty for a null."""
    return unwrap(value) or ""


def seconds_of(time: Any) -> float | None:
    """Give an RTime, which counts milliseconds, as seconds since the epoch."""
    return None if time is None else time.val / 1000


def micrometres_of(length: Any) -> float | None:
    """Give a Length in µm; None for a null and for units that have no size."""
    if length is None:
        return None
    unit = length.unit.name
    power = METRIC_POWERS.get(unit)
    if power is None:
        factor = MICROMETRES.get(unit)
        return None if factor is None else length.value * factor
    # Dividing by a whole power is exact where multiplying by its inverse is not.
    return length.value / 10**-power if power < 0 else length.value * 10**power


def full_name_of(experimenter: Any) -> str:
    """Give a person's full name, or the login name when there is none."""
    names = (experimenter.firstName, experimenter.middleName, experimenter.lastName)
    return " ".join(name for name in map(text_of, names) if name) or text_of(experimenter.omeName)


def permissions_of(details: Any) -> ObjectPermissions:
    """Give what the caller may do with an object; OMERO lists what they may not."""
    permissions = details.permissions
    if permissions is None:
        return ObjectPermissions()
    restrictions = list(permissions.restrictions or ())

    def allowed(index: int) -> bool:
        return index >= len(restrictions) or not restrictions[index]

    return ObjectPermissions(
        can_annotate=allowed(_ANNOTATE),
        can_edit=allowed(_EDIT),
        can_delete=allowed(_DELETE),
        can_link=allowed(_LINK),
        can_download=_NO_DOWNLOAD not in (permissions.extendedRestrictions or ()),
    )


def container_of(container: Any) -> ContainerRef:
    """Give a project or dataset."""
    return ContainerRef(container.id.val, text_of(container.name), text_of(container.description))


def color_of(thing: Any) -> Color | None:
    """Give the colour of a channel or binding; None unless all four parts are stored."""
    parts = [unwrap(part) for part in (thing.red, thing.green, thing.blue, thing.alpha)]
    return None if None in parts else Color(*parts)


def channel_of(channel: Any) -> ChannelInfo:
    """Give a channel with its logical channel and statistics; a gap in the list has neither."""
    if channel is None:
        return ChannelInfo()
    logical = channel.logicalChannel
    light = logical.lightSourceSettings
    source = light.lightSource if light is not None else None
    return ChannelInfo(
        name=unwrap(logical.name),
        color=color_of(channel),
        lut=unwrap(channel.lookupTable) or None,
        emission_wave=_stored_value(logical.emissionWave),
        excitation_wave=_stored_value(logical.excitationWave),
        laser_wave=(
            _stored_value(source.wavelength) if isinstance(source, omero.model.Laser) else None
        ),
        has_emission_filter=_has_emission_filter(logical),
        stats=_stats_of(channel.statsInfo),
    )


def _stats_of(stats: Any) -> tuple[float, float] | None:
    if stats is None or stats.globalMin is None or stats.globalMax is None:
        return None
    return stats.globalMin.val, stats.globalMax.val


def _stored_value(length: Any) -> float | None:
    return None if length is None else length.value


def _has_emission_filter(logical: Any) -> bool:
    """Tell whether an emission filter of the light path or of the filter set has a cut-in."""
    links: list[Any] = []
    for owner in (logical.lightPath, logical.filterSet):
        if owner is not None and owner.emissionFilterLinkLoaded:
            links.extend(owner.emissionFilterLinkSeq)
    ranges = [link.child.transmittanceRange for link in links if link.child is not None]
    return any(found is not None and found.cutIn is not None for found in ranges)


def rendering_definition_of(rdef: Any) -> RenderingDefinition:
    """Give a stored rendering definition with all its bindings."""
    quantum = rdef.quantization
    return RenderingDefinition(
        model=Model.GREYSCALE if rdef.model.value.val == "greyscale" else Model.RGB,
        bindings=tuple(_binding_of(binding) for binding in rdef.waveRenderingSeq if binding),
        default_z=rdef.defaultZ.val,
        default_t=rdef.defaultT.val,
        cd_start=quantum.cdStart.val,
        cd_end=quantum.cdEnd.val,
        bit_resolution=quantum.bitResolution.val,
        rdef_id=rdef.id.val,
        version=unwrap(rdef.version) or 0,
        owner_id=rdef.details.owner.id.val,
    )


def _binding_of(binding: Any) -> ChannelBinding:
    enhancements = binding.spatialDomainEnhancementSeq or ()
    return ChannelBinding(
        active=bool(unwrap(binding.active)),
        window=Window(binding.inputStart.val, binding.inputEnd.val),
        color=color_of(binding) or Color(255, 255, 255),
        lut=unwrap(binding.lookupTable) or None,
        family=binding.family.value.val,
        coefficient=binding.coefficient.val,
        noise_reduction=bool(unwrap(binding.noiseReduction)),
        # OMERO's renderer asks only whether there is one, and not what its flag says.
        reverse_intensity=any(
            isinstance(enhancement, omero.model.ReverseIntensityContext)
            for enhancement in enhancements
        ),
    )


def choose_rendering_definition(
    rdefs: Sequence[Any], viewer_id: int, owner_id: int
) -> RenderingDefinition | None:
    """Give the definition in force: the viewer's newest, else the image owner's newest."""
    for person in (viewer_id, owner_id):
        theirs = [rdef for rdef in rdefs if rdef.details.owner.id.val == person]
        if theirs:
            return rendering_definition_of(max(theirs, key=definition_age))
    return None


def definition_age(rdef: Any) -> tuple[int, int]:
    """Give what rises from an older definition to a newer one."""
    return rdef.details.updateEvent.time.val, rdef.id.val


def find_rendering_definition(
    rdefs: Sequence[Any], rdef_id: int, size_c: int
) -> RenderingDefinition | None:
    """Give the definition with that id, unless it is for another number of channels."""
    for rdef in rdefs:
        if rdef.id.val == rdef_id:
            definition = rendering_definition_of(rdef)
            return definition if len(definition.bindings) == size_c else None
    return None


def session_user_of(context: Any) -> SessionUser:
    """Give who a session belongs to."""
    return SessionUser(
        user_id=context.userId,
        user_name=context.userName,
        group_id=context.groupId,
        group_name=context.groupName,
        is_admin=context.isAdmin,
        member_of_groups=tuple(context.memberOfGroups or ()),
        leader_of_groups=tuple(context.leaderOfGroups or ()),
        session_id=context.sessionId,
        event_id=context.eventId,
        event_type=context.eventType or "User",
    )


def server_settings_of(values: Mapping[str, str]) -> ServerSettings:
    """Give the server's settings; what it does not say, or says wrongly, keeps its default."""
    known = ServerSettings()

    def number(name: str, default: int) -> int:
        try:
            return int(values.get(_PIXELDATA + name, ""))
        except ValueError:
            return default

    override = values.get(_PIXELDATA + "max_plane_float_override", "true").strip().lower()
    return ServerSettings(
        max_plane_width=number("max_plane_width", known.max_plane_width),
        max_plane_height=number("max_plane_height", known.max_plane_height),
        tile_width=number("tile_width", known.tile_width),
        tile_height=number("tile_height", known.tile_height),
        max_tile_length=number("max_tile_length", known.max_tile_length),
        max_projection_bytes=number("max_projection_bytes", known.max_projection_bytes),
        float_needs_no_pyramid=override != "false",
        client=MappingProxyType(
            {
                name.removeprefix(_CLIENT): value
                for name, value in values.items()
                if name.startswith(_CLIENT)
            }
        ),
    )
