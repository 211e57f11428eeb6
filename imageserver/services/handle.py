"""Requests that a session submits, and the handles that hold their responses."""

from collections.abc import Callable
from typing import Any

import Ice

from imageserver.faults import guarded, translate, usage
from imageserver.services import update
from imageserver.services.context import ServiceContext
from render.blitz.slices import omero


@guarded(omero.cmd.Handle)
class Handle(omero.cmd.Handle):
    """A request that was answered when it came in; it is over before anybody can ask."""

    def __init__(self, context: ServiceContext, name: str, request: Any) -> None:
        self._context = context
        self._name = name
        self._request = request
        self._response = respond(context, request)

    def getRequest(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._request

    def getResponse(self, current: Ice.Current) -> Any:  # noqa: N802
        return self._response

    def getStatus(self, current: Ice.Current) -> Any:  # noqa: N802
        failed = isinstance(self._response, omero.cmd.ERR)
        state = omero.cmd.State.FAILURE if failed else omero.cmd.State.SUCCESS
        return omero.cmd.Status(flags=[omero.cmd.State.ALL, state], currentStep=1, steps=1)

    def addCallback(self, callback: Any, current: Ice.Current) -> None:  # noqa: N802
        """Nothing will happen any more that a callback could be told."""

    def removeCallback(self, callback: Any, current: Ice.Current) -> None:  # noqa: N802
        """There are no callbacks."""

    def cancel(self, current: Ice.Current) -> bool:
        return False

    def close(self, current: Ice.Current) -> None:
        self._context.client.forget(self._name)


def respond(context: ServiceContext, request: Any) -> Any:
    """Answer a request, with ERR where it is not offered or fails: `submit` declares no errors."""
    answer = next((made for kind, made in _ANSWERS.items() if isinstance(request, kind)), None)
    if answer is None:
        kind = "nothing" if request is None else type(request).__name__
        return _error("not-offered", f"This image server does not offer {kind}.")
    try:
        return answer(context, request)
    except Exception as error:
        told = translate(error)
        if not isinstance(told, omero.ServerError):
            raise
        return _error(type(told).__name__, told.message)


def _used_files(context: ServiceContext, request: Any) -> Any:
    entity = context.graph.find("Image", request.imageId)
    if entity is None:
        return _error("no-image", f"There is no Image with the id {request.imageId}.")
    return omero.cmd.UsedFilesResponse(binaryFilesThisSeries=list(entity.record.file_ids))


def _delete(context: ServiceContext, request: Any) -> Any:
    wanted = {name.rpartition(".")[2]: ids for name, ids in (request.targetObjects or {}).items()}
    if request.dryRun:
        raise usage("This image server deletes nothing in a dry run.")
    deleted = update.delete(context, wanted)
    return omero.cmd.Delete2Response(
        deletedObjects={_full_name(kind): ids for kind, ids in deleted.items()}
    )


def _full_name(kind: str) -> str:
    """Give the name of a class with its package, as OMERO tells it."""
    if kind in {"Roi", "OriginalFile"}:
        return f"ome.model.{'roi' if kind == 'Roi' else 'core'}.{kind}"
    return f"ome.model.annotations.{kind}"


def _error(name: str, message: str) -> Any:
    return omero.cmd.ERR(category="blitzrender", name=name, parameters={"message": message})


_ANSWERS: dict[type, Callable[[ServiceContext, Any], Any]] = {
    omero.cmd.UsedFilesRequest: _used_files,
    omero.cmd.Delete2: _delete,
}
