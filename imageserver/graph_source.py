"""Keeps graphs for as long as they tell the present state, one for all who see the same."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

from imageserver.accounts import View
from imageserver.graph import Graph
from imageserver.visible import Catalog


@dataclass
class _Kept:
    """The graph of all who see the same, and how long it may be given while things change."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    graph: Graph | None = None
    revision: int = -1
    until_s: float = 0.0


class GraphSource:
    """Gives the graph of the catalog's present state, made anew only when the state has changed.

    While files are still being found the state changes all the time; a graph is then kept for a
    few times as long as making it took, so that it never takes more than a fraction of a core.
    Users who see the same share a graph.
    """

    _KEEP_FACTOR = 4.0
    _MOST_GRAPHS = 32

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._started_s = time.time()
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple, _Kept] = OrderedDict()

    def current(self, view: View) -> Graph:
        """Give the graph to answer a view's next question from."""
        kept = self._kept_for(view)
        revision = self._catalog.revision()
        graph = kept.graph
        if (
            graph is None
            or revision != kept.revision
            or graph.definitions is not self._catalog.definitions()
            or graph.drawings is not self._catalog.drawings()
            or graph.kept.state is not self._catalog.kept()
        ):
            graph = self._renewed(kept, revision, view)
        return graph if graph.view is view else graph.seen_by(view)

    def _kept_for(self, view: View) -> _Kept:
        made = frozenset(o for o in self._catalog.kept().owners if view.reads_of_users(o))
        key = (view.accounts.number, view.readable, made)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                # Those of former accounts are nobody's any more.
                for other in [other for other in self._kept if other[0] != key[0]]:
                    del self._kept[other]
                kept = self._kept[key] = _Kept()
            self._kept.move_to_end(key)
            if len(self._kept) > self._MOST_GRAPHS:
                self._kept.popitem(last=False)
            return kept

    def _renewed(self, kept: _Kept, revision: int, view: View) -> Graph:
        with kept.lock:
            now_s = time.monotonic()
            if kept.graph is not None and (revision == kept.revision or now_s < kept.until_s):
                # Who saved something finds it in the very next answer.
                catalog = self._catalog
                saved = catalog.definitions(), catalog.drawings(), catalog.kept()
                kept.graph = kept.graph.with_saved(*saved)
                return kept.graph
            # Read before the records, so that a change meanwhile makes the next call look again.
            kept.revision = self._catalog.revision()
            kept.graph = Graph(self._catalog, view, self._started_s)
            took_s = time.monotonic() - now_s
            kept.until_s = now_s + took_s * (1 + self._KEEP_FACTOR)
            return kept.graph
