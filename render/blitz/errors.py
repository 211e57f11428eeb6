"""Turns what Ice and OMERO raise into the project's own errors, at this one edge.

The original stays as cause, for the log. Neither the server's message nor its stack trace gets
into the sentence for the client: both can name paths and keys.
"""

from collections.abc import Callable

import Ice

from render.blitz.slices import Glacier2, omero
from render.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    NotAuthenticated,
    NotFound,
    ServiceError,
    SourceFailed,
    SourceNotReady,
    SourceUnavailable,
)

#: After how long it makes sense to try a server again that was not there.
RETRY_AFTER_S = 5.0


class Unreachable(SourceUnavailable):
    """The server did not even begin to answer."""


class Lost(SourceUnavailable):
    """Something that was open is gone: a fresh one may work, so this is worth one retry."""


class ServiceLost(Lost):
    """The service or its session ended on the server."""


class ConnectionLost(Lost):
    """The connection broke, and with it the session and all that belonged to it."""


def translate(error: Exception, step: str) -> ServiceError:
    """Give the error of ours that `error`, met at `step`, amounts to."""
    for kinds, make in _TABLE:
        if isinstance(error, kinds):
            return make(error, step)
    return SourceFailed(f"OMERO.server failed at the step '{step}' ({_name(error)})")


def again(error: ServiceError) -> ServiceError:
    """Give an equal error for one more of those who waited for the same thing."""
    copy = type(error)(error.detail, retry_after_s=error.retry_after_s)
    copy.__cause__ = error
    return copy


def _name(error: Exception) -> str:
    return type(error).__name__


def _unavailable(sentence: str) -> Callable[[Exception, str], ServiceError]:
    return lambda error, step: SourceUnavailable(sentence, retry_after_s=RETRY_AFTER_S)


def _back_off(error: Exception, step: str) -> ServiceError:
    wait_s = max(getattr(error, "backOff", 0) / 1000, 1.0)
    return SourceNotReady(
        f"OMERO.server is not ready for the step '{step}' yet ({_name(error)})",
        retry_after_s=wait_s,
    )


def _login_failed(error: Exception, step: str) -> ServiceError:
    if getattr(error, "concurrency", False):
        return _back_off(error, step)
    return SourceFailed("OMERO.server could not make a session for the login")


def _login_refused(error: Exception, step: str) -> ServiceError:
    # What a router says of a server that it cannot ask; nobody's credentials are at fault then.
    if getattr(error, "reason", "") == "internal server error":
        return Unreachable("OMERO.server does not answer its router", retry_after_s=RETRY_AFTER_S)
    return NotAuthenticated("OMERO.server refuses these credentials, or they ended")


def _not_connected(error: Exception, step: str) -> ServiceError:
    reason = _REASONS.get(_name(error), "does not answer")
    if isinstance(error, Ice.SecurityException):
        told = next((text for sign, text in _CERTIFICATE_FAULTS if sign in error.reason), None)
        reason = told or reason
    return Unreachable(f"OMERO.server {reason}", retry_after_s=RETRY_AFTER_S)


_REASONS = {
    "ConnectionRefusedException": "refuses connections",
    "ConnectTimeoutException": "did not accept a connection in time",
    "DNSException": "has a host name that is not known",
    "SecurityException": "has a TLS certificate that is not trusted",
    "ProtocolException": "and this client found no common TLS settings",
}

#: By what OpenSSL says of a certificate.
_CERTIFICATE_FAULTS = (
    ("mismatch", "has a TLS certificate for another host name"),
    ("expired", "has a TLS certificate that has expired"),
    ("not yet valid", "has a TLS certificate that is not valid yet"),
)

_TABLE: tuple[tuple[tuple[type, ...], Callable[[Exception, str], ServiceError]], ...] = (
    # Logging in
    ((Glacier2.PermissionDeniedException, omero.AuthenticationException), _login_refused),
    (
        (omero.ExpiredCredentialException,),
        lambda e, s: NotAuthenticated("the password has expired and has to be renewed in OMERO"),
    ),
    ((omero.WrappedCreateSessionException,), _login_failed),
    ((Glacier2.CannotCreateSessionException,), _unavailable("OMERO.server takes no session now")),
    # Answers of the services
    (
        (omero.SessionException, Glacier2.SessionNotExistException),
        lambda e, s: ServiceLost("the session on OMERO.server ended"),
    ),
    (
        (omero.SecurityViolation,),
        lambda e, s: Forbidden(f"OMERO.server does not permit the step '{s}'"),
    ),
    # One of the next class, but waiting does not help.
    (
        (omero.OptimisticLockException,),
        lambda e, s: Conflict(
            f"somebody else changed the same settings during the step '{s}'; "
            "load them again and then save"
        ),
    ),
    ((omero.ConcurrencyException,), _back_off),
    (
        (omero.ValidationException,),
        lambda e, s: NotFound(f"there is no such object for the step '{s}', or it is not visible"),
    ),
    ((omero.OverUsageException,), _unavailable("OMERO.server broke off a step that took too long")),
    (
        (omero.ResourceError,),
        lambda e, s: SourceFailed(f"OMERO.server cannot read the file for the step '{s}'"),
    ),
    # The connection
    (
        (Ice.ObjectNotExistException,),
        lambda e, s: ServiceLost("a service on OMERO.server is gone"),
    ),
    (
        (Ice.InvocationTimeoutException, Ice.InvocationCanceledException),
        lambda e, s: DeadlineExceeded(f"the request ran out of time at the step '{s}'"),
    ),
    (
        (
            Ice.ConnectFailedException,
            Ice.ConnectTimeoutException,
            Ice.DNSException,
            Ice.SecurityException,
            Ice.NoEndpointException,
        ),
        _not_connected,
    ),
    (
        (
            Ice.SocketException,
            Ice.TimeoutException,
            Ice.CloseConnectionException,
            Ice.ConnectionManuallyClosedException,
            Ice.CommunicatorDestroyedException,
        ),
        lambda e, s: ConnectionLost(
            f"the connection to OMERO.server broke at the step '{s}'", retry_after_s=RETRY_AFTER_S
        ),
    ),
    # MemoryLimitException and MarshalException are protocol errors too, but faults of a message.
    (
        (Ice.MarshalException,),
        lambda e, s: SourceFailed(f"OMERO.server's answer to '{s}' could not be read ({_name(e)})"),
    ),
    ((Ice.ProtocolException,), _not_connected),
)
