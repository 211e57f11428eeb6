"""Projects, datasets and images of listings as OMERO.web's viewers read them."""

from typing import Any

from render.blitz.records import ContainerInfo, ContainerRecord, ImageItem


def image_data_of(image: ImageItem, prefix: str, thumbnail_size: int | None = None) -> dict:
    """Give an image of a listing; `prefix` is what the service's addresses begin with."""
    size = "" if thumbnail_size is None else f"{thumbnail_size}/"
    return {
        "type": "Image",
        "id": image.id,
        "name": image.name,
        "description": image.description or "",
        "author": image.author,
        "date": image.date_s,
        "thumb_url": f"{prefix}/webgateway/render_thumbnail/{image.id}/{size}",
    }


def container_data(kind: str, container: ContainerInfo | ContainerRecord) -> dict[str, Any]:
    """Give a container of the class `kind`."""
    return {
        "type": kind,
        "id": container.id,
        "name": container.name,
        "description": container.description or "",
    }
