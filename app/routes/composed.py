"""Pictures that are put together from several, or drawn from numbers."""

from flask import Blueprint, Response

from app.imaging.line_plots import render_line_plot
from app.imaging.lut_picture import render_lut_picture
from app.imaging.split_channel import render_split_channel as draw_split_channel
from app.parsing.composed_params import parse_line_plot, parse_split_channel
from app.web import (
    client_has,
    forget_share,
    picture_call,
    picture_response,
    render_query,
    under_both_prefixes,
)

blueprint = Blueprint("composed", __name__)
blueprint.url_value_preprocessor(forget_share)

_PLANE = "<number:image_id>/<number:z>/<number:t>"


@under_both_prefixes(blueprint, f"/render_split_channel/{_PLANE}/")
def render_split_channel(image_id: int, z: int, t: int) -> Response:
    """Draw each active channel alone, and all together, side by side."""
    call = picture_call()
    request = parse_split_channel(image_id, z, t, render_query(call))
    return picture_response(draw_split_channel(call, request, client_has))


@under_both_prefixes(
    blueprint,
    f"/render_row_plot/{_PLANE}/<number:y>/",
    f"/render_row_plot/{_PLANE}/<number:y>/<number:line_width>/",
)
def render_row_plot(image_id: int, z: int, t: int, y: int, line_width: int = 1) -> Response:
    """Plot the values along a row."""
    call = picture_call()
    request = parse_line_plot(image_id, z, t, "x", y, line_width, render_query(call))
    return picture_response(render_line_plot(call, request, client_has))


@under_both_prefixes(
    blueprint,
    f"/render_col_plot/{_PLANE}/<number:x>/",
    f"/render_col_plot/{_PLANE}/<number:x>/<number:line_width>/",
)
def render_col_plot(image_id: int, z: int, t: int, x: int, line_width: int = 1) -> Response:
    """Plot the values along a column."""
    call = picture_call()
    request = parse_line_plot(image_id, z, t, "y", x, line_width, render_query(call))
    return picture_response(render_line_plot(call, request, client_has))


@blueprint.get("/webgateway/luts_png/")
def luts_png() -> Response:
    """Draw all lookup tables below one another."""
    return picture_response(render_lut_picture(picture_call(), client_has))
