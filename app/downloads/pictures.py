"""Rendered pictures to be kept: one, or the default planes of several as an archive."""

from collections.abc import Iterator
from functools import partial

from app.call import Call
from app.downloads.archive import Archive, Member, archive_name, zip_pieces
from app.downloads.body import DownloadBody
from app.downloads.names import base_name, plain_name, safe_name, unlike, with_ending
from app.downloads.selection import select_images
from app.imaging.areas import resolve_area
from app.params import Orientation, RenderRequest, SettingsRequest
from app.parsing.download_params import DownloadRequest
from app.pipeline import render_picture
from render.values import Encoding, ImageInfo

#: What OMERO.web takes for pictures in archives.
_QUALITY = 0.9


def picture_name(info: ImageInfo, format_name: str) -> str:
    """Give the name under which one picture is downloaded."""
    return with_ending(plain_name(info.name or ""), f".{format_name}")


def pictures_archive(call: Call, request: DownloadRequest, format_name: str) -> Archive:
    """Give the default planes of several images, each drawn when its turn comes.

    Raises NotFound, Forbidden, and TooLarge for an image too large to be drawn, before
    anything is sent.
    """
    infos = select_images(call, request)
    for info in infos:
        resolve_area(info, None, Orientation(), call.settings.max_output_pixels)
    stems = [safe_name(base_name(info.name or ""), str(info.image_id)) for info in infos]
    names = unlike(with_ending(stem, f".{format_name}") for stem in stems)
    members = [
        Member(name, partial(_draw, call, info, format_name), None)
        for name, info in zip(names, infos, strict=True)
    ]
    name = archive_name(request.archive_name, f"Download_as_{format_name}", members)
    pieces, length = zip_pieces(members, deflate=False)
    leave = call.parts.downloads.enter(call.viewer.key)
    pace = call.settings.download_max_bytes_per_s
    return Archive(name, length, DownloadBody(pieces, (leave,), pace, f"of the archive {name!r}"))


def _draw(call: Call, info: ImageInfo, format_name: str) -> Iterator[bytes]:
    request = RenderRequest(
        info.image_id,
        z=None,
        t=None,
        area=None,
        settings=SettingsRequest(),
        projection=None,
        encoding=Encoding(format_name, _QUALITY),
    )
    # Each picture has the time that one request has.
    yield render_picture(call.renewed(), request).body or b""
