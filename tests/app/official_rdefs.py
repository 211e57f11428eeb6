"""What OMERO's own Python client makes of stored settings; run by its own interpreter.

Usage: official_rdefs.py HOST SSL_PORT USER PASSWORD, with a JSON object of image ids by role on
standard input. Checks nothing but that the calls end well; writes what they gave as JSON.
"""

import json
import sys
from typing import Any

import omero
from omero.gateway import BlitzGateway


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    ids = json.load(sys.stdin)
    connection = BlitzGateway(user, password, host=host, port=int(port), secure=True)
    if not connection.connect():
        raise SystemExit(f"not connected: {connection.getLastError()}")
    connection.SERVICE_OPTS.setOmeroGroup(-1)
    told: dict[str, Any] = {"found": describe(connection, ids["saved by us"])}
    image = connection.getObject("Image", ids["saved by it"])
    image.setActiveChannels(
        [1, -2], [[15, 1200], [3, 900.5]], ["FF8000", "cool.lut"], reverseMaps=[True, False]
    )
    image.setGreyscaleRenderingModel()
    image.setDefaultZ(2)
    image.setDefaultT(1)
    told["saved"] = image.saveDefaults()
    told["own"] = describe(connection, ids["saved by it"])
    settings = connection.getRenderingSettingsService()
    connection.SERVICE_OPTS.setOmeroGroup(image.getDetails().group.id.val)
    told["copied"] = {
        str(fits): list(images)
        for fits, images in settings.applySettingsToSet(
            image.getPixelsId(), "Image", [ids["copied to"]], connection.SERVICE_OPTS
        ).items()
    }
    # As scripts do it: load the object, change it, save it.
    pixels_id = connection.getObject("Image", ids["copied to"]).getPixelsId()
    rdef = connection.getPixelsService().retrieveRndSettings(pixels_id, connection.SERVICE_OPTS)
    rdef.getChannelBinding(1).setInputEnd(omero.rtypes.rdouble(777.0))
    rdef.version = omero.rtypes.rint(rdef.version.val + 1)
    saved = connection.getUpdateService().saveAndReturnObject(rdef, connection.SERVICE_OPTS)
    told["changed"] = saved.getChannelBinding(1).getInputEnd().val
    reset = connection.getObject("Image", ids["reset"])
    reset.resetDefaults()
    told["reset"] = describe(connection, ids["reset"])
    connection.close()
    print(json.dumps(told))


def describe(connection: Any, image_id: int) -> list[dict]:
    return connection.getObject("Image", image_id).getAllRenderingDefs()


if __name__ == "__main__":
    main()
