"""What every service gets: the catalog, the model over it, the sessions, and who is calling."""

from concurrent.futures import Executor
from dataclasses import dataclass

from imageserver.accounts import View
from imageserver.accounts.views import ALL_GROUPS, view_of
from imageserver.calls import view_of_call
from imageserver.enumerations import ENUMERATIONS
from imageserver.faults import fault
from imageserver.graph import Graph
from imageserver.graph_source import GraphSource
from imageserver.model import group_permissions
from imageserver.sessions import Client, Sessions
from imageserver.visible import Catalog, VisibleCatalog
from render.blitz.slices import omero


@dataclass(frozen=True)
class ServerSettings:
    """What clients may ask for through IConfig, beside OMERO's own constants."""

    database_uuid: str
    insecure_router: str
    # How long a wrong password is not answered.
    refusal_delay_s: float = 2.0
    max_plane_width: int = 3192
    max_plane_height: int = 3192
    tile_width: int = 256
    tile_height: int = 256
    max_tile_length: int = 1024
    # A reply has to fit into Ice.MessageSizeMax with its header.
    max_reply_bytes: int = 64 * 1024 * 1024 - 1024


@dataclass(frozen=True)
class ServiceContext:
    """One client's view of the server."""

    whole_catalog: Catalog
    graphs: GraphSource
    sessions: Sessions
    settings: ServerSettings
    executor: Executor
    client: Client

    @property
    def view(self) -> View:
        """Who asks, in which group; outside a call in the session's own."""
        return view_of_call() or self.view_in(None)

    @property
    def catalog(self) -> VisibleCatalog:
        """What there is for the one who asks."""
        return VisibleCatalog(self.whole_catalog, self.view)

    @property
    def graph(self) -> Graph:
        """The model at the index's present state, for the one who asks."""
        return self.graphs.current(self.view)

    def view_in(self, group: str | None, owner: str | None = None) -> View:
        """Give the session's user's view in a group, as a call's context names it.

        Without one, or with a text that is no number, it is the session's own group. `owner` is
        the user whom an administrator makes things for. Raises NotPermitted, and
        RemovedSessionException when the user is there no more.
        """
        # Looked at anew when the call found its servant.
        accounts = self.sessions.accounts_seen
        session = self.client.session
        user = session.user(accounts)
        if user is None:
            raise fault(omero.RemovedSessionException, "The user of this session is there no more.")
        group_id, owner_id = _number(group), _number(owner)
        if group_id is None:
            group_id = session.group_now(accounts)
        view = view_of(accounts, user, group_id)
        return view if owner_id is None else view.acting_for(owner_id)

    @property
    def catalog_of_all_groups(self) -> VisibleCatalog:
        """What there is for the one who asks, whichever group the call names.

        A service that holds something open asks it in each call, which need not name the group.
        """
        return VisibleCatalog(self.whole_catalog, self.view_in(str(ALL_GROUPS)))

    @property
    def user_id(self) -> int:
        """The id of whom new things belong to: the caller, or whom an administrator acts for."""
        return self.view.owner_id

    def event_context(self) -> object:
        """Tell who is calling, as OMERO's event context."""
        view, session = self.view, self.client.session
        accounts, user = view.accounts, view.user
        group_id = (
            view.group_id if view.group_id in accounts.groups else session.group_now(accounts)
        )
        group = accounts.groups[group_id]
        sudoer = accounts.users.get(session.sudoer_id) if session.sudoer_id is not None else None
        return omero.sys.EventContext(
            shareId=-1,
            sessionId=session.id,
            sessionUuid=session.key,
            userId=user.id,
            userName=user.name,
            sudoerId=None if sudoer is None else omero.RLong(sudoer.id),
            sudoerName=None if sudoer is None else omero.RString(sudoer.name),
            groupId=group.id,
            groupName=group.name,
            isAdmin=user.is_admin,
            adminPrivileges=list(ENUMERATIONS["AdminPrivilege"]) if user.is_admin else [],
            eventId=0,
            eventType="User",
            memberOfGroups=[one.id for one in accounts.groups_of(user)],
            leaderOfGroups=[one.id for one in accounts.groups_led_by(user)],
            groupPermissions=group_permissions(group.bits),
        )


def _number(text: str | None) -> int | None:
    """Give the number that a call's context names; OMERO ignores what is none."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
