"""gunicorn's gevent worker, except that it ends without waiting for idle connections."""

import copy
import errno
import socket
from typing import Any

import gevent
from gunicorn.workers import ggevent

#: What a request may take to arrive that was on its way when the worker was told to end.
_LAST_REQUEST_S = 0.5


class DrainingGeventWorker(ggevent.GeventWorker):
    """Closes idle connections when told to end; requests that run are finished.

    gunicorn would wait for the clients to close them, for up to the graceful timeout: proxies
    and browsers keep theirs open for the next request.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle: set[_Waiting] = set()
        self._end_of_idling: Any = None

    def connect(self, application: Any) -> socket.socket:
        """Give a client's end of a new connection on which `application` answers.

        What is asked there does not count as a request of this worker's. Raises
        ConnectionRefusedError once the worker is told to end.
        """
        if not self.alive:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the worker is ending")
        ours, theirs = socket.socketpair()
        beside = copy.copy(self)
        beside.wsgi = application
        gevent.spawn(beside.handle, self.sockets[0], ours, ("127.0.0.1", 0))
        return theirs

    def timeout_ctx(self) -> "_Waiting":
        """Stand around the waiting for the next request on a connection."""
        return _Waiting(self, _LAST_REQUEST_S if self._end_of_idling else self.cfg.keepalive)

    def notify(self) -> None:
        """Tell the master that the worker lives; called all the while it runs and ends."""
        super().notify()
        if not self.alive and self._end_of_idling is None:
            self._end_of_idling = gevent.get_hub().loop.timer(_LAST_REQUEST_S)
            self._end_of_idling.start(self._end_idling)

    def _end_idling(self) -> None:
        """End the waiting on all connections; called by the loop, while no greenlet runs."""
        for waiting in list(self.idle):
            # One that is woken here can let another one leave.
            if waiting in self.idle:
                waiting.expire()


class _Waiting(gevent.Timeout):
    """Ends the waiting for a request after some seconds, or sooner by `expire`."""

    def __init__(self, worker: DrainingGeventWorker, seconds: float) -> None:
        super().__init__(seconds, False)
        self._worker = worker
        self._greenlet = gevent.getcurrent()

    def __enter__(self) -> "_Waiting":
        self._worker.idle.add(self)
        super().__enter__()
        return self

    def __exit__(self, *raised: Any) -> Any:
        self._worker.idle.discard(self)
        return super().__exit__(*raised)

    def expire(self) -> None:
        """Wake the one who waits as if the time were over; to be called by the loop."""
        self._greenlet.throw(self)
