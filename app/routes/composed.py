"""Pictures that are put together from several, or drawn from numbers."""

from flask import Blueprint

from app.call import Call
from app.imaging.line_plots import render_line_plot
from app.imaging.lut_picture import render_lut_picture
from app.imaging.split_channel import render_split_channel as draw_split_channel
from app.parsing.composed_params import parse_line_plot, parse_split_channel
from app.picture_views import Asked, PictureView
from app.pipeline import Picture
from app.web import forget_share, under_both_prefixes

blueprint = Blueprint("composed", __name__)
blueprint.url_value_preprocessor(forget_share)

_PLANE = "<number:image_id>/<number:z>/<number:t>"


@under_both_prefixes(blueprint, f"/render_split_channel/{_PLANE}/")
@PictureView
def render_split_channel(call: Call, asked: Asked, image_id: int, z: int, t: int) -> Picture:
    """Draw each active channel alone, and all together, side by side."""
    request = parse_split_channel(image_id, z, t, asked.settings_query(call))
    return draw_split_channel(call, request, asked.client_has)


@under_both_prefixes(
    blueprint,
    f"/render_row_plot/{_PLANE}/<number:y>/",
    f"/render_row_plot/{_PLANE}/<number:y>/<number:line_width>/",
)
@PictureView
def render_row_plot(
    call: Call, asked: Asked, image_id: int, z: int, t: int, y: int, line_width: int = 1
) -> Picture:
    """Plot the values along a row."""
    query = asked.settings_query(call)
    request = parse_line_plot(image_id, z, t, "x", y, line_width, query)
    return render_line_plot(call, request, asked.client_has)


@under_both_prefixes(
    blueprint,
    f"/render_col_plot/{_PLANE}/<number:x>/",
    f"/render_col_plot/{_PLANE}/<number:x>/<number:line_width>/",
)
@PictureView
def render_col_plot(
    call: Call, asked: Asked, image_id: int, z: int, t: int, x: int, line_width: int = 1
) -> Picture:
    """Plot the values along a column."""
    query = asked.settings_query(call)
    request = parse_line_plot(image_id, z, t, "y", x, line_width, query)
    return render_line_plot(call, request, asked.client_has)


@blueprint.get("/webgateway/luts_png/")
@PictureView
def luts_png(call: Call, asked: Asked) -> Picture:
    """Draw all lookup tables below one another."""
    return render_lut_picture(call, asked.client_has)
