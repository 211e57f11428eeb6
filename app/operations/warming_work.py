"""Warming up as a job: pictures of a dataset or project that are there before anybody asks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from app.call import Call
from app.imaging.keys import digest
from app.jobs.kinds import Kind, Made, Report
from app.jobs.patience import patiently
from app.jobs.records import Job, asker_of
from app.operations.warming import Warmed, image_ids, warm_image
from app.parsing.numbers import integer, shown
from render.errors import BadRequest, Forbidden

NAME = "warm"
_FILE = "warmed.json"
_DEFAULT_LEVELS, _MOST_LEVELS = 2, 20
_ERRORS_TOLD = 100


@dataclass(frozen=True)
class WarmRequest:
    """The images of a dataset, or of all datasets of a project, and how many smallest levels."""

    dataset: int | None
    project: int | None
    levels: int

    def key(self, call: Call) -> str:
        """Tell the job apart from others, and from the same one of somebody who sees less."""
        values = self.dataset, self.project, self.levels, asker_of(call.viewer)
        return digest(" ".join(map(str, ("warm", call.parts.source_name, *values))))

    def dumped(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        return asdict(self)


_REQUEST = TypeAdapter(WarmRequest)


def parse_warm(form: Mapping[str, str]) -> WarmRequest:
    """Read `dataset` or `project`, and `levels`. Raises BadRequest."""
    dataset, project = _number(form, "dataset"), _number(form, "project")
    if (dataset is None) == (project is None):
        raise BadRequest("name a dataset or a project", parameter="dataset")
    levels = _number(form, "levels")
    if levels is not None and levels > _MOST_LEVELS:
        raise BadRequest(f"levels={levels} is more than {_MOST_LEVELS}", parameter="levels")
    return WarmRequest(dataset, project, _DEFAULT_LEVELS if levels is None else levels)


def check_warming(call: Call, request: WarmRequest) -> None:
    """Raise Forbidden for the public user, and NotFound for what the viewer cannot see."""
    if call.viewer.kind == "public":
        raise Forbidden("only who is logged in may have pictures made ahead")
    for kind, number in (("Dataset", request.dataset), ("Project", request.project)):
        if number is not None:
            call.session.container(kind, number, call.deadline)


def make_warm(call: Call, job: Job, folder: Path, report: Report) -> Made:
    """Make the pictures of all images; what is there is passed over. The file tells what came."""
    request = _REQUEST.validate_python(job.details)
    begin = partial(report, 0)
    images = patiently(call, lambda own: image_ids(own, request.dataset, request.project), begin)
    made = there = 0
    errors: list[str] = []
    for number, image_id in enumerate(images):
        check = partial(report, number / len(images))
        check()
        warmed: Warmed = warm_image(call.renewed, image_id, request.levels, check)
        made, there = made + warmed.made, there + warmed.there
        if warmed.error is not None:
            errors.append(warmed.error)
    told = {
        "images": len(images),
        "made": made,
        "there": there,
        "failed": len(errors),
        "errors": errors[:_ERRORS_TOLD],
    }
    (folder / _FILE).write_text(json.dumps(told), "utf-8")
    return Made(_FILE, _FILE, "application/json")


def _check_seen(call: Call, job: Job) -> None:
    check_warming(call, _REQUEST.validate_python(job.details))


def _number(form: Mapping[str, str], name: str) -> int | None:
    text = form.get(name, "").strip()
    if not text:
        return None
    number = integer(text)
    if number is None or number < 0:
        raise BadRequest(f"{name}={shown(text)} is no whole number", parameter=name)
    return number


#: The file tells of no image's data, so who may know of the job may have it.
KIND = Kind(make_warm, _check_seen, _check_seen, gives_way=True, made_once=False)
