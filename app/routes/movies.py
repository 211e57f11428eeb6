"""Movies over z and t."""

from flask import Blueprint, Response
from flask import request as web_request

from app.downloads.policy import require_download
from app.movies.movie import resolve_movie
from app.movies.params import parse_movie
from app.movies.work import NAME
from app.routes.jobs import job_response, result_response
from app.web import client_has, current_call, query, render_query

blueprint = Blueprint("movies", __name__)


@blueprint.get("/webgateway/render_movie/<number:image_id>/<axis>/<number:position>/")
def render_movie(image_id: int, axis: str, position: int) -> Response:
    """Make a movie over z or t, as a job; give the file, or tell how far it is."""
    call = current_call()
    info = call.image_info(image_id)
    require_download(call, info)
    movie = resolve_movie(call, info, parse_movie(image_id, axis, position, render_query(call)))
    key = movie.key(call)
    if client_has(key):
        response = Response(status=304)
        response.set_etag(key)
        return response
    jobs = call.parts.jobs
    job = jobs.submit(call, key, NAME, image_id, movie.spec.dumped())
    if query().get("async") != "true" and web_request.method == "GET":
        job = jobs.wait(job, call.deadline)
    if job.result is None:
        return job_response(call, job, 202)
    return result_response(call, job)
