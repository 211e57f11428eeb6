"""`OPTIONS`: what can be asked for, told as OMERO's rendering microservices tell it."""

import math
from typing import Any

from flask import Flask, Response, request

from app.http import json_response
from app.settings import Settings
from render.engine.encode import CONTENT_TYPES
from render.job import RENDERER_VERSION

#: Viewers want a number of channels that may be switched on at a time; there is no bound of ours.
_MAX_ACTIVE_CHANNELS = 100


def register(app: Flask, settings: Settings) -> None:
    """Answer every `OPTIONS` for an address that exists, before anybody is asked to log in."""

    @app.before_request
    def discover() -> Response | None:
        if request.method != "OPTIONS" or request.url_rule is None:
            return None
        if "Access-Control-Request-Method" in request.headers:
            response = Response(status=204)
        else:
            response = json_response(capabilities(settings))
        response.allow.update(request.url_rule.methods or ())
        return response


def capabilities(settings: Settings) -> dict[str, Any]:
    """Give who answers, and what viewers may count on."""
    side = math.isqrt(settings.max_output_pixels)
    return {
        "provider": "Blitzrender",
        "version": RENDERER_VERSION,
        "features": ["flip", "rotate", "mask-color", "png-tiles", "tile-projection"],
        "options": {
            "maxTileLength": side,
            "maxPlaneWidth": side,
            "maxPlaneHeight": side,
            "maxActiveChannels": _MAX_ACTIVE_CHANNELS,
            "formats": sorted(CONTENT_TYPES),
        },
    }
