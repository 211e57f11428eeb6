"""Tries every step from the settings to a rendered tile, and tells what is in the way."""

import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from app.operations.checkup_network import Trouble, look_at_tls, open_port, resolve
from app.settings import Settings
from render.blitz.source import BlitzSession, BlitzSource, Credentials
from render.deadline import Deadline
from render.engine.defaults import default_rendering
from render.errors import (
    DeadlineExceeded,
    NotAuthenticated,
    NotFound,
    ServiceError,
    SourceUnavailable,
)
from render.job import RenderJob
from render.values import ImageInfo, PlaneIndex, Region
from render.workers import create_worker

_STEP_TIMEOUT_S = 15.0
_LEAST_FREE_BYTES = 256 * 1024**2
_TILE = 256

_ADVICE: tuple[tuple[type[ServiceError], str], ...] = (
    (NotAuthenticated, "check omero_user and omero_password, or the session key"),
    (NotFound, "name an image that this user can see, with --image"),
    (SourceUnavailable, "look at the log of OMERO.server, and of its Glacier2 router"),
    (DeadlineExceeded, "the server is very busy, or something between here and there is"),
)
_OTHER_ADVICE = "look at the log of OMERO.server"


@dataclass(frozen=True)
class Finding:
    """How one step went."""

    step: str
    outcome: Literal["ok", "failed", "skipped"]
    text: str
    advice: str = ""


def check_cache_folder(settings: Settings) -> Iterator[Finding]:
    """Write a file into the cache folder, read it back, and see how much room there is."""
    yield _try("cache folder", lambda: _use_folder(settings.cache_dir))


class ServerCheck:
    """The steps to one server. `credentials` None = there is nobody to log in as."""

    def __init__(
        self,
        source: BlitzSource,
        credentials: Credentials | None,
        render_worker: str,
        image_id: int | None = None,
    ) -> None:
        self._source = source
        self._endpoint = source.endpoint
        self._credentials = credentials
        self._render_worker = render_worker
        self._image_id = image_id
        self._info: ImageInfo | None = None
        self._planes: Sequence[np.ndarray] = ()

    def steps(self) -> Iterator[Finding]:
        """Take the steps in turn; after one that failed, tell that the others were not tried."""
        steps: list[tuple[str, Callable[[], str]]] = [
            ("host name", lambda: resolve(self._endpoint)),
            ("port", lambda: open_port(self._endpoint)),
        ]
        if self._endpoint.secure:
            steps.append(("TLS", lambda: look_at_tls(self._endpoint)))
        steps.append(("router", self._ask_router))
        of_a_user = [
            ("login", self._log_in),
            ("image", self._load_image),
            ("raw tile", self._read_tile),
            ("rendered tile", self._render_tile),
        ]
        failed = ""
        for name, step in [*steps, *of_a_user]:
            if failed:
                yield Finding(name, "skipped", f"not tried, as '{failed}' failed")
            elif self._credentials is None and (name, step) in of_a_user:
                yield Finding(name, "skipped", "not tried, as each viewer brings a session: --join")
            else:
                finding = _try(name, step)
                failed = name if finding.outcome == "failed" else ""
                yield finding

    def _session(self) -> BlitzSession:
        assert self._credentials is not None
        return self._source.session(self._credentials, _soon())

    def _ask_router(self) -> str:
        self._source.check(_soon())
        return f"OMERO's router answers at {self._endpoint}"

    def _log_in(self) -> str:
        user = self._session().user(_soon())
        return f"logged in as '{user.user_name}' in the group '{user.group_name}'"

    def _load_image(self) -> str:
        session, deadline = self._session(), _soon()
        image_id = self._image_id or _first_image(session, deadline)
        self._info = info = session.image_info(image_id, deadline)
        sizes = f"{info.size_x} x {info.size_y}, {info.size_c} channels, {info.pixel_type}"
        return f"image {image_id}: {sizes}, {len(info.levels)} resolution levels"

    def _read_tile(self) -> str:
        info = self._info
        assert info is not None
        began_s = time.monotonic()
        region = Region(0, 0, min(info.size_x, _TILE), min(info.size_y, _TILE))
        planes = [PlaneIndex(0, c, 0) for c in range(info.size_c)]
        self._planes = self._session().read_regions(info, planes, 0, region, _soon())
        count = sum(plane.nbytes for plane in self._planes)
        return f"{count} bytes of raw pixels in {(time.monotonic() - began_s) * 1000:.0f} ms"

    def _render_tile(self) -> str:
        info = self._info
        assert info is not None
        extents = [(float(plane.min()), float(plane.max())) for plane in self._planes]
        definition = info.rendering_definition or default_rendering(info, extents)
        # Without lookup tables, which this leaves out.
        bindings = tuple(replace(binding, lut=None) for binding in definition.bindings)
        definition = replace(definition, bindings=bindings)
        job = RenderJob(
            tuple(self._planes),
            info.pixel_type,
            definition,
            significant_bits=info.significant_bits,
            stats=tuple(channel.stats for channel in info.channels),
        )
        worker = create_worker(self._render_worker, threads=1, parts={"source": self._source})
        try:
            picture = worker.submit(job, _soon())
        finally:
            worker.close()
        return f"a JPEG of {len(picture)} bytes, by render_worker = {self._render_worker}"


def _soon() -> Deadline:
    return Deadline.after(_STEP_TIMEOUT_S)


def _try(name: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", step())
    except Trouble as trouble:
        return Finding(name, "failed", str(trouble), trouble.advice)
    except ServiceError as error:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), _OTHER_ADVICE)
        return Finding(name, "failed", error.detail, advice)


def _use_folder(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix="doctor-") as file:
            file.write(b"x" * 4096)
            file.flush()
            file.seek(0)
            file.read()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Trouble(f"the disk of {folder} is full", "make room on it") from error
        raise Trouble(
            f"{folder} cannot be used ({error.strerror})",
            "let cache_dir name a folder that the user of the service may write",
        ) from error
    if free < _LEAST_FREE_BYTES:
        raise Trouble(
            f"{folder} can be written, but only {free // 1024**2} MiB are free",
            "make room on that disk, or lower cache_max_bytes",
        )
    return f"{folder} can be written, {free / 1024**3:.1f} GiB are free"


def _first_image(session: BlitzSession, deadline: Deadline) -> int:
    for project in session.projects(deadline):
        for dataset in session.datasets(project.id, deadline):
            for image in session.images(dataset.id, deadline):
                if image.size_x:
                    return image.id
    raise Trouble(
        "this user sees no image in any project",
        "let the user see one (in embedded mode: put image files into the folder), "
        "or name one with --image",
    )
