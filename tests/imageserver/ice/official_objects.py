"""What OMERO's own Python client gets of regions, plates and annotations; run by its interpreter.

It draws regions, too, changes and deletes them.

Usage: official_objects.py HOST SSL_PORT USER PASSWORD
Checks nothing but that the calls end well; writes what they gave to its output as JSON.
"""

import json
import sys
from typing import Any

import omero
from omero.gateway import BlitzGateway
from omero.rtypes import rdouble, rint, rstring


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    connection = BlitzGateway(user, password, host=host, port=int(port), secure=True)
    if not connection.connect():
        raise SystemExit(f"not connected: {connection.getLastError()}")
    image = next(i for i in connection.getObjects("Image") if i.getName().endswith("[one]"))
    print(
        json.dumps(
            {
                "regions": regions(connection, image.getId()),
                "region count": image.getROICount(),
                "drawn": draw(connection, image),
                "plates": [plate_of(plate) for plate in connection.getObjects("Plate")],
                "screens": {
                    screen.getName(): [plate.getName() for plate in screen.listChildren()]
                    for screen in connection.getObjects("Screen")
                },
                "annotations": [
                    [type(a).__name__, a.getNs(), a.getValue()] for a in image.listAnnotations()
                ],
            }
        )
    )
    connection.close()


def regions(connection: Any, image_id: int) -> list[list[Any]]:
    found = connection.getRoiService().findByImage(image_id, None).rois
    return [
        [type(shape).__name__, shape.getX().getValue(), shape.getY().getValue()]
        for roi in found
        for shape in roi.copyShapes()
    ]


def draw(connection: Any, image: Any) -> list[Any]:
    """Draw a region of two shapes, change one, take one out, delete it; tell it after each step."""
    update, service = connection.getUpdateService(), connection.getRoiService()
    told = []

    def look() -> None:
        rois = service.findByImage(image.getId(), None).rois
        told.append(
            [
                [shape.getTextValue().getValue(), shape.getX().getValue()]
                for roi in rois
                if roi.getName() is not None and roi.getName().getValue() == "drawn"
                for shape in roi.copyShapes()
            ]
        )

    roi = omero.model.RoiI()
    roi.setImage(image._obj)
    roi.setName(rstring("drawn"))
    for number, kind in enumerate((omero.model.RectangleI, omero.model.EllipseI)):
        shape = kind()
        shape.setX(rdouble(number))
        shape.setY(rdouble(2.5))
        shape.setTheZ(rint(0))
        shape.setTextValue(rstring(kind.__name__))
        shape.setStrokeWidth(omero.model.LengthI(2.0, omero.model.enums.UnitsLength.PIXEL))
        roi.addShape(shape)
    [saved] = update.saveAndReturnArray([roi])
    look()
    second = saved.copyShapes()[1]
    second.setX(rdouble(7.0))
    update.saveArray([second])
    look()
    loaded = service.findByRoi(saved.getId().getValue(), None).rois[0]
    loaded.removeShape(loaded.copyShapes()[0])
    update.saveArray([loaded])
    look()
    connection.deleteObjects("Roi", [saved.getId().getValue()], wait=True)
    look()
    return told


def plate_of(plate: Any) -> dict[str, Any]:
    return {
        "name": plate.getName(),
        "grid": plate.getGridSize(),
        "fields": plate.getNumberOfFields(),
        "rows": plate.getRowLabels(),
        "wells": [
            [well.getWellPos(), well.countWellSample(), well.getImage().getName()]
            for well in plate.listChildren()
        ],
        "annotations": [a.getValue() for a in plate.listAnnotations()],
    }


if __name__ == "__main__":
    main()
