"""Submits requests to a session and waits for their responses."""

import contextlib
import time
from typing import Any

from render.blitz.ami import call
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import Forbidden, ServiceError, SourceFailed

#: How often a request that is still worked on is looked after: at first, and after a while.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 1.0
_CLOSE_TIMEOUT_S = 5.0


def run_request(
    live: LiveSession, step: str, request: Any, group_id: int, deadline: Deadline
) -> Any:
    """Have a request done within a group, and give its response.

    Raises Forbidden where OMERO says that it is not permitted, SourceFailed when it failed.
    """
    factory = live.factory
    context = factory.ice_getContext() | {"omero.group": str(group_id)}
    proxy = call(deadline, step, factory.ice_context(context).submitAsync, request)
    if proxy is None:
        raise SourceFailed(f"OMERO.server took no request for the step '{step}'")
    handle = live.adopt([omero.cmd.HandlePrx.uncheckedCast(proxy)], deadline)[0]
    pause_s = _FIRST_PAUSE_S
    try:
        while (response := call(deadline, step, handle.getResponseAsync)) is None:
            time.sleep(min(pause_s, deadline.remaining_s(step)))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
    finally:
        # One that is left open ends with the session.
        with contextlib.suppress(ServiceError):
            call(Deadline.after(_CLOSE_TIMEOUT_S), step, handle.closeAsync)
    if isinstance(response, omero.cmd.ERR):
        told = " ".join([response.name or "", *(response.parameters or {}).values()])
        if "SecurityViolation" in told:
            raise Forbidden(f"OMERO.server does not permit the step '{step}'")
        raise SourceFailed(f"OMERO.server failed at the step '{step}' ({response.name})")
    return response
