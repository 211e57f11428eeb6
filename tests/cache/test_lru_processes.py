"""One folder in several processes against the simplest least-recently-used cache there is."""

import multiprocessing
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from cache.bytes_disk import BytesDisk
from cache.file_cache import FileCache
from tests.cache.test_lru_model import INLINE_BELOW, MAX_BYTES, MAX_ENTRIES, Model

FORK = multiprocessing.get_context("fork")
PROCESSES = 3
WHO = st.integers(0, PROCESSES - 1)
KEYS = st.sampled_from(["a", "a/1", "a/1/x", "a/2", "a1", "b", "b/1", "c"])
LENGTHS = st.sampled_from([0, 1, 100, 2000, 5000, 9000, 70_000, 200_000])


def serve(pipe):
    """Do what the pipe says with a cache of this process's own, until it says no more."""
    cache = None
    while (message := pipe.recv()) is not None:
        name, arguments = message
        if name == "open":
            cache = FileCache(
                *arguments,
                max_bytes=MAX_BYTES,
                max_entries=MAX_ENTRIES,
                inline_below_bytes=INLINE_BELOW,
            )
            pipe.send(None)
            continue
        result = getattr(cache, name)(*arguments)
        if name == "get":
            # Others are to know of it now, and not within the twentieth of a second.
            cache.settle()
        pipe.send(result)


class Others:
    """The processes, each behind a pipe."""

    def __init__(self):
        self.pipes, self.processes = [], []
        for _ in range(PROCESSES):
            self.start()

    def start(self):
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self.pipes.append(ours)
        self.processes.append(process)

    def call(self, who, name, *arguments):
        self.pipes[who].send((name, arguments))
        assert self.pipes[who].poll(30), f"{name} takes too long"
        return self.pipes[who].recv()

    def replace_by_new(self, who):
        """Kill one and start another in its place."""
        self.processes[who].kill()
        self.processes[who].join()
        self.pipes[who].close()
        self.start()
        self.pipes[who], self.processes[who] = self.pipes.pop(), self.processes.pop()

    def stop(self):
        for process, pipe in zip(self.processes, self.pipes, strict=True):
            process.kill()
            process.join()
            pipe.close()


def machine_of(others):
    class FolderMachine(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.folder, self.serial = tempfile.mkdtemp(), 0
            for who in range(PROCESSES):
                others.call(who, "open", self.folder)
            cost = BytesDisk(self.folder, min_file_size=INLINE_BELOW).cost
            self.model = Model(cost, MAX_BYTES, MAX_ENTRIES)

        def new_value(self, length):
            self.serial += 1
            return self.serial.to_bytes(8, "big")[:length] + bytes(max(0, length - 8))

        @rule(who=WHO, key=KEYS, length=LENGTHS)
        def set(self, who, key, length):
            value = self.new_value(length)
            assert others.call(who, "set", key, value) == self.model.set(key, value)

        @rule(who=WHO, key=KEYS, length=LENGTHS.filter(lambda length: length < MAX_BYTES))
        def add(self, who, key, length):
            value = self.new_value(length)
            expected = False if key in self.model.values else self.model.set(key, value)
            assert others.call(who, "add", key, value) == expected

        @rule(who=WHO, pairs=st.dictionaries(KEYS, LENGTHS, min_size=1, max_size=2))
        def set_many(self, who, pairs):
            values = [(key, self.new_value(length)) for key, length in pairs.items()]
            kept = others.call(who, "set_many", values)
            assert kept == sum(self.model.set(*value) for value in values)

        @rule(who=WHO, key=KEYS)
        def get(self, who, key):
            assert others.call(who, "get", key) == self.model.get(key)

        @rule(who=WHO, key=KEYS)
        def has_key(self, who, key):
            assert others.call(who, "has_key", key) == (key in self.model.values)

        @rule(who=WHO, key=KEYS)
        def delete(self, who, key):
            gone = [k for k in self.model.values if k == key or k.startswith(f"{key}/")]
            for each in gone:
                del self.model.values[each]
            assert others.call(who, "delete", key) == len(gone)

        @rule(who=WHO)
        def wipe(self, who):
            assert others.call(who, "wipe") == len(self.model.values)
            self.model.values.clear()

        @rule(who=WHO)
        def kill(self, who):
            others.replace_by_new(who)
            others.call(who, "open", self.folder)

        @invariant()
        def all_tell_the_same_and_right_figures(self):
            for who in range(PROCESSES):
                stats = others.call(who, "stats")
                assert (stats.entries, stats.size_bytes, stats.failures) == (
                    len(self.model.values),
                    self.model.size(),
                    0,
                )

        def teardown(self):
            for number, (key, value) in enumerate(self.model.values.items()):
                assert others.call(number % PROCESSES, "get", key) == value
            for who in range(PROCESSES):
                others.call(who, "close")
            shutil.rmtree(self.folder)

    return FolderMachine


@pytest.mark.slow
def test_processes_share_a_folder_as_if_there_were_one():
    others = Others()
    try:
        run_state_machine_as_test(
            machine_of(others),
            settings=settings(
                max_examples=25,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
    finally:
        others.stop()
