"""Saved rendering settings as entities of OMERO's model.

A RenderingDef's record is the saved definition; that of its parts is the definition with the
channel's position.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imageserver.definitions import SavedDefinition, SaveEvent
from imageserver.entities import MEMBERS, Entity, Finder, enumeration
from render.values import ChannelBinding

if TYPE_CHECKING:
    from imageserver.graph import Graph

#: Event ids of saves lie above those that follow from images.
_SAVES = 1 << 62
_ENTITY_TYPES = {
    "RenderingDef": "ome.model.display.RenderingDef",
    "Image": "ome.model.core.Image",
}

#: Classes whose entities a save changes, those above them included.
CHANGED_BY_SAVES = frozenset(
    {
        *("RenderingDef", "QuantumDef", "ChannelBinding", "ReverseIntensityContext"),
        *("CodomainMapContext", "Event", "EventLog", "IObject"),
    }
)

Part = tuple[SavedDefinition, int]


def definition_entity(definition: SavedDefinition) -> Entity:
    """Give the entity of saved settings."""
    return Entity("RenderingDef", definition.id, definition)


def save_event(event: SaveEvent) -> Entity:
    """Give the entity of the event of a save."""
    return Entity("Event", _SAVES + event.id, event)


def definition_of(entity: Entity) -> SavedDefinition | None:
    """Give the saved settings that an entity is, or is a part of; None for any other."""
    record = entity.record
    if isinstance(record, tuple) and record:
        record = record[0]
    return record if isinstance(record, SavedDefinition) else None


def definition_detail(graph: "Graph", definition: SavedDefinition, name: str) -> Any:
    """Give owner, group or an event of saved settings: the group is that of the pixels."""
    if name == "details.owner":
        return graph.find("Experimenter", definition.owner_id)
    if name == "details.creationEvent":
        return save_event(definition.created)
    return save_event(definition.updated)


def definition_extent(graph: "Graph", kind: str) -> Iterator[Entity]:
    """Give all entities of a class that saves made."""
    if kind == "EventLog":
        yield from (Entity("EventLog", e.event.id, e) for e in graph.definitions.log)
        return
    for pixels_id in graph.definitions.by_pixels:
        for definition in graph.saved_definitions(pixels_id):
            if kind == "Event":
                yield save_event(definition.updated)
                if definition.created != definition.updated:
                    yield save_event(definition.created)
            elif kind == "RenderingDef":
                yield definition_entity(definition)
            elif kind == "QuantumDef":
                yield _quantum(definition)
            elif kind == "ChannelBinding":
                yield from _bindings(definition)
            elif kind == "ReverseIntensityContext":
                for binding in _bindings(definition):
                    yield from _contexts(binding.record)


def _quantum(definition: SavedDefinition) -> Entity:
    return Entity("QuantumDef", definition.id, (definition, 0))


def _bindings(definition: SavedDefinition) -> list[Entity]:
    return [
        Entity("ChannelBinding", identifier, (definition, position))
        for position, identifier in enumerate(definition.binding_ids)
    ]


def _contexts(part: Part) -> list[Entity]:
    reverses = _binding(part).reverse_intensity
    return [Entity("ReverseIntensityContext", _binding_id(part), part)] if reverses else []


def _binding(part: Part) -> ChannelBinding:
    return part[0].settings.bindings[part[1]]


def _binding_id(part: Part) -> int:
    return part[0].binding_ids[part[1]]


def _of_settings(name: str) -> Finder:
    return lambda graph, definition: getattr(definition.settings, name)


def _of_quantum(name: str) -> Finder:
    return lambda graph, part: getattr(part[0].settings, name)


def _color(name: str) -> Finder:
    return lambda graph, part: getattr(_binding(part).color, name)


def _version(graph: "Graph", part: Part) -> int:
    return part[0].version


def _of_event(name: str, of_save: Finder) -> dict[str, Finder]:
    """Tell an event's member of saves in one way, and of all others as before."""
    of_image = MEMBERS["Event"][name]

    def find(graph: "Graph", record: Any) -> Any:
        return (of_save if isinstance(record, SaveEvent) else of_image)(graph, record)

    return {name: find}


#: Beside classes of their own, saved settings add members to two that files have, too.
DEFINITION_MEMBERS: dict[str, dict[str, Finder]] = {
    "Pixels": {
        **MEMBERS["Pixels"],
        "settings": lambda graph, image: [
            definition_entity(definition) for definition in graph.saved_definitions(image.pixels_id)
        ],
    },
    "Event": {
        **MEMBERS["Event"],
        **_of_event("time", lambda graph, event: event.time_s),
        **_of_event("experimenter", lambda graph, event: graph.find("Experimenter", event.user_id)),
        **_of_event("type", lambda graph, event: enumeration("EventType", "User")),
    },
    "EventLog": {
        "entityId": lambda graph, entry: entry.object_id,
        "entityType": lambda graph, entry: _ENTITY_TYPES[entry.kind],
        "action": lambda graph, entry: entry.action,
        "event": lambda graph, entry: save_event(entry.event),
    },
    "RenderingDef": {
        "version": lambda graph, definition: definition.version,
        "pixels": lambda graph, definition: graph.find("Pixels", definition.pixels_id),
        "defaultZ": _of_settings("default_z"),
        "defaultT": _of_settings("default_t"),
        "model": lambda graph, definition: enumeration(
            "RenderingModel", definition.settings.model.value
        ),
        "quantization": lambda graph, definition: _quantum(definition),
        "waveRendering": lambda graph, definition: _bindings(definition),
    },
    "QuantumDef": {
        "version": _version,
        "cdStart": _of_quantum("cd_start"),
        "cdEnd": _of_quantum("cd_end"),
        "bitResolution": _of_quantum("bit_resolution"),
    },
    "ChannelBinding": {
        "version": _version,
        "renderingDef": lambda graph, part: definition_entity(part[0]),
        "family": lambda graph, part: enumeration("Family", _binding(part).family),
        "coefficient": lambda graph, part: _binding(part).coefficient,
        "inputStart": lambda graph, part: _binding(part).window.start,
        "inputEnd": lambda graph, part: _binding(part).window.end,
        "active": lambda graph, part: _binding(part).active,
        "noiseReduction": lambda graph, part: _binding(part).noise_reduction,
        "red": _color("red"),
        "green": _color("green"),
        "blue": _color("blue"),
        "alpha": _color("alpha"),
        "lookupTable": lambda graph, part: _binding(part).lut,
        "spatialDomainEnhancement": lambda graph, part: _contexts(part),
    },
    "ReverseIntensityContext": {
        "version": _version,
        "channelBinding": lambda graph, part: Entity("ChannelBinding", _binding_id(part), part),
        "reverse": lambda graph, part: True,
    },
}
