"""A picture as an HTTP answer, whichever way it was found."""

from typing import NamedTuple

from app.http import Headers, cache_control, warning
from app.pipeline import Picture
from app.settings import Settings


class PictureAnswer(NamedTuple):
    """Status, headers and body."""

    status: int
    headers: Headers
    body: bytes


def picture_answer(picture: Picture, settings: Settings, for_all: bool) -> PictureAnswer:
    """Give the answer: 304 when the client holds the picture, a file's name for the proxy to send.

    `for_all` = anybody who asks at this address may have, and would get, the same picture.
    """
    if picture.passing:
        headers = [("Cache-Control", "no-store")]
    else:
        headers = [
            ("ETag", f'"{picture.etag}"'),
            (
                "Cache-Control",
                cache_control(picture.complete, settings.browser_max_age_s, for_all),
            ),
        ]
    headers += picture.headers
    headers += [("Warning", warning(text)) for text in picture.warnings]
    if picture.file is not None:
        place = str(settings.x_accel_redirect).rstrip("/")
        headers.append(("X-Accel-Redirect", f"{place}/{picture.file}"))
    elif picture.body is None:
        return PictureAnswer(304, headers, b"")
    body = picture.body or b""
    headers += [("Content-Type", picture.media_type), ("Content-Length", str(len(body)))]
    return PictureAnswer(200, headers, body)
