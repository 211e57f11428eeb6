"""Long work: how far it is, its end, and what was made."""

from flask import Blueprint, Response, url_for
from flask import request as web_request

from app.call import Call
from app.http import attachment, file_response, json_response, last_values
from app.jobs.records import Job
from app.operations.warming_work import NAME, check_warming, parse_warm
from app.parsing.numbers import shown
from app.web import current_call
from render.errors import BadRequest, NotFound

blueprint = Blueprint("jobs", __name__)


@blueprint.post("/webgateway/jobs/")
def warm() -> Response:
    """Have pictures of a dataset or project made ahead."""
    call, form = current_call(), last_values(web_request.form)
    kind = form.get("kind", NAME)
    if kind != NAME:
        raise BadRequest(f"kind={shown(kind)}: only {NAME} is asked for here", parameter="kind")
    request = parse_warm(form)
    check_warming(call, request)
    key, details = request.key(call), request.dumped()
    job = call.parts.jobs.submit(call, key, NAME, None, details, again=True)
    return job_response(call, job, 202)


@blueprint.get("/webgateway/jobs/<job_id>/")
def job(job_id: str) -> Response:
    """Tell how far a job is."""
    call = current_call()
    return job_response(call, call.parts.jobs.find(call, job_id))


@blueprint.get("/webgateway/jobs/<job_id>/result/")
def result(job_id: str) -> Response:
    """Give what a job made."""
    call = current_call()
    found = call.parts.jobs.find(call, job_id)
    if found.result is None:
        raise NotFound(f"job {found.id} has made nothing; it is {found.state.value}")
    return result_response(call, found)


@blueprint.delete("/webgateway/jobs/<job_id>/")
def end_job(job_id: str) -> Response:
    """End a job that nobody else asked for."""
    call = current_call()
    return job_response(call, call.parts.jobs.cancel(call, job_id))


@blueprint.post("/webgateway/jobs/<job_id>/cancel/")
def cancel_job(job_id: str) -> Response:
    """End a job that nobody else asked for, where DELETE cannot be sent."""
    return end_job(job_id)


def job_response(call: Call, job: Job, status: int = 200) -> Response:
    """Tell of a job; 202 says where to ask again."""
    address = url_for("jobs.job", job_id=job.id)
    response = json_response(call.parts.jobs.told(job, address), status)
    response.headers["Cache-Control"] = "no-store"
    if status == 202:
        response.headers["Location"] = address
        response.headers["Retry-After"] = "1"
    return response


def result_response(call: Call, job: Job) -> Response:
    """Give the file of a job that is done, if the viewer may take it away."""
    assert job.result is not None
    jobs = call.parts.jobs
    jobs.check_result(call, job)
    return file_response(
        lambda begin, end: jobs.body(call, job, begin, end),
        job.result.size_bytes,
        jobs.etag(job),
        job.result.media_type,
        [("Content-Disposition", attachment(job.result.name))],
    )
