"""Movies: the frames, drawn as pictures are, and the files that they are written to.

The same frames give the same bytes: each encoder runs in one thread, and nothing of the moment
is written into the file. An encoder holds a bounded number of frames.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.codec.context import Flags
from numpy.typing import NDArray

from render.engine.few_colors import COLORS, in_few_colors
from render.engine.marks import Marks, draw_marks
from render.errors import RenderFailed, StorageFailed
from render.job import RenderJob

#: Part of every movie's key; the libraries come with PyAV.
MOVIE_VERSION = f"2 av {av.__version__}"

#: ITU-T H.273's numbers of BT.709, and of the reduced range.
_BT709, _REDUCED = 1, 1


@dataclass(frozen=True)
class MovieFormat:
    """A kind of file. `colors` = how pixels are handed to its encoder."""

    name: str
    ending: str
    media_type: str
    container: str
    codec: str
    colors: str
    codec_options: tuple[tuple[str, str], ...] = ()
    container_options: tuple[tuple[str, str], ...] = ()

    @property
    def needs_even_sides(self) -> bool:
        """Tell whether colours are kept for two pixels each way together."""
        return self.colors == "yuv420p"


FORMATS = {
    kind.name: kind
    for kind in (
        MovieFormat(
            "mp4",
            "mp4",
            "video/mp4",
            "mp4",
            "libx264",
            "yuv420p",
            (
                ("crf", "18"),
                ("preset", "medium"),
                ("x264-params", "threads=1:rc-lookahead=10:bframes=2"),
            ),
            (("movflags", "+faststart"),),
        ),
        MovieFormat(
            "webm",
            "webm",
            "video/webm",
            "webm",
            "libvpx-vp9",
            "yuv420p",
            (
                ("crf", "24"),
                ("b", "0"),
                ("deadline", "good"),
                ("cpu-used", "4"),
                ("lag-in-frames", "8"),
            ),
        ),
        MovieFormat("gif", "gif", "image/gif", "gif", "gif", "pal8"),
        MovieFormat("apng", "png", "image/apng", "apng", "apng", "rgb24", (), (("plays", "0"),)),
    )
}


@dataclass(frozen=True, eq=False)
class FrameJob:
    """Draw one frame, and write the marks on it. `even` = with an even number of pixels each way.

    What is missing to that is filled with the last column and the last row again.
    """

    picture: RenderJob
    marks: Marks
    even: bool

    def run(self) -> NDArray[np.uint8]:
        """Give the frame, (height, width, 3) uint8."""
        frame = draw_marks(self.picture.picture()[..., :3], self.marks)
        height, width = frame.shape[:2]
        if self.even and (height % 2 or width % 2):
            frame = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        return np.ascontiguousarray(frame)


class MovieWriter:
    """Writes frames of one size to a file. To be used by one thread at a time, and not by a loop.

    Raises StorageFailed when the file cannot be written.
    """

    def __init__(self, path: Path, kind: MovieFormat, fps: int) -> None:
        self._path = path
        self._kind = kind
        self._fps = fps
        self._container: Any = None
        self._stream: Any = None
        self._count = 0

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Write the next frame, (height, width, 3) uint8."""
        try:
            if self._container is None:
                self._open(frame.shape[1], frame.shape[0])
            encoded = self._video_frame(frame)
            encoded.pts, encoded.time_base = self._count, Fraction(1, self._fps)
            self._count += 1
            self._container.mux(self._stream.encode(encoded))
        except av.error.FFmpegError as error:
            raise _told(error) from error

    def finish(self) -> None:
        """Write what is left, and close the file."""
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
        except av.error.FFmpegError as error:
            raise _told(error) from error

    def _open(self, width: int, height: int) -> None:
        kind = self._kind
        self._container = av.open(
            str(self._path),
            "w",
            format=kind.container,
            options={"fflags": "+bitexact", **dict(kind.container_options)},
        )
        stream = self._container.add_stream(
            kind.codec, rate=self._fps, options=dict(kind.codec_options)
        )
        stream.width, stream.height, stream.pix_fmt = width, height, kind.colors
        context = stream.codec_context
        context.thread_count = 1
        context.time_base = Fraction(1, self._fps)
        context.flags |= Flags.bitexact
        if kind.needs_even_sides:
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _REDUCED
        self._stream = stream

    def _video_frame(self, frame: NDArray[np.uint8]) -> av.VideoFrame:
        if self._kind.colors == "pal8":
            return _paletted(frame)
        video = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if not self._kind.needs_even_sides:
            return video
        return video.reformat(
            format=self._kind.colors, dst_colorspace="ITU709", dst_color_range="MPEG"
        )


def _paletted(frame: NDArray[np.uint8]) -> av.VideoFrame:
    """Give a frame in at most 256 colours of its own."""
    height, width = frame.shape[:2]
    numbers, colors = in_few_colors(frame)
    palette = np.zeros((COLORS, 4), np.uint32)
    palette[:, 0] = 255
    palette[: len(colors), 1:] = colors
    video = av.VideoFrame(width, height, "pal8")
    rows = np.zeros((height, video.planes[0].line_size), np.uint8)
    rows[:, :width] = numbers
    video.planes[0].update(rows.tobytes())
    argb = palette @ np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint32)
    video.planes[1].update(argb.astype(np.uint32).tobytes())
    return video


def _told(error: av.error.FFmpegError) -> StorageFailed | RenderFailed:
    if isinstance(error, OSError):
        return StorageFailed(f"the movie cannot be written ({error.strerror})")
    return RenderFailed(f"the movie cannot be encoded ({type(error).__name__})")
