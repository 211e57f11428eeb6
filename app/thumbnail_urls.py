"""Thumbnails as `data:` URLs, alone and in batches that are made side by side."""

import base64
from collections.abc import Sequence
from functools import partial

from app.call import Call
from app.imaging.thumbnails import render_thumbnail
from app.observe import Steps
from app.params import Query, parse_thumbnail
from app.pipeline import Picture
from render.errors import (
    DeadlineExceeded,
    NotAuthenticated,
    Overloaded,
    ServiceError,
    SourceUnavailable,
)
from render.waiting import side_by_side

#: Enough to keep the source busy while others are drawn.
_AT_A_TIME = 8

#: What says something of the service and not of an image.
_NOBODYS_FAULT = (SourceUnavailable, Overloaded, DeadlineExceeded)


def data_url(picture: Picture) -> str:
    """Give a picture as a `data:` URL."""
    body = base64.b64encode(picture.body or b"").decode("ascii")
    return f"data:{picture.media_type};base64,{body}"


def data_urls(
    call: Call, ids: Sequence[int], width: int | None, query: Query
) -> dict[str, str | None]:
    """Give thumbnails as `data:` URLs by image id; None for images that give none.

    `z`, `t` and `rdefId` count for a single image only, as in OMERO.web. Raises what concerns
    all: that nobody is logged in, or that not one thumbnail could be had since the service or
    its source is unavailable or too slow.
    """
    wanted = query if len(ids) == 1 else {}
    with call.steps.step("render"):
        outcomes = side_by_side(
            [partial(_data_url, call, image_id, width, wanted) for image_id in ids], _AT_A_TIME
        )
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for error in errors:
        if isinstance(error, NotAuthenticated) or not isinstance(error, ServiceError):
            raise error
    if errors and len(errors) == len(ids) and isinstance(errors[0], _NOBODYS_FAULT):
        raise errors[0]
    return {
        str(image_id): None if isinstance(outcome, Exception) else outcome
        for image_id, outcome in zip(ids, outcomes, strict=True)
    }


def _data_url(call: Call, image_id: int, width: int | None, query: Query) -> str:
    # The steps of a request are told by one at a time.
    own = Call(call.parts, call.viewer, call.deadline, Steps(call.steps.request_id))
    return data_url(render_thumbnail(own, parse_thumbnail(image_id, width, None, query)))
