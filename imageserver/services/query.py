"""IQuery: questions about the model."""

from typing import Any

import Ice

from imageserver.entities import Entity
from imageserver.faults import fault, guarded, usage
from imageserver.graph import member_of
from imageserver.hql import Paging, QueryError, select_entities, select_rows
from imageserver.hql.scope import class_name
from imageserver.model import Builder
from imageserver.services.context import ServiceContext
from imageserver.wire import unwrap
from render.blitz.slices import omero


@guarded(omero.api.IQuery)
class Query(omero.api.IQuery):
    """Answers from one state of the index per call."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def get(self, klass: str, identifier: int, current: Ice.Current) -> Any:
        found = self.find(klass, identifier, current)
        if found is None:
            raise fault(omero.ValidationException, f"There is no {klass} with the id {identifier}.")
        return found

    def find(self, klass: str, identifier: int, current: Ice.Current) -> Any:
        graph = self._context.graph
        entity = graph.find(class_name(klass), identifier)
        return None if entity is None else Builder(graph).load(entity)

    def findAll(self, klass: str, filter: Any, current: Ice.Current) -> list:  # noqa: N802, A002
        graph = self._context.graph
        return _load(graph, _paging(filter).cut(graph.extent(class_name(klass))))

    def findByString(  # noqa: N802
        self, klass: str, field: str, value: str, current: Ice.Current
    ) -> Any:
        return _only(self._by_string(klass, field, value, True))

    def findAllByString(  # noqa: N802
        self,
        klass: str,
        field: str,
        value: str,
        case_sensitive: bool,
        filter: Any,  # noqa: A002
        current: Ice.Current,
    ) -> list:
        return _paging(filter).cut(self._by_string(klass, field, value, case_sensitive))

    def findByQuery(self, query: str, parameters: Any, current: Ice.Current) -> Any:  # noqa: N802
        return _only(self.findAllByQuery(query, parameters, current))

    def findAllByQuery(  # noqa: N802
        self, query: str, parameters: Any, current: Ice.Current
    ) -> list:
        return select_entities(self._context.graph, query, *_parameters(parameters))

    def projection(self, query: str, parameters: Any, current: Ice.Current) -> list:
        return select_rows(self._context.graph, query, *_parameters(parameters))

    def refresh(self, obj: Any, current: Ice.Current) -> Any:
        if obj is None or obj.id is None:
            raise usage("An object to refresh needs an id.")
        return self.get(type(obj).__name__, obj.id.val, current)

    def _by_string(self, klass: str, field: str, value: str, case_sensitive: bool) -> list:
        graph = self._context.graph
        kind = class_name(klass)
        member = member_of(kind, field)
        if member is None or member.target != "RString":
            raise QueryError(f"{kind} has no text member {field}")

        def fold(text: Any) -> str:
            return str(text) if case_sensitive else str(text).lower()

        return _load(
            graph,
            [
                entity
                for entity in graph.extent(kind)
                if (found := graph.member(entity, member)) is not None
                and fold(found) == fold(value)
            ],
        )


def _load(graph: Any, entities: list[Entity]) -> list:
    builder = Builder(graph)
    return [builder.load(entity) for entity in entities]


def _only(found: list) -> Any:
    distinct = list({id(item): item for item in found if item is not None}.values())
    if len(distinct) > 1:
        raise usage(f"One result was asked for and {len(distinct)} were found.")
    return distinct[0] if distinct else None


def _parameters(parameters: Any) -> tuple[dict[str, Any], Paging]:
    if parameters is None:
        return {}, Paging()
    values = {name: unwrap(value) for name, value in (parameters.map or {}).items()}
    return values, _paging(parameters.theFilter)


def _paging(filter: Any) -> Paging:  # noqa: A002
    if filter is None:
        return Paging()
    offset = 0 if filter.offset is None else filter.offset.val
    limit = None if filter.limit is None else filter.limit.val
    if offset < 0 or (limit is not None and limit < 0):
        raise usage("Offset and limit cannot be negative.")
    return Paging(offset, limit)
