"""The communicator's own threads."""

import threading
import time

from render.blitz.communicator import destroy_communicator, make_communicator
from render.blitz.endpoint import Endpoint, Limits
from tests.render.blitz.conftest import TinyServer

_TRIES = 200


def test_the_thread_that_brings_answers_keeps_its_state(tiny: TinyServer) -> None:
    endpoint = Endpoint("127.0.0.1", tiny.port, "tcp")
    communicator = make_communicator(endpoint, Limits())
    own = threading.local()
    seen: dict[int, list[int]] = {}

    def note(answer: object) -> None:
        own.answers = getattr(own, "answers", 0) + 1
        seen.setdefault(threading.get_ident(), []).append(own.answers)

    here = threading.get_ident()
    try:
        router = communicator.stringToProxy(endpoint.router_text())
        # An answer that comes at once is noted by this thread.
        while sum(map(len, seen.values())) - len(seen.get(here, ())) < 3:
            assert sum(map(len, seen.values())) < _TRIES
            answer = router.ice_pingAsync()
            answer.add_done_callback(note)
            answer.result()
            time.sleep(0.01)
    finally:
        destroy_communicator(communicator)
    (answers,) = (counts for thread, counts in seen.items() if thread != here)
    assert answers[:3] == [1, 2, 3]
