"""What Ice and OMERO raise becomes the project's own errors."""

import Ice
import pytest

from render.blitz.errors import ConnectionLost, ServiceLost, Unreachable, translate
from render.blitz.slices import Glacier2, omero
from render.errors import (
    Conflict,
    DeadlineExceeded,
    Forbidden,
    NotAuthenticated,
    NotFound,
    SourceFailed,
    SourceNotReady,
    SourceUnavailable,
)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Glacier2.PermissionDeniedException("x"), NotAuthenticated),
        (omero.AuthenticationException("x"), NotAuthenticated),
        (omero.ExpiredCredentialException("x"), NotAuthenticated),
        (Glacier2.CannotCreateSessionException("x"), SourceUnavailable),
        (omero.WrappedCreateSessionException("x", False, 0, "y"), SourceFailed),
        (omero.ValidationException(), NotFound),
        (omero.SecurityViolation(), Forbidden),
        (omero.ReadOnlyGroupSecurityViolation(), Forbidden),
        (omero.OptimisticLockException(), Conflict),
        (omero.ResourceError(), SourceFailed),
        (omero.InternalException(), SourceFailed),
        (omero.QueryException(), SourceFailed),
        (omero.OverUsageException(), SourceUnavailable),
        (omero.RemovedSessionException(), ServiceLost),
        (omero.SessionTimeoutException(), ServiceLost),
        (Glacier2.SessionNotExistException(), ServiceLost),
        (Ice.ObjectNotExistException(), ServiceLost),
        (Ice.ConnectionLostException(), ConnectionLost),
        (Ice.CloseConnectionException(), ConnectionLost),
        (Ice.CommunicatorDestroyedException(), ConnectionLost),
        (Ice.ConnectionTimeoutException(), ConnectionLost),
        (Ice.ConnectionRefusedException(), Unreachable),
        (Ice.ConnectTimeoutException(), Unreachable),
        (Ice.DNSException(), Unreachable),
        (Ice.SecurityException(), Unreachable),
        (Ice.ProtocolException(), Unreachable),
        (Ice.InvocationTimeoutException(), DeadlineExceeded),
        (Ice.InvocationCanceledException(), DeadlineExceeded),
        (Ice.MemoryLimitException(), SourceFailed),
        (Ice.UnknownLocalException("MemoryLimitException"), SourceFailed),
        (Ice.OperationNotExistException(), SourceFailed),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_exception_has_its_place(error: Exception, kind: type) -> None:
    assert type(translate(error, "read pixels")) is kind


@pytest.mark.parametrize(
    "error",
    [
        omero.MissingPyramidException(backOff=7500),
        omero.LockTimeout(backOff=7500),
        omero.WrappedCreateSessionException("starting", True, 7500, "x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_is_not_ready_tells_when_to_come_back(error: Exception) -> None:
    translated = translate(error, "open pixels")
    assert type(translated) is SourceNotReady
    assert translated.retry_after_s == 7.5


def test_what_the_server_says_is_not_passed_on() -> None:
    error = omero.InternalException("at java.lang", "java.lang.Oops", "/OMERO/secret")
    assert str(translate(error, "read pixels")) == (
        "OMERO.server failed at the step 'read pixels' (InternalException)"
    )
