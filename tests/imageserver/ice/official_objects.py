"""What OMERO's own Python client gets of regions, plates and annotations; run by its interpreter.

Usage: official_objects.py HOST SSL_PORT USER PASSWORD
Checks nothing but that the calls end well; writes what they gave to its output as JSON.
"""

import json
import sys
from typing import Any

from omero.gateway import BlitzGateway


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
