"""What is known of a job, and who asked for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from app.identity.fixed import FIXED, fixed_viewer
from app.identity.public import public_access_of
from app.identity.viewer import Viewer, viewer_of_session
from app.parts import Parts
from render import errors
from render.errors import Forbidden, NotAuthenticated, RenderFailed, ServiceError


class State(Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will happen."""
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class Result:
    """The file that a job made: its name in the job's folder, and as what it is sent."""

    file: str
    name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True)
class Job:
    """One piece of long work. Equal work has the same `id`, whoever asks.

    `image_id` is the image, or the first of several; None where the work is of no image. `details`
    is what the kind of work needs, as JSON can hold it. `way` tells in whose name
    pixels are read: that of the one viewer of all (`fixed`), of the public user (`public`) or of
    the session whose key lies beside (`session`). `askers` tell viewers apart, and no more. Times
    are seconds since the epoch. `percent` is 0 to 100.
    """

    id: str
    kind: str
    server: int
    image_id: int | None
    details: Mapping[str, Any]
    way: str
    askers: tuple[str, ...]
    created_s: float
    state: State = State.QUEUED
    percent: int = 0
    attempts: int = 0
    ended_s: float | None = None
    result: Result | None = None
    error_class: str | None = None
    error: str | None = None

    def failed(self, error: ServiceError) -> "Job":
        """Give the job as it is after that error."""
        return replace(
            self, state=State.FAILED, error_class=type(error).__name__, error=error.detail
        )

    def failure(self) -> ServiceError:
        """Give the error that a failed job ended with."""
        known: dict[str, type[ServiceError]] = {
            kind.__name__: kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, ServiceError)
        }
        kind = known.get(self.error_class or "", RenderFailed)
        return kind(self.error or "the job failed")


def way_of(viewer: Viewer) -> tuple[str, str | None]:
    """Tell in whose name a job may read: the way, and the session key if it needs one.

    Raises Forbidden for a password in the address: that is never kept.
    """
    if viewer.credentials.joins:
        return "session", viewer.credentials.session_key
    if viewer.kind == "member":
        raise Forbidden(
            "long work is done in the name of a session; log in, rather than send a password in "
            "the address"
        )
    return ("fixed" if viewer.key == FIXED else "public"), None


def asker_of(viewer: Viewer) -> str:
    """Tell viewers apart by what may be kept: of a password not even a digest is."""
    if viewer.credentials.joins:
        return viewer.key
    return f"{viewer.server}:{viewer.kind}"


def viewer_of(parts: Parts, job: Job, session_key: str | None) -> Viewer:
    """Give the viewer in whose name a job reads; raise NotAuthenticated when there is none."""
    if job.way == "session" and session_key is not None:
        return viewer_of_session(job.server, session_key)
    if job.way == "fixed" and parts.own_credentials is not None:
        return fixed_viewer(parts.settings.embedded, parts.own_credentials)
    access = public_access_of(parts.settings) if job.way == "public" else None
    viewer = None if access is None else access.viewer(job.server)
    if viewer is None:
        raise NotAuthenticated("the login under which this was asked for is gone; ask again")
    return viewer
