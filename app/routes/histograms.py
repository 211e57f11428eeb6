"""Histograms."""

from flask import Blueprint, Response

from app.http import data_response
from app.imaging.histograms import count_values
from app.params import parse_histogram
from app.web import current_call, query

blueprint = Blueprint("histograms", __name__)

_CHANNEL = "/webgateway/histogram_json/<number:image_id>/channel/<number:channel>/"


@blueprint.get(_CHANNEL)
@blueprint.get(f"{_CHANNEL}<path:rest>")
def histogram_json(image_id: int, channel: int, rest: str = "") -> Response:
    """Count the values of a channel; whatever follows in the path is ignored, as ever."""
    call = current_call()
    request = parse_histogram(image_id, channel, query(), call.settings.max_histogram_bins)
    return data_response(count_values(call, request), query())
