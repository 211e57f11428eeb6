"""The one tree of errors that a request can end with.

Raised where the fault is known; libraries' own exceptions (Ice, Pillow, files) are turned into
these at the edge of the module that uses them, with the original as cause. The HTTP status of
each class is told in one table, in `app/errors.py`.
"""


class ServiceError(Exception):
    """A request that ends without a result; `str(error)` is one sentence for the client."""

    def __init__(
        self,
        detail: str,
        *,
        parameter: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.parameter = parameter
        self.retry_after_s = retry_after_s


class BadRequest(ServiceError):
    """The request is malformed; `parameter` names the culprit."""


class RegionOutside(BadRequest):
    """A region or tile without a pixel inside the image at that resolution level."""


class NotAuthenticated(ServiceError):
    """Nobody is logged in."""


class Forbidden(ServiceError):
    """The viewer is known and may not do this."""


class HostNotAllowed(ServiceError):
    """The request came by a name that is not this service's."""


class TooManyAttempts(ServiceError):
    """Too many wrong passwords; `retry_after_s` says for how long none is looked at."""


class TooManyRequests(ServiceError):
    """A viewer or an address asks too often; `retry_after_s` says when it may again."""


class NotFound(ServiceError):
    """The object does not exist, or the viewer may not know that it does."""


class Conflict(ServiceError):
    """Somebody else changed the same thing meanwhile; who loads it again may try again."""


class TooLarge(ServiceError):
    """The request asks for more than a limit allows; the sentence names the setting."""


class SourceUnavailable(ServiceError):
    """OMERO.server cannot be reached, or is not ready; trying again later makes sense."""


class SourceNotReady(SourceUnavailable):
    """OMERO.server is still making what was asked for; `retry_after_s` says for how long."""


class SourceFailed(ServiceError):
    """OMERO.server answered with a fault of its own."""


class Overloaded(ServiceError):
    """A bounded queue is full."""


class DeadlineExceeded(ServiceError):
    """A step took longer than the request may last."""


class ClientGone(DeadlineExceeded):
    """The client hung up while its request waited; what it waited for goes to others."""


class StorageFailed(ServiceError):
    """A result could not be written: the disk is full, or its folder takes nothing."""


class RenderFailed(ServiceError):
    """A fault of ours while rendering."""
