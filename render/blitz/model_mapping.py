"""Turns OMERO's model objects into records with the names of OME's schema.

The names are those that OMERO.web's JSON API gives them. What is null, or was not fetched, is
left out.
"""

from collections.abc import Callable
from typing import Any

from render.blitz.mapping import permissions_of, unwrap
from render.blitz.model_records import Details, ModelRecord, Quantity, Rights
from render.blitz.slices import omero

#: By class: OMERO's member, by the name that is told.
_NAMED = {"Name": "name", "Description": "description"}
_PLAIN: dict[str, dict[str, str]] = {
    "Project": _NAMED,
    "Dataset": _NAMED,
    "Image": _NAMED
    | {
        "AcquisitionDate": "acquisitionDate",
        "omero:archived": "archived",
        "omero:partial": "partial",
        "omero:series": "series",
    },
    "Pixels": {
        "omero:methodology": "methodology",
        "PhysicalSizeX": "physicalSizeX",
        "PhysicalSizeY": "physicalSizeY",
        "PhysicalSizeZ": "physicalSizeZ",
        "omero:sha1": "sha1",
        "SignificantBits": "significantBits",
        "SizeX": "sizeX",
        "SizeY": "sizeY",
        "SizeZ": "sizeZ",
        "SizeC": "sizeC",
        "SizeT": "sizeT",
        "TimeIncrement": "timeIncrement",
        "omero:waveIncrement": "waveIncrement",
        "omero:waveStart": "waveStart",
    },
    "Screen": _NAMED
    | {
        "ProtocolDescription": "protocolDescription",
        "ProtocolIdentifier": "protocolIdentifier",
        "ReagentSetDescription": "reagentSetDescription",
        "ReagentSetIdentifier": "reagentSetIdentifier",
        "Type": "type",
    },
    "Plate": _NAMED
    | {
        "ColumnNamingConvention": "columnNamingConvention",
        "RowNamingConvention": "rowNamingConvention",
        "Columns": "columns",
        "Rows": "rows",
        "FieldIndex": "defaultSample",
        "ExternalIdentifier": "externalIdentifier",
        "Status": "status",
        "WellOriginX": "wellOriginX",
        "WellOriginY": "wellOriginY",
    },
    "PlateAcquisition": _NAMED
    | {
        "MaximumFieldCount": "maximumFieldCount",
        "StartTime": "startTime",
        "EndTime": "endTime",
    },
    "Well": {
        "Column": "column",
        "Row": "row",
        "ExternalDescription": "externalDescription",
        "ExternalIdentifier": "externalIdentifier",
        "Type": "type",
        "omero:status": "status",
    },
    "WellSample": {"PositionX": "posX", "PositionY": "posY", "Timepoint": "timepoint"},
    "Experimenter": {
        "UserName": "omeName",
        "FirstName": "firstName",
        "MiddleName": "middleName",
        "LastName": "lastName",
        "Email": "email",
        "Institution": "institution",
    },
    "ExperimenterGroup": _NAMED,
    "Roi": _NAMED,
    "AffineTransform": {
        "A00": "a00",
        "A10": "a10",
        "A01": "a01",
        "A11": "a11",
        "A02": "a02",
        "A12": "a12",
    },
}
_SHAPE = {
    "FillColor": "fillColor",
    "FillRule": "fillRule",
    "FontFamily": "fontFamily",
    "FontSize": "fontSize",
    "FontStyle": "fontStyle",
    "Locked": "locked",
    "StrokeColor": "strokeColor",
    "StrokeDashArray": "strokeDashArray",
    "StrokeWidth": "strokeWidth",
    "Text": "textValue",
    "TheC": "theC",
    "TheT": "theT",
    "TheZ": "theZ",
}
_BOX = {"X": "x", "Y": "y", "Width": "width", "Height": "height"}
_SHAPES: dict[str, dict[str, str]] = {
    "Rectangle": _BOX,
    "Mask": _BOX,
    "Ellipse": {"X": "x", "Y": "y", "RadiusX": "radiusX", "RadiusY": "radiusY"},
    "Point": {"X": "x", "Y": "y"},
    "Label": {"X": "x", "Y": "y"},
    "Line": {
        "X1": "x1",
        "Y1": "y1",
        "X2": "x2",
        "Y2": "y2",
        "MarkerStart": "markerStart",
        "MarkerEnd": "markerEnd",
    },
    "Polyline": {"Points": "points", "MarkerStart": "markerStart", "MarkerEnd": "markerEnd"},
    "Polygon": {"Points": "points"},
}


def record_of(thing: Any) -> ModelRecord:
    """Give an object as a record; one that was not fetched as its class and id alone."""
    kind = _kind_of(thing)
    if not thing.loaded:
        return ModelRecord(kind, unwrap(thing.id))
    values = _plain(thing, _PLAIN.get(kind, {}))
    extra = _EXTRA.get(kind)
    if extra is not None:
        values |= extra(thing)
    return ModelRecord(kind, unwrap(thing.id), _details_of(thing), values)


