"""Split-channel pictures: each active channel alone, and all together, side by side."""

import json
from dataclasses import dataclass, replace

from app.call import Call
from app.imaging.areas import SourceArea
from app.imaging.drawing import Drawing, drawing_text, render_job
from app.imaging.effective import stored_definition
from app.imaging.keys import digest
from app.imaging.levels import Size, fitted_size, sufficient_level, sufficient_stride, whole_level
from app.imaging.projections import resolve_projection
from app.metadata.image_data import channel_label
from app.params import RenderRequest
from app.parsing.composed_params import SplitChannelRequest
from app.pipeline import ClientHas, Picture, check_plane, filled, settings_of
from render.composed import SplitChannelJob, split_channel_grid
from render.engine.encode import CONTENT_TYPES
from render.engine.panes import label_height, shown_labels
from render.errors import TooLarge
from render.values import ImageInfo, Model, RenderingDefinition

_TOGETHER = "merged"


def render_split_channel(
    call: Call, request: SplitChannelRequest, client_has: ClientHas
) -> Picture:
    """Draw a split-channel picture. Raises the errors of `render.errors` only."""
    wanted = request.picture
    info = call.image_info(wanted.image_id)
    stored = stored_definition(call, info)
    z = stored.default_z if wanted.z is None else wanted.z
    t = stored.default_t if wanted.t is None else wanted.t
    check_plane(info, z, t)
    projection = resolve_projection(info, wanted.projection)
    model = wanted.settings.model or stored.model
    settings = settings_of(call, info, *_colored(stored, wanted), z, t, projection)
    size, area = _pane(info, request.size)
    stride = 1
    if size is not None and projection is None:
        stride = sufficient_stride((area.region.width, area.region.height), size)
    panes = _Panes(
        Drawing(
            info,
            settings,
            area,
            z,
            t,
            projection,
            wanted.orientation,
            wanted.encoding,
            size,
            stride,
        ),
        model,
        shown_labels([*map(channel_label, range(info.size_c), info.channels), _TOGETHER]),
    )
    panes.check(call)
    picture = Picture(
        None,
        CONTENT_TYPES[wanted.encoding.format],
        panes.key(call),
        wanted.settings.complete and not panes.are_labelled,
        settings.warnings,
    )
    return filled(call, picture, client_has, lambda: panes.draw(call), info.image_id)


@dataclass(frozen=True)
class _Panes:
    """What one pane in colour would be, and how panes are put together."""

    drawing: Drawing
    model: Model
    labels: tuple[str, ...]

    @property
    def are_labelled(self) -> bool:
        """Whether names of channels are written on them, which no address tells."""
        return label_height(self.pane_size[0]) > 0

    @property
    def pane_size(self) -> Size:
        """Width and height of one pane."""
        return self.drawing.finish.finished_size(*self.drawing.drawn_size)

    def check(self, call: Call) -> None:
        """Raise TooLarge when all panes together have more pixels than a picture may have."""
        size_c = self.drawing.info.size_c
        width, height = split_channel_grid(self.model, size_c, self.pane_size).size
        limit = call.settings.max_output_pixels
        if width * height > limit:
            raise TooLarge(
                f"the panes together are {width} x {height} pixels, more than {limit} (setting "
                "max_output_pixels); ask for smaller panes with size",
                parameter="size",
            )

    def key(self, call: Call) -> str:
        drawing = self.drawing
        purpose = ("split", self.model.value, drawing.size, drawing.stride, json.dumps(self.labels))
        return digest(drawing_text(call, drawing, purpose))

    def draw(self, call: Call) -> bytes:
        return call.work(SplitChannelJob(render_job(call, self.drawing), self.model, self.labels))


def _colored(
    stored: RenderingDefinition, wanted: RenderRequest
) -> tuple[RenderingDefinition, RenderRequest]:
    """Give the same in colour: a picture in grey needs one channel, panes in grey all that are on.

    A model that the URL does not give is not made up for it.
    """
    if wanted.settings.model is None:
        return replace(stored, model=Model.RGB), wanted
    return stored, replace(wanted, settings=replace(wanted.settings, model=Model.RGB))


def _pane(info: ImageInfo, longest_side: int | None) -> tuple[Size | None, SourceArea]:
    """Give the size that panes are scaled to, None = as they are, and what they are made of."""
    full = (info.size_x, info.size_y)
    if longest_side is None or longest_side >= max(full):
        return None, whole_level(info, 0)
    size = fitted_size(*full, longest_side)
    level = sufficient_level(info.levels, size)
    return None if info.levels[level] == size else size, whole_level(info, level)
