"""A TCP proxy that fails as networks and servers do, when told to."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator

from imageserver.supervisor import free_port

_CHUNK = 65536
_LOOK_S = 0.02


class _Link:
    """One connection through the proxy. Either direction has a thread."""

    def __init__(self, client: socket.socket, server: socket.socket | None) -> None:
        self.client, self.server = client, server
        #: Whether everything that is sent is swallowed from now on, for good.
        self.is_dead = False

    def cut(self) -> None:
        """Break the connection at both ends, as a process that dies does."""
        for end in (self.client, self.server):
            if end is not None:
                with contextlib.suppress(OSError):
                    # Closing with a reset, not politely.
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()


class FaultyProxy:
    """Passes everything on to `target_port`, until one of its faults is called for.

    `heal` ends faults; what a fault did to a connection stays done.
    """

    def __init__(self, target_port: int) -> None:
        self.port = free_port("127.0.0.1")
        self._target_port = target_port
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self._swallows = False
        self._delay_s = 0.0
        self._stalled = threading.Event()
        self._cuts_next = False
        self._is_closed = False
        self._listen()

    # -- faults ------------------------------------------------------------------------------

    def refuse(self) -> None:
        """Be a server that died: connections break, new ones are refused."""
        self._stop_listening()
        self.drop()

    def refuse_new(self) -> None:
        """Refuse new connections and leave the others alone."""
        self._stop_listening()

    def drop(self) -> None:
        """Break all connections; new ones work."""
        for link in self._all_links():
            link.cut()

    def swallow(self) -> None:
        """Be a network that lost the way: connections stay open, and nothing arrives any more.

        New connections are accepted and as mute.
        """
        self._swallows = True
        for link in self._all_links():
            link.is_dead = True

    def stall(self) -> None:
        """Hold everything back until it heals."""
        self._stalled.set()

    def delay(self, seconds: float) -> None:
        """Hold back each piece of an answer for a while."""
        self._delay_s = seconds

    def cut_within_message(self) -> None:
        """Break the next connection that brings a large answer, in the middle of it."""
        self._cuts_next = True

    def heal(self) -> None:
        """End what goes on; listen again."""
        self._swallows = self._cuts_next = False
        self._delay_s = 0.0
        self._stalled.clear()
        if self._listener is None:
            self._listen()

    def close(self) -> None:
        """End everything."""
        self._is_closed = True
        self._stalled.clear()
        self._stop_listening()
        self.drop()

    @property
    def connections(self) -> int:
        """The number of connections that are open now."""
        return len(self._all_links())

    # -- passing on --------------------------------------------------------------------------

    def _all_links(self) -> list[_Link]:
        with self._lock:
            return list(self._links)

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            # Closing alone would not wake the one who accepts.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        server: socket.socket | None = None
        if not self._swallows:
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
            except OSError:
                client.close()
                return
        link = _Link(client, server)
        link.is_dead = server is None
        for end in (client, server):
            if end is not None:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                end.settimeout(None)
        with self._lock:
            self._links.add(link)
        if server is None:
            self._pump(link, client, None)
            return
        threading.Thread(target=self._pump, args=(link, server, client), daemon=True).start()
        self._pump(link, client, server)

    def _pump(self, link: _Link, source: socket.socket, sink: socket.socket | None) -> None:
        try:
            while data := source.recv(_CHUNK):
                self._hold_back(source is link.server)
                if link.is_dead or sink is None:
                    continue
                if self._cuts_next and source is link.server and len(data) > 2000:
                    self._cuts_next = False
                    sink.sendall(data[: len(data) // 2])
                    break
                sink.sendall(data)
        except OSError:
            pass
        # A dead connection is not even told that the other side is gone.
        while link.is_dead and source is link.server and not self._is_closed:
            if link not in self._all_links():
                break
            time.sleep(_LOOK_S)
        with self._lock:
            self._links.discard(link)
        link.cut()

    def _hold_back(self, is_answer: bool) -> None:
        if is_answer and self._delay_s:
            time.sleep(self._delay_s)
        while self._stalled.is_set():
            time.sleep(_LOOK_S)


@contextlib.contextmanager
def faulty_proxy(target_port: int) -> Iterator[FaultyProxy]:
    """Run a proxy in front of a port while the block lasts."""
    proxy = FaultyProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