def shape_record_of(shape: Any) -> ModelRecord:
    """Give a shape; of a mask its place, not its bits."""
    kind = _kind_of(shape)
    values = _plain(shape, _SHAPE | _SHAPES.get(kind, {}))
    if shape.transform is not None and shape.transform.loaded:
        values["Transform"] = record_of(shape.transform)
    return ModelRecord(kind, unwrap(shape.id), _details_of(shape), values)


def members_of_shape(kind: str) -> dict[str, str] | None:
    """Give OMERO's members of a class of shapes by the names that are told; None for another one.

    The transformation, and the bits of a mask, are not among them.
    """
    own = _SHAPES.get(kind)
    return None if own is None else _SHAPE | own


def quantity_of(kind: str, quantity: Any) -> Quantity:
    """Give a Length or Time."""
    return Quantity(kind, quantity.value, quantity.unit.name)


def _kind_of(thing: Any) -> str:
    return thing.ice_id().rpartition("::")[2]


def _plain(thing: Any, names: dict[str, str]) -> dict[str, Any]:
    values = {}
    for told, member in names.items():
        value = getattr(thing, member, None)
        if value is None:
            continue
        if isinstance(value, omero.model.Length):
            values[told] = quantity_of("Length", value)
        elif isinstance(value, omero.model.Time):
            values[told] = quantity_of("Time", value)
        else:
            values[told] = unwrap(value)
    return {told: value for told, value in values.items() if value is not None}


def _details_of(thing: Any) -> Details | None:
    details = thing.details
    if details is None:
        return None
    permissions = details.permissions
    # People and groups belong to nobody.
    owned = not isinstance(thing, omero.model.Experimenter | omero.model.ExperimenterGroup)
    return Details(
        owner=record_of(details.owner) if owned and details.owner is not None else None,
        group=record_of(details.group) if owned and details.group is not None else None,
        rights=None if permissions is None else Rights(permissions.perm1, permissions_of(details)),
    )


def _image_parts(image: Any) -> dict[str, Any]:
    # Of several pixels sets the oldest is the image's own.
    pixels = [pixels for pixels in image.pixelsSeq or () if pixels is not None]
    if not pixels:
        return {}
    return {"Pixels": record_of(min(pixels, key=lambda candidate: candidate.id.val))}


def _pixels_parts(pixels: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if pixels.pixelsType is not None and pixels.pixelsType.loaded:
        parts["Type"] = record_of(pixels.pixelsType)
    if pixels.channelsLoaded and pixels.channelsSeq:
        channels = [channel for channel in pixels.channelsSeq if channel is not None]
        parts["Channels"] = tuple(map(record_of, channels))
    return parts


def _channel_parts(channel: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    rgba = [unwrap(part) for part in (channel.red, channel.green, channel.blue, channel.alpha)]
    if None not in rgba:
        number = rgba[0] << 24 | rgba[1] << 16 | rgba[2] << 8 | rgba[3]
        # As OMERO tells colours: a signed 32-bit number.
        parts["Color"] = number - (1 << 32) if number >= 1 << 31 else number
    parts |= _plain(channel, {"omero:lookupTable": "lookupTable"})
    logical = channel.logicalChannel
    if logical is not None and logical.loaded:
        parts["omero:LogicalChannelId"] = logical.id.val
        parts |= _plain(
            logical,
            {
                "EmissionWavelength": "emissionWave",
                "ExcitationWavelength": "excitationWave",
                "Fluor": "fluor",
                "Name": "name",
                "SamplesPerPixel": "samplesPerPixel",
            },
        )
    return parts


def _well_parts(well: Any) -> dict[str, Any]:
    if not well.wellSamplesLoaded:
        return {}
    # By the index of the field, which may have gaps.
    samples = tuple(sample and record_of(sample) for sample in well.wellSamplesSeq)
    return {"WellSamples": samples} if samples else {}


def _sample_parts(sample: Any) -> dict[str, Any]:
    parts = {}
    if sample.image is not None:
        parts["Image"] = record_of(sample.image)
    if sample.plateAcquisition is not None:
        parts["PlateAcquisition"] = record_of(sample.plateAcquisition)
    return parts


def _enumeration_value(thing: Any) -> dict[str, Any]:
    return {"value": unwrap(thing.value)}


_EXTRA: dict[str, Callable[[Any], dict[str, Any]]] = {
    "Image": _image_parts,
    "Pixels": _pixels_parts,
    "Channel": _channel_parts,
    "Well": _well_parts,
    "WellSample": _sample_parts,
    "PixelsType": _enumeration_value,
}
