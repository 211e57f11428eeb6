"""Looks at movies with Debian's ffprobe, which shares no code path with what wrote them."""

import json
import subprocess
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tests.support.processes import require

PROGRAM = "ffprobe"


@dataclass(frozen=True)
class Probed:
    """What ffprobe says of a movie's only stream."""

    codec: str
    width: int
    height: int
    frames: int
    rate: Fraction


def probe(path: Path) -> Probed:
    """Probe a movie; skip the test without ffprobe, or fail it where CI=true."""
    program = require(PROGRAM, "ffmpeg")
    entries = "stream=codec_name,width,height,nb_read_frames,r_frame_rate"
    output = subprocess.run(
        [
            *(program, "-v", "error", "-count_frames", "-show_entries", entries),
            *("-of", "json", str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout
    [stream] = json.loads(output)["streams"]
    return Probed(
        stream["codec_name"],
        stream["width"],
        stream["height"],
        int(stream["nb_read_frames"]),
        Fraction(stream["r_frame_rate"]),
    )
