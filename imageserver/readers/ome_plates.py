"""The plates and screens that OME-XML tells of."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from imageserver.readers.objects import (
    AcquisitionMetadata,
    FieldMetadata,
    PlateMetadata,
    ScreenMetadata,
    WellMetadata,
)
from imageserver.readers.ome_xml import (
    children,
    color_of,
    length_of,
    references,
    seconds,
    text_below,
    whole_of,
)

#: Rows and columns above this are taken for a fault of the file.
MAX_SIDE = 1024

_UNIT = "reference frame"


def plates(root: Element, series_of: Mapping[str, int]) -> tuple[PlateMetadata, ...]:
    """Give the plates; `series_of` tells which image of the file an Image element's id means.

    Fields whose image is not in the file are left out. Of two wells in one place the first counts,
    and of two fields with one image, too.
    """
    screens = _screens(root)
    return tuple(_plate(plate, series_of, screens) for plate in children(root, "Plate"))


def _screens(root: Element) -> dict[str, ScreenMetadata]:
    """Give the screens by the ids of their plates, or by their own for plates that name them."""
    found = {}
    for number, element in enumerate(children(root, "Screen")):
        screen = ScreenMetadata(
            number, element.get("Name") or "", text_below(element, "Description")
        )
        found[element.get("ID", "")] = screen
        found |= dict.fromkeys(references(element, "PlateRef"), screen)
    return found


def _plate(
    plate: Element, series_of: Mapping[str, int], screens: Mapping[str, ScreenMetadata]
) -> PlateMetadata:
    runs = list(children(plate, "PlateAcquisition"))
    run_of = {
        sample: i for i, run in enumerate(runs) for sample in references(run, "WellSampleRef")
    }
    wells: dict[tuple[int, int], WellMetadata] = {}
    taken: set[int] = set()
    for element in children(plate, "Well"):
        row, column = whole_of(element, "Row"), whole_of(element, "Column")
        if row is None or column is None or (row, column) in wells:
            continue
        if not (0 <= row < MAX_SIDE and 0 <= column < MAX_SIDE):
            continue
        fields = _fields(element, series_of, run_of, taken)
        taken |= {field.series for field in fields}
        wells[row, column] = WellMetadata(
            row,
            column,
            fields,
            kind=element.get("Type") or None,
            external_id=element.get("ExternalIdentifier") or None,
            external_description=element.get("ExternalDescription") or None,
            color=color_of(element, "Color"),
        )
    own_screen = next(iter(references(plate, "ScreenRef")), "")
    return PlateMetadata(
        name=plate.get("Name") or "",
        wells=tuple(wells[place] for place in sorted(wells)),
        description=text_below(plate, "Description"),
        rows=whole_of(plate, "Rows"),
        columns=whole_of(plate, "Columns"),
        row_naming=plate.get("RowNamingConvention") or None,
        column_naming=plate.get("ColumnNamingConvention") or None,
        external_id=plate.get("ExternalIdentifier") or None,
        status=plate.get("Status") or None,
        acquisitions=tuple(map(_acquisition, runs)),
        screen=screens.get(plate.get("ID", "")) or screens.get(own_screen),
        origin_x=length_of(plate, "WellOriginX", _UNIT),
        origin_y=length_of(plate, "WellOriginY", _UNIT),
        annotated=any(
            True
            for element in (plate, *children(plate, "Well"))
            for _ in references(element, "AnnotationRef")
        ),
    )


def _fields(
    well: Element, series_of: Mapping[str, int], run_of: Mapping[str, int], taken: set[int]
) -> tuple[FieldMetadata, ...]:
    found: dict[int, FieldMetadata] = {}
    samples = list(children(well, "WellSample"))
    # By Index, which is told for the order; those without one stay where they are.
    samples.sort(key=lambda sample: whole_of(sample, "Index") or 0)
    for sample in samples:
        series = next((series_of.get(i) for i in references(sample, "ImageRef")), None)
        if series is None or series in found or series in taken:
            continue
        found[series] = FieldMetadata(
            series,
            run_of.get(sample.get("ID", "")),
            length_of(sample, "PositionX", _UNIT),
            length_of(sample, "PositionY", _UNIT),
        )
    return tuple(found.values())


def _acquisition(run: Element) -> AcquisitionMetadata:
    return AcquisitionMetadata(
        name=run.get("Name") or None,
        description=text_below(run, "Description") or None,
        started_at_s=seconds(run.get("StartTime") or ""),
        ended_at_s=seconds(run.get("EndTime") or ""),
        maximum_field_count=whole_of(run, "MaximumFieldCount"),
    )
