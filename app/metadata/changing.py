"""What all changes of OMERO's data share: who may make any, and that none stops half way."""

from collections.abc import Callable
from typing import TypeVar

from app.call import Call
from render.blitz.ami import outlive
from render.deadline import Deadline
from render.errors import Forbidden

Result = TypeVar("Result")

#: How long a change may take, whether or not anybody still waits for it.
CHANGE_TIMEOUT_S = 60.0


def check_logged_in(call: Call, what: str) -> None:
    """Raise Forbidden for the public user, whose changes everybody could undo.

    `what` names the change, such as "regions can be saved".
    """
    if call.viewer.kind == "public":
        raise Forbidden(f"{what} by those only who are logged in")


def change_to_the_end(
    call: Call,
    step: str,
    work: Callable[[Deadline], Result],
    timeout_s: float = CHANGE_TIMEOUT_S,
) -> Result:
    """Give what `work` gives, which goes on when the request runs out of time meanwhile.

    `work` is handed a deadline of its own. Raises what it raises, and DeadlineExceeded.
    """
    with call.steps.step("save"):
        return outlive(call.deadline, step, lambda: work(Deadline.after(timeout_s)))
