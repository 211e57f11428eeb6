"""ISession: the sessions themselves."""

from typing import Any

import Ice

from imageserver.faults import fault, guarded, usage
from imageserver.model import Builder, permissions
from imageserver.services.context import ServiceContext
from imageserver.sessions import Session as OpenSession
from imageserver.wire import rlong, rstring, rtime
from render.blitz.slices import omero


@guarded(omero.api.ISession)
class Session(omero.api.ISession):
    """Shows and closes sessions. Knowing a session's key is the right to see it, as in OMERO."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def getSession(self, key: str, current: Ice.Current) -> Any:  # noqa: N802
        return self._describe(self._find(key))

    def getReferenceCount(self, key: str, current: Ice.Current) -> int:  # noqa: N802
        return len(self._find(key).clients)

    def closeSession(self, session: Any, current: Ice.Current) -> int:  # noqa: N802
        if session is None or session.uuid is None:
            raise usage("A session to close needs its key.")
        self._find(session.uuid.val)
        self._context.sessions.close(session.uuid.val)
        return 0

    def getMyOpenSessions(self, current: Ice.Current) -> list:  # noqa: N802
        return [self._describe(session) for session in self._context.sessions.all_sessions()]

    def getMyOpenAgentSessions(self, agent: str, current: Ice.Current) -> list:  # noqa: N802
        sessions = self._context.sessions.all_sessions()
        return [self._describe(session) for session in sessions if session.agent == agent]

    def getMyOpenClientSessions(self, current: Ice.Current) -> list:  # noqa: N802
        return self.getMyOpenSessions(current)

    def _find(self, key: str) -> OpenSession:
        session = self._context.sessions.session(key)
        if session is None:
            raise fault(omero.RemovedSessionException, "There is no session with this key.")
        return session

    def _describe(self, session: OpenSession) -> Any:
        graph = self._context.graph
        builder = Builder(graph)
        owner = builder.load(graph.user)
        return omero.model.Session(
            id=rlong(session.id),
            loaded=True,
            details=omero.model.Details(
                owner=owner,
                group=builder.load(graph.group),
                permissions=permissions(),
            ),
            uuid=rstring(session.key),
            owner=owner,
            timeToIdle=rlong(round(session.timeout_s * 1000)),
            timeToLive=rlong(0),
            started=rtime(session.started_s),
            defaultEventType=rstring("User"),
            userAgent=rstring(session.agent),
        )
