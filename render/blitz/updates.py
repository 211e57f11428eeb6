"""Saves new things by IUpdate, of which none must be saved twice.

Where the connection breaks while something is saved, that is told and nothing is tried again.
"""

from typing import Any

from render.blitz.ami import call
from render.blitz.errors import Lost
from render.blitz.session import LiveSession
from render.blitz.slices import omero
from render.deadline import Deadline
from render.errors import BadRequest, SourceFailed, SourceUnavailable


def check_alive(live: LiveSession, deadline: Deadline) -> None:
    """Meet a session that was lost before anything is saved, when it may still be opened anew."""
    admin = live.service("admin", deadline, None)
    call(deadline, "ask who is logged in", admin.getEventContextAsync)


def saved(deadline: Deadline, things: str, save: Any, given: Any) -> Any:
    """Call an operation such as `update.saveArrayAsync`; `things` (a plural) names what is saved.

    Raises BadRequest where the server does not take them.
    """
    try:
        return call(deadline, f"save {things}", save, given)
    except Lost as error:
        raise SourceUnavailable(
            f"the connection to OMERO.server broke while {things} were saved; load them to see "
            "what was saved"
        ) from error
    except SourceFailed as error:
        if isinstance(error.__cause__, omero.ApiUsageException):
            raise BadRequest(f"OMERO.server does not take these {things}") from error
        raise
