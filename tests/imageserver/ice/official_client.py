"""What OMERO's own Python client gets from the image server; run by its own interpreter.

Usage: official_client.py HOST SSL_PORT USER PASSWORD FILE
Checks nothing but that the calls end well; writes what they gave to FILE as numpy arrays and JSON.
"""

import json
import sys
from typing import Any

import numpy as np
import omero
from omero.gateway import BlitzGateway


def connect(secure: bool, **credentials: str) -> Any:
    host, port = sys.argv[1], int(sys.argv[2])
    connection = BlitzGateway(
        credentials.get("user"), credentials.get("password"), host=host, port=port, secure=secure
    )
    key = credentials.get("key")
    if not (connection.connect(sUuid=key) if key else connection.connect()):
        raise SystemExit(f"not connected: {connection.getLastError()}")
    return connection


def describe(image: Any) -> dict:
    """Tell about an image what clients list."""
    found = {
        "id": image.getId(),
        "sizes": [getattr(image, f"getSize{axis}")() for axis in "XYZCT"],
        "type": image.getPixelsType(),
        "pixel size": [
            image.getPixelSizeX(),
            image.getPixelSizeY(),
            image.getPixelSizeX(units="NANOMETER") and image.getPixelSizeX("NANOMETER").getValue(),
        ],
        "dataset": image.getParent().getName(),
        "owner": image.getOwnerOmeName(),
        "date": image.getDate().isoformat(),
        "can annotate": image.canAnnotate(),
        "can edit": image.canEdit(),
        "files": [[file.getName(), file.getSize()] for file in image.getImportedImageFiles()],
    }
    if image.getPrimaryPixels() is not None:
        found["labels"] = image.getChannelLabels()
        found["channels"] = [
            {
                "label": channel.getLabel(),
                "wave": channel.getEmissionWave(),
                "window": [channel.getWindowStart(), channel.getWindowEnd()],
                "color": channel.getColor().getHtml(),
            }
            for channel in image.getChannels()
        ]
    return found


def read_pixels(image: Any) -> dict[str, np.ndarray]:
    """Read the last plane, a tile of it, and a tile of every resolution level."""
    pixels = image.getPrimaryPixels()
    z, c, t = (size - 1 for size in (image.getSizeZ(), image.getSizeC(), image.getSizeT()))
    found = {"plane": pixels.getPlane(z, c, t), "tile": pixels.getTile(z, c, t, (5, 6, 20, 11))}
    found.update(
        (f"plane {i}", plane)
        for i, plane in enumerate(pixels.getPlanes([(0, i, 0) for i in range(c + 1)]))
    )
    store = image._conn.c.sf.createRawPixelsStore()
    store.setPixelsId(image.getPixelsId(), False)
    levels = store.getResolutionLevels()
    dtype = {"uint16": ">u2", "int16": ">i2", "uint8": ">u1"}[image.getPixelsType()]
    for level, size in enumerate(store.getResolutionDescriptions()):
        store.setResolutionLevel(levels - 1 - level)
        data = store.getTile(z, c, t, 0, 0, size.sizeX, size.sizeY)
        found[f"level {level}"] = np.frombuffer(data, dtype).reshape(size.sizeY, size.sizeX)
    store.close()
    return found


def draw(image: Any) -> dict[str, np.ndarray]:
    """Have the server draw the last plane, a part of its smallest level, and a projection."""
    z, t = image.getSizeZ() - 1, image.getSizeT() - 1
    image.setActiveChannels(
        [1, -2], [[5, 200], [0, 9]], ["FF8000", "00FF00"], reverseMaps=[True, False]
    )
    found = {"drawn": image.renderJpeg(z, t, compression=0.9)}
    picture = image.renderImage(z, t)
    if picture.size != (image.getSizeX(), image.getSizeY()):
        raise SystemExit(f"the picture has {picture.size} pixels")
    found["part"] = image.renderJpegRegion(z, t, 5, 6, 20, 11, level=0, compression=0.8)
    image._re.setResolutionLevel(image._re.getResolutionLevels() - 1)
    image._pd.region = None
    image.setProjection("intmax")
    found["projected"] = image.renderJpeg(z, t, compression=0.9)
    return {name: np.frombuffer(jpeg, np.uint8) for name, jpeg in found.items()}


def main() -> None:
    user, password, output = sys.argv[3:6]
    told: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for secure in (True, False):
        connection = connect(secure, user=user, password=password)
        told["secure" if secure else "insecure"] = bool(connection.isSecure())
        connection.close()

    connection = connect(False, user=user, password=password)
    told["user"] = [connection.getUser().getName(), connection.getGroupFromContext().getName()]
    told["tree"] = {
        project.getName(): {
            dataset.getName(): sorted(image.getName() for image in dataset.listChildren())
            for dataset in project.listChildren()
        }
        for project in connection.listProjects()
    }
    told["images"] = {}
    for image in connection.getObjects("Image", opts={"order_by": "lower(obj.name)"}):
        name = image.getName()
        told["images"][name] = describe(image)
        if image.getPrimaryPixels() is not None:
            arrays.update((f"{name}: {k}", array) for k, array in read_pixels(image).items())
            arrays.update((f"{name}: {k}", array) for k, array in draw(image).items())
        for file in image.getImportedImageFiles():
            content = b"".join(file.getFileInChunks(buf=1000))
            arrays[f"{name}: file"] = np.frombuffer(content, np.uint8)
    told["page"] = [
        image.getName()
        for image in connection.getObjects(
            "Image", opts={"order_by": "obj.name", "limit": 2, "offset": 1}
        )
    ]
    told["missing"] = connection.getObject("Image", 987654) is None
    told["alive"] = connection.keepAlive()

    key = connection.c.getSessionId()
    joined = connect(True, key=key)
    told["joined"] = joined.c.getSessionId() == key
    joined.close(hard=False)
    told["alive after join"] = connection.keepAlive()
    told["refused"] = refuse(connection)
    connection.close()
    told["closed"] = not BlitzGateway(host=sys.argv[1], port=int(sys.argv[2])).connect(sUuid=key)
    np.savez(output, **arrays, told=np.array(json.dumps(told)))


def refuse(connection: Any) -> list[str]:
    """Name the errors of some calls that cannot succeed."""
    calls = (
        lambda: connection.getQueryService().findByQuery("select x from Nothing x", None),
        lambda: connection.getQueryService().get("Image", 987654),
        lambda: connection.getUpdateService().saveObject(omero.model.ImageI()),
    )
    errors = []
    for call in calls:
        try:
            call()
        except omero.ServerError as error:
            errors.append(type(error).__name__)
    return errors


if __name__ == "__main__":
    main()
