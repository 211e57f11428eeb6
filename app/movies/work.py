"""The work of making a movie: frame by frame, through the way of all pictures."""

from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.call import Call
from app.downloads.names import base_name, plain_name, with_ending
from app.downloads.policy import require_download
from app.imaging.drawing import render_job
from app.jobs.kinds import Kind, Made, Report
from app.jobs.patience import patiently
from app.jobs.records import Job
from app.movies.movie import Movie, restored_movie
from render.errors import NotFound
from render.movie import FrameJob, MovieWriter
from render.workers.beside import run_beside

NAME = "movie"
#: What one frame may take to be encoded, and the last ones when the file is closed.
_ENCODE_TIMEOUT_S = 300.0


def make_movie(call: Call, job: Job, folder: Path, report: Report) -> Made:
    """Make the movie of a job in its folder; holds a few frames at a time."""
    movie = patiently(call, partial(restored_movie, details=job.details), partial(report, 0))
    require_download(call.renewed(), movie.info)
    if movie.key(call.renewed()) != job.id:
        raise NotFound(f"image {job.image_id} has changed since this was asked for; ask again")
    kind = movie.kind
    file = f"movie.{kind.ending}"
    (folder / file).unlink(missing_ok=True)
    writer = MovieWriter(folder / file, kind, movie.spec.fps)
    frames = len(movie.spec.indices)
    for number in range(frames):
        check = partial(report, number / frames)
        check()
        frame = patiently(call, partial(_frame, movie=movie, number=number), check)
        run_beside(partial(writer.add, frame), _ENCODE_TIMEOUT_S, "encode")
    report(1)
    run_beside(writer.finish, _ENCODE_TIMEOUT_S, "encode")
    return Made(file, movie_name(movie), kind.media_type)


def movie_name(movie: Movie) -> str:
    """Give the name under which a movie is downloaded."""
    stem = plain_name(base_name(movie.info.name or ""), str(movie.info.image_id))
    return with_ending(stem, f".{movie.kind.ending}")


def _frame(call: Call, movie: Movie, number: int) -> NDArray[np.uint8]:
    picture = render_job(call, movie.drawing(movie.spec.indices[number]))
    frame: NDArray[np.uint8] = call.work(
        FrameJob(picture, movie.marks(number), movie.kind.needs_even_sides)
    )
    return frame


KIND = Kind(make_movie)
