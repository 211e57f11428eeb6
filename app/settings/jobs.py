"""Settings: long work that goes on behind requests, and what comes of it."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import Count, Seconds, in_group

setting = in_group("jobs")


class JobsSettings(BaseModel):
    """How much long work is done at a time, and how long its results are kept."""

    jobs_parallel: Annotated[int, Field(ge=1, le=64)] = setting(
        1, "Jobs (movies, exports, warming up) that one host works on at a time."
    )
    jobs_max: Count = setting(
        100, "Jobs that may wait or run on one host at a time; one more is answered 503."
    )
    jobs_max_per_viewer: Count = setting(
        10, "Jobs of one viewer that may wait or run at a time; one more is answered 503."
    )
    jobs_kept_s: Seconds = setting(
        12 * 3600.0, "How long the result of a job is kept; asked for again, it is made again."
    )
    jobs_kept_max_bytes: Count = setting(
        4 * 1024**3, "Bytes of results that are kept on disk; the oldest go first."
    )
    movie_max_frames: Count = setting(1000, "Frames of the longest movie; above it: 413.")
    movie_max_side: Annotated[int, Field(ge=16, le=8192)] = setting(
        2048,
        "Pixels of a movie's longest side; a larger size is answered 413, and without a size "
        "larger images are made so small.",
    )
