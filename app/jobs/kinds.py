"""What a kind of long work is: how it is done, and who may know of it and take its result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from app.call import Call
from app.downloads.policy import require_download
from app.jobs.records import Job


@dataclass(frozen=True)
class Made:
    """The file that a kind of work made in the job's folder, and as what it is sent."""

    file: str
    name: str
    media_type: str


#: Tells how much of a job is done, 0 to 1; raises `NotWanted` when it need not go on now.
Report = Callable[[float], None]
#: Does one kind of work: given a call, the job and the folder for the file.
Work = Callable[[Call, Job, Path, Report], Made]
#: Raises one of render.errors where the viewer of the call must not.
Check = Callable[[Call, Job], None]


def check_image_seen(call: Call, job: Job) -> None:
    """Raise NotFound unless the viewer may see the job's image."""
    if job.image_id is not None:
        call.image_info(job.image_id)


def check_image_taken(call: Call, job: Job) -> None:
    """Raise Forbidden where the viewer may not take the data of the job's image away."""
    if job.image_id is not None:
        require_download(call, call.image_info(job.image_id))


@dataclass(frozen=True)
class Kind:
    """One kind of work.

    `check_seen` is asked of whoever asks about a job, `check_taken` also of who fetches its result.
    One that `gives_way` is left for later, without harm, when other work waits. `made_once` = the
    job's id tells all of its file, which is the same whenever it is made.
    """

    work: Work
    check_seen: Check = field(default=check_image_seen)
    check_taken: Check = field(default=check_image_taken)
    gives_way: bool = False
    made_once: bool = True
