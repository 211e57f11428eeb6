"""ISession: the sessions themselves."""

from typing import Any

import Ice

from imageserver.accounts.model import Ownership
from imageserver.calls import fail_later
from imageserver.faults import fault, guarded, usage
from imageserver.model import Builder, permissions
from imageserver.services.context import ServiceContext
from imageserver.sessions import Session as OpenSession
from imageserver.sessions import TooManySessions
from imageserver.wire import rlong, rstring, rtime
from render.blitz.slices import Glacier2, omero

# Of a session that a user makes for somebody or something else; OMERO has the same bound.
_LONGEST_IDLE_FACTOR = 100


@guarded(omero.api.ISession)
class Session(omero.api.ISession):
    """Shows, makes and closes sessions. Knowing a session's key is the right to it, as in OMERO."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    # -- making ----------------------------------------------------------------------------

    def createSession(self, principal: Any, credentials: str, current: Ice.Current) -> Any:  # noqa: N802
        name = _name_of(principal)
        if not self._context.sessions.knows(name, credentials):
            refusal = omero.AuthenticationException(reason="The user name or password is wrong.")
            return fail_later(self._context.settings.refusal_delay_s, refusal)
        return self._start(name, principal.group, current)

    def createUserSession(  # noqa: N802
        self, time_to_live_ms: int, time_to_idle_ms: int, group_name: str, current: Ice.Current
    ) -> Any:
        name = self._context.view.user.name
        return self._start(name, group_name, current, (time_to_live_ms, time_to_idle_ms))

    def createSessionWithTimeout(  # noqa: N802
        self, principal: Any, time_to_live_ms: int, current: Ice.Current
    ) -> Any:
        return self._start_for(principal, current, (time_to_live_ms, 0))

    def createSessionWithTimeouts(  # noqa: N802
        self, principal: Any, time_to_live_ms: int, time_to_idle_ms: int, current: Ice.Current
    ) -> Any:
        return self._start_for(principal, current, (time_to_live_ms, time_to_idle_ms))

    def _start_for(self, principal: Any, current: Ice.Current, limits_ms: tuple[int, int]) -> Any:
        """Make a session of another user: what administrators may, and what is called sudo."""
        asker = self._context.view.user
        if not asker.is_admin:
            raise fault(
                omero.SecurityViolation, "Only administrators make sessions of other users."
            )
        return self._start(_name_of(principal), principal.group, current, limits_ms, asker.id)

    def _start(
        self,
        name: str,
        group_name: str,
        current: Ice.Current,
        limits_ms: tuple[int, int] = (0, 0),
        sudoer_id: int | None = None,
    ) -> Any:
        time_to_live_ms, time_to_idle_ms = limits_ms
        if time_to_live_ms < 0 or time_to_idle_ms < 0:
            raise usage("Times cannot be negative.")
        sessions = self._context.sessions
        longest_s = sessions.timeout_s * _LONGEST_IDLE_FACTOR
        try:
            made = sessions.start(
                name,
                current.ctx.get("omero.agent", "") or self._context.client.session.agent,
                group_name or "",
                timeout_s=min(time_to_idle_ms / 1000 or sessions.timeout_s, longest_s),
                lifetime_s=time_to_live_ms / 1000,
                sudoer_id=sudoer_id,
            )
        except (LookupError, TooManySessions) as error:
            raise Glacier2.CannotCreateSessionException(f"Refused: {error}.") from error
        return self._describe(made)

    # -- showing and closing ---------------------------------------------------------------

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
        return [self._describe(session) for session in self._own()]

    def getMyOpenAgentSessions(self, agent: str, current: Ice.Current) -> list:  # noqa: N802
        return [self._describe(session) for session in self._own() if session.agent == agent]

    def getMyOpenClientSessions(self, current: Ice.Current) -> list:  # noqa: N802
        return self.getMyOpenSessions(current)

    def _own(self) -> list[OpenSession]:
        user_id = self._context.view.user.id
        return [s for s in self._context.sessions.all_sessions() if s.user_id == user_id]

    def _find(self, key: str) -> OpenSession:
        session = self._context.sessions.session(key)
        if session is None:
            raise fault(omero.RemovedSessionException, "There is no session with this key.")
        return session

    def _describe(self, session: OpenSession) -> Any:
        graph = self._context.graph
        view = graph.view
        builder = Builder(graph)
        group_id = session.group_now(view.accounts)

        def load(kind: str, identifier: int | None) -> Any:
            entity = None if identifier is None else graph.find(kind, identifier)
            return None if entity is None else builder.load(entity)

        owner = load("Experimenter", session.user_id)
        return omero.model.Session(
            id=rlong(session.id),
            loaded=True,
            details=omero.model.Details(
                owner=owner,
                group=load("ExperimenterGroup", group_id),
                permissions=permissions(view.rights(Ownership(session.user_id, group_id))),
            ),
            uuid=rstring(session.key),
            owner=owner,
            sudoer=load("Experimenter", session.sudoer_id),
            timeToIdle=rlong(round(session.timeout_s * 1000)),
            timeToLive=rlong(round(session.lifetime_s * 1000)),
            started=rtime(session.started_s),
            defaultEventType=rstring("User"),
            userAgent=rstring(session.agent),
        )


def _name_of(principal: Any) -> str:
    if principal is None or not principal.name:
        raise usage("A session needs the name of its user.")
    return principal.name
