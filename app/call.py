"""One request's dealings with the source: who asks, until when, and what is known already."""

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar

from app.identity import Viewer
from app.observe import Steps
from app.parts import Parts
from cache.flight import FlightTimeout
from render.blitz.ami import watch_calls
from render.blitz.source import BlitzSession
from render.deadline import Deadline
from render.errors import DeadlineExceeded
from render.job import Job
from render.values import ImageInfo

Value = TypeVar("Value")


class Call:
    """What every step of a request is handed: the parts, the viewer, the deadline, the clock."""

    def __init__(self, parts: Parts, viewer: Viewer, deadline: Deadline, steps: Steps) -> None:
        self.parts = parts
        self.settings = parts.settings
        self.viewer = viewer
        self.deadline = deadline
        self.steps = steps
        #: How often pixels had to be fetched from the source for this request.
        self.fetches = 0
        #: Whether a proxy in front sends files of the cache by itself when told their names.
        self.proxy_sends_files = False
        #: Whether nobody is looking: what is drawn for it goes before no download.
        self.in_background = False
        steps.tell(viewer=viewer.kind)
        watch_calls(steps.count_call, steps.request_id)

    def renewed(self, steps: Steps | None = None) -> "Call":
        """Give a call for the same viewer whose time begins anew, for one step of a long one.

        With `steps` these are told of what it takes, else nobody is.
        """
        deadline = Deadline.after(self.settings.request_deadline_s, self.deadline.asker)
        call = Call(self.parts, self.viewer, deadline, steps or Steps(self.steps.request_id))
        call.in_background = self.in_background
        return call

    @cached_property
    def session(self) -> BlitzSession:
        """Give the viewer's session; what is remembered is answered without one."""
        return self.parts.source.session(self.viewer.credentials, self.deadline)

    def image_info(self, image_id: int) -> ImageInfo:
        """Give all about an image that this viewer may see; raise NotFound otherwise.

        Remembered for `image_info_max_age_s`, for this viewer alone: it stands for the
        permission to see the image. Forgotten at once when any process of this host stores
        settings of the image.
        """
        self.steps.tell(image=image_id)
        with self.steps.step("info"):
            key = self._info_key(image_id)
            info = self.parts.infos.get(key)
            if info is not None:
                return info

            def load() -> ImageInfo:
                loaded = self.session.image_info(image_id, self.deadline)
                self.parts.infos.set(key, loaded)
                return loaded

            return self.once(("info", key), load, "info")

    def remembered_info(self, image_id: int) -> ImageInfo | None:
        """Give what is known of an image already and still holds, else None."""
        return self.parts.infos.get(self._info_key(image_id))

    def _info_key(self, image_id: int) -> Hashable:
        # Taken before the server is asked: an answer from before a change does not count after.
        return self.viewer.key, image_id, self.parts.freshness.generation(image_id)

    def go_before_downloads(self) -> None:
        """Have downloads give way for a while, as somebody waits for a picture."""
        if not self.in_background:
            self.parts.courtesy.ask_for()

    def work(self, job: Job) -> Any:
        """Have a worker run a job and give its result; raise Overloaded when too many wait."""
        self.go_before_downloads()
        with self.steps.step("render"):
            return self.parts.worker.submit(job, self.deadline)

    def once(self, key: Hashable, produce: Callable[[], Value], step: str) -> Value:
        """Give what `produce` gives, letting one of all requests for `key` do the work."""
        try:
            left_s = self.deadline.remaining_s(step)
            return self.parts.flight.do(key, produce, left_s, self.deadline.check_wanted)
        except FlightTimeout as error:
            raise DeadlineExceeded(
                f"the request ran out of time at the step '{step}', waiting for an equal one"
            ) from error
