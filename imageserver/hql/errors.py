"""What a query can fail with."""


class QueryError(Exception):
    """A query that cannot be read or answered; the message is one sentence for the client."""


class QueryTooLong(QueryError):
    """A query that takes longer than one may."""
