"""OME-TIFF files with hand-written XML."""

from pathlib import Path

import numpy as np
import tifffile

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def image_xml(number: int, planes: np.ndarray, name: str, inside: str, first_ifd: int = 0) -> str:
    """Describe an image of (c, y, x) planes; `inside` is put below its Image element."""
    size_c, height, width = planes.shape
    channels = "".join(
        f'<Channel ID="Channel:{number}:{c}" SamplesPerPixel="1"/>' for c in range(size_c)
    )
    return (
        f'<Image ID="Image:{number}" Name="{name}"><Pixels ID="Pixels:{number}"'
        f' DimensionOrder="XYCZT" Type="{planes.dtype}" SizeX="{width}" SizeY="{height}"'
        f' SizeZ="1" SizeC="{size_c}" SizeT="1">{channels}'
        f'<TiffData IFD="{first_ifd}" PlaneCount="{size_c}"/></Pixels>{inside}</Image>'
    )


def write_ome_tiff(path: Path, images: list[np.ndarray], xml: str) -> None:
    """Write the planes of all images one after the other, with `xml` inside the OME element."""
    head = f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{NAMESPACE}">'
    with tifffile.TiffWriter(path) as writer:
        for i, plane in enumerate(plane for image in images for plane in image):
            description = f"{head}{xml}</OME>".encode() if i == 0 else None
            writer.write(
                plane,
                description=description,
                metadata=None,
                contiguous=False,
                photometric="minisblack",
            )
