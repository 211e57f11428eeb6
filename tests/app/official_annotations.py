"""What OMERO's own Python client makes of annotations, files and names; run by its interpreter.

Usage: official_annotations.py HOST SSL_PORT USER PASSWORD, with a JSON object of image ids by role
on standard input. Reads what the image `theirs` has, gives the same to the image `own`, and deletes
the annotation `deleted`. Checks nothing but that the calls end well; writes what they gave as JSON.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import omero.gateway
from omero.gateway import BlitzGateway


def main() -> None:
    host, port, user, password = sys.argv[1:5]
    ids = json.load(sys.stdin)
    connection = BlitzGateway(user, password, host=host, port=int(port), secure=True)
    if not connection.connect():
        raise SystemExit(f"not connected: {connection.getLastError()}")
    told: dict[str, Any] = {"theirs": describe(connection, ids["theirs"])}
    told["linked to"] = [
        image.getId() for image in connection.getObjectsByAnnotations("Image", [ids["shared"]])
    ]
    make(connection, connection.getObject("Image", ids["own"]))
    told["own"] = describe(connection, ids["own"])
    connection.deleteObjects("Annotation", [ids["deleted"]], wait=True)
    told["left"] = connection.getObject("FileAnnotation", ids["deleted"]) is not None
    connection.close()
    print(json.dumps(told))


def describe(connection: Any, image_id: int) -> dict[str, Any]:
    image = connection.getObject("Image", image_id)
    return {
        "name": image.getName(),
        "channels": image.getChannelLabels(),
        "annotations": sorted(describe_annotation(one) for one in image.listAnnotations()),
    }


def describe_annotation(annotation: Any) -> list[Any]:
    kind, namespace = annotation.OMERO_TYPE.__name__, annotation.getNs() or ""
    if kind != "FileAnnotationI":
        return [kind, namespace, annotation.getValue(), annotation.getOwnerOmeName()]
    file = annotation.getFile()
    content = b"".join(annotation.getFileInChunks(buf=1000)).decode()
    return [
        *(kind, namespace, file.getName(), file.getPath(), file.getMimetype(), file.getSize()),
        *(file.getHash(), file.getHasher().getValue(), content),
    ]


def make(connection: Any, image: Any) -> None:
    pairs = omero.gateway.MapAnnotationWrapper(connection)
    pairs.setNs("of/theirs")
    pairs.setValue([["stain", "DAPI"], ["stage", "II"]])
    pairs.save()
    image.linkAnnotation(pairs)
    pairs.setValue([["stain", "GFP"]])
    pairs.save()
    tag = omero.gateway.TagAnnotationWrapper(connection)
    tag.setValue("seen")
    # Saved by being linked.
    image.linkAnnotation(tag)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        path.write_text("1,2\n" * 10_000)
        file = connection.createFileAnnfromLocalFile(
            str(path), origFilePathAndName="/home/me/table.csv", mimetype="text/csv", ns="a/file"
        )
    image.linkAnnotation(file)
    image.setName("named by it")
    image.save()
    connection.setChannelNames("Image", [image.getId()], {1: "first", 2: "second"})


if __name__ == "__main__":
    main()
