"""Declared server errors, and the guard that lets nothing else leave a servant."""

import functools
import logging
from collections.abc import Callable
from typing import Any

import Ice

from imageserver.accounts.model import GUEST_ID
from imageserver.accounts.views import NotPermitted
from imageserver.calls import answering, note_request, request_of_call
from imageserver.catalog import UnknownId
from imageserver.hql import QueryError
from imageserver.hql.errors import QueryTooLong
from imageserver.readers.base import UnreadableFile
from render.blitz.slices import omero

log = logging.getLogger("blitzrender.imageserver")

# What clients ask for before anybody has logged in: which server it is.
GUEST_MAY = {
    "ServiceFactory": frozenset(
        {
            *("getAdminService", "getConfigService", "getSessionService", "activeServices"),
            *("setCallback", "closeOnDestroy", "detachOnDestroy", "destroy"),
            *("keepAlive", "keepAllAlive"),
        }
    ),
    "IAdmin": frozenset({"getEventContext", "getSecurityRoles"}),
    "IConfig": frozenset(
        {
            *("getVersion", "getDatabaseUuid", "getDatabaseTime", "getServerTime"),
            *("getConfigValue", "getConfigValues", "getClientConfigValues"),
            *("getConfigDefaults", "getClientConfigDefaults"),
        }
    ),
    "ISession": frozenset({"getSession"}),
}


def fault(kind: Any, message: str, **members: Any) -> Exception:
    """Make a server error of OMERO's own kind with a sentence for the client."""
    name = f"ome.conditions.{kind.__name__}"
    return kind(message=message, serverExceptionClass=name, serverStackTrace="", **members)


def usage(message: str) -> Exception:
    """Make the error for a call that makes no sense."""
    return fault(omero.ApiUsageException, message)


def not_visible(kind: str, identifier: int) -> Exception:
    """Make the error for an id that leads to nothing."""
    return fault(omero.ValidationException, f"There is no {kind} with the id {identifier}.")


def translate(error: BaseException) -> BaseException:
    """Give the declared error to send for any error; those of Ice and OMERO stay as they are.

    What cannot be told to a client is logged, with the id of the request that came upon it.
    """
    if isinstance(error, omero.ServerError | Ice.LocalException | Ice.UserException):
        return error
    if isinstance(error, QueryTooLong):
        return fault(omero.OverUsageException, _sentence(error))
    if isinstance(error, QueryError):
        return fault(omero.QueryException, _sentence(error))
    if isinstance(error, NotPermitted):
        return fault(omero.SecurityViolation, _sentence(error))
    if isinstance(error, UnknownId):
        return fault(omero.ValidationException, _sentence(error))
    if isinstance(error, UnreadableFile):
        return fault(omero.ResourceError, _sentence(error))
    if isinstance(error, OSError):
        # Without the path: where files lie on the server is nobody's business.
        return fault(omero.ResourceError, f"The file cannot be read: {error.strerror or 'error'}.")
    log.error("a call for request %s failed", request_of_call(), exc_info=error)
    return fault(
        omero.InternalException, "The image server failed to answer; its log tells the reason."
    )


def guarded(interface: type) -> Callable[[type], type]:
    """Make a class a servant of an interface; nothing but declared errors leave it.

    A servant has its client's ServiceContext as `_context`; each call runs in the view that the
    caller has in the group that the call names. The guest gets no further than GUEST_MAY.

    Each operation of the interface that the class does not define raises ApiUsageException, so
    that a client hears in one sentence what this server does not offer.
    """
    names = [
        name.removeprefix("_op_")
        for name in dir(interface)
        if name.startswith("_op_") and not name.startswith("_op_ice_")
    ]

    guest_may = GUEST_MAY.get(interface.__name__, ())

    def decorate(cls: type) -> type:
        for name in names:
            method = getattr(cls, name, None)
            if method is None or method is getattr(interface, name, None):
                setattr(cls, name, _refusal(cls.__name__, name))
            else:
                setattr(cls, name, _guard(method, name in guest_may))
        return cls

    return decorate


def _guard(method: Callable, guest_may: bool) -> Callable:
    @functools.wraps(method)
    def call(*arguments: Any) -> Any:
        try:
            context, current = arguments[0]._context, arguments[-1]
            note_request(current)
            view = context.view_in(current.ctx.get("omero.group"), current.ctx.get("omero.user"))
            if view.user.id == GUEST_ID and not guest_may:
                raise fault(omero.SecurityViolation, "The guest may not do this.")
            with answering(view):
                return method(*arguments)
        except Exception as error:
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    return call


def _refusal(service: str, operation: str) -> Callable:
    def refuse(*arguments: Any) -> Any:
        raise usage(f"This image server does not offer {service}.{operation}.")

    return refuse


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
