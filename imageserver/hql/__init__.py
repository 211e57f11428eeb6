"""A reader for the part of HQL that clients of OMERO send.

`syntax` turns text into a tree, `compiler` binds its names to the model and its expressions to
functions, `run` evaluates it over a graph. There is no list of known queries: whatever the
grammar covers is answered, and what it does not cover raises `QueryError` with a sentence.
"""

from imageserver.hql.errors import QueryError
from imageserver.hql.run import Paging, select_entities, select_rows

__all__ = ["Paging", "QueryError", "select_entities", "select_rows"]
