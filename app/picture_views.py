"""Views that give a picture and nothing else.

They are plain functions of a call and of what was asked, so that they can be called without
Flask, too: `app.shortcut` does, as routing and contexts would take a tenth of a tile's time.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import Response

from app.call import Call
from app.imaging.handles import with_handle
from app.pipeline import ClientHas, Picture, remembered_picture
from app.web import address, client_has, picture_call, picture_response, query


@dataclass(frozen=True)
class Asked:
    """What a request for a picture says beside its path's values.

    `query` has each parameter's last value, `url` is path and query as they came.
    """

    query: Mapping[str, str]
    url: str
    client_has: ClientHas

    def settings_query(self, call: Call) -> Mapping[str, str]:
        """Give the query with those parameters that `settings` stands for; see `with_handle`."""
        return with_handle(call, self.query)


#: Takes a call, what is asked, and the path's values by name; raises errors of `render.errors`.
Draw = Callable[..., Picture]


class PictureView:
    """Makes a view for Flask of a function that draws; to be used as a decorator."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        functools.update_wrapper(self, draw)

    def __call__(self, **values: int) -> Response:
        """Answer the request in hand: with what its address came to before, if that still holds."""
        call = picture_call()
        asked = Asked(query(), address(), client_has)
        picture = remembered_picture(call, asked.url, client_has)
        return picture_response(picture or self.draw(call, asked, **values))
