"""A picture in a frame that may reach beyond the image."""

from dataclasses import dataclass, field

from render.engine import encode, frame
from render.engine.sharing import Share, alone
from render.job import RenderJob, SharedJob
from render.values import Encoding


@dataclass(frozen=True, eq=False)
class FramedJob(SharedJob):
    """Draw what of a frame lies inside the image, on a light grey ground.

    `picture` draws that part, None when nothing lies inside; `canvas` (width, height) is the
    frame's size, `corner` where the picture lies in it.
    """

    picture: RenderJob | None
    canvas: tuple[int, int]
    corner: tuple[int, int]
    encoding: Encoding = field(default_factory=Encoding)

    def run(self, share: Share = alone) -> bytes:
        """Give the bytes of the encoded picture."""
        drawn = None if self.picture is None else self.picture.picture(share)
        framed = frame.on_ground(drawn, self.canvas, self.corner)
        return encode.encode(framed, self.encoding)
