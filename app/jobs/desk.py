"""Where requests hand jobs in, ask how far they are, and fetch what was made."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.call import Call
from app.downloads.body import DownloadBody
from app.jobs.kinds import Kind
from app.jobs.records import Job, asker_of, way_of
from app.jobs.runner import JobRunner
from app.jobs.store import JobStore
from app.settings import Settings
from render.deadline import Deadline
from render.errors import Forbidden, NotFound

#: How much of a request's time is left to tell that the job takes longer.
_MARGIN_S = 1.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5
_BLOCK_BYTES = 256 * 1024
_BLOCK_TIMEOUT_S = 60.0


class JobDesk:
    """Jobs as requests see them. Rights are asked of the server each time, never of a job."""

    def __init__(
        self, settings: Settings, store: JobStore, runner: JobRunner, kinds: Mapping[str, Kind]
    ) -> None:
        self._settings = settings
        self._kinds = kinds
        self._store = store
        self._runner = runner

    def submit(
        self,
        call: Call,
        job_id: str,
        kind: str,
        image_id: int | None,
        details: dict[str, Any],
        again: bool = False,
    ) -> Job:
        """Queue work unless the same is queued, under way or done; give the job that does it.

        `again` = also when it is done. Raises Overloaded, StorageFailed, and Forbidden for who
        came with a password.
        """
        way, session_key = way_of(call.viewer)
        job = self._store.submit(
            Job(
                id=job_id,
                kind=kind,
                server=call.viewer.server,
                image_id=image_id,
                details=details,
                way=way,
                askers=(asker_of(call.viewer),),
                created_s=time.time(),
            ),
            session_key,
            again,
        )
        self._runner.wake()
        return job

    def wait(self, job: Job, deadline: Deadline) -> Job:
        """Wait for a job's end as long as a request may; give the job as it is then.

        Raises the error that it failed with, and ClientGone.
        """
        pause_s, until_s = _FIRST_PAUSE_S, deadline.at_s - _MARGIN_S
        while not job.state.is_over and time.monotonic() + pause_s < until_s:
            deadline.check_wanted()
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            job = self._known(job.id)
        if job.error is not None:
            raise job.failure()
        return job

    def find(self, call: Call, job_id: str) -> Job:
        """Give a job on images that the viewer may see; raise NotFound otherwise."""
        job = self._known(job_id)
        if job.server != call.viewer.server or job.kind not in self._kinds:
            raise _missing(job_id)
        self._kinds[job.kind].check_seen(call, job)
        return job

    def cancel(self, call: Call, job_id: str) -> Job:
        """Take the viewer's wish back; a job that nobody wants any more ends.

        Raises Forbidden for who did not ask for it.
        """
        job = self.find(call, job_id)
        asker = asker_of(call.viewer)
        if not job.state.is_over and asker not in job.askers:
            raise Forbidden(f"job {job_id} was asked for by others")
        return self._store.cancel(job_id, asker) or job

    def body(self, call: Call, job: Job, begin: int, end: int) -> DownloadBody:
        """Give the bytes of a result from `begin` to before `end`.

        Raises Overloaded when too many downloads are under way.
        """
        leave = call.parts.downloads.enter(call.viewer.key)
        try:
            pieces = _Pieces(call, self._store.result_path(job), begin, end)
        except OSError as error:
            leave()
            raise _missing(job.id) from error
        pace = call.settings.download_max_bytes_per_s
        return DownloadBody(pieces, (pieces.close, leave), pace, f"of job {job.id}")

    def check_result(self, call: Call, job: Job) -> None:
        """Raise Forbidden where the viewer may not take the images' data away."""
        self._kinds[job.kind].check_taken(call, job)

    def etag(self, job: Job) -> str:
        """Give a strong validator of the file of a job that is done."""
        return job.id if self._kinds[job.kind].made_once else f"{job.id}-{job.ended_s}"

    def told(self, job: Job, address: str) -> dict[str, Any]:
        """Give what is told of a job that lies at `address`."""
        ended_s, result = job.ended_s, job.result
        return {
            "id": job.id,
            "kind": job.kind,
            "image": job.image_id,
            "state": job.state.value,
            "percent": job.percent,
            "url": address,
            "result": f"{address}result/" if result is not None else None,
            "name": result.name if result is not None else None,
            "size": result.size_bytes if result is not None else None,
            "message": job.error,
            "created": job.created_s,
            "ended": ended_s,
            "kept_until": None if ended_s is None else ended_s + self._settings.jobs_kept_s,
        }

    def _known(self, job_id: str) -> Job:
        job = self._store.get(job_id)
        if job is None:
            raise _missing(job_id)
        return job


class _Pieces:
    """A part of a file, which stays readable when its name is taken away meanwhile."""

    def __init__(self, call: Call, path: Path, begin: int, end: int) -> None:
        self._gate = call.parts.downloads
        self._asker = call.deadline.asker
        self._file = path.open("rb", buffering=0)
        self._file.seek(begin)
        self._left = end - begin

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._gate.turn(Deadline.after(_BLOCK_TIMEOUT_S, self._asker)):
            length = min(self._left, _BLOCK_BYTES, self._gate.block_bytes())
            piece = self._file.read(length)
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _missing(job_id: str) -> NotFound:
    # What stands here came from outside.
    shown = "".join(letter for letter in job_id[:32] if letter.isalnum())
    return NotFound(f"there is no job {shown}, or its result is no longer kept")
