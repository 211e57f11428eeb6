"""FileCache and MemoryCache against the simplest least-recently-used cache there is."""

import shutil
import tempfile
from collections import OrderedDict

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cache.bytes_disk import BytesDisk
from cache.file_cache import FileCache
from cache.memory import MemoryCache

KEYS = st.sampled_from([f"key {number}" for number in range(8)])
LENGTHS = st.sampled_from([0, 1, 100, 2000, 5000, 9000, 70_000, 200_000])
MAX_BYTES = 160_000
MAX_ENTRIES = 5
INLINE_BELOW = 8000


class Model:
    """Values in the order of their last use, within the same bounds."""

    def __init__(self, cost, max_bytes, max_entries):
        self.cost, self.max_bytes, self.max_entries = cost, max_bytes, max_entries
        self.values = OrderedDict()

    def size(self):
        return sum(self.cost(len(value)) for value in self.values.values())

    def get(self, key):
        if key in self.values:
            self.values.move_to_end(key)
        return self.values.get(key)

    def set(self, key, value):
        self.values.pop(key, None)
        if self.cost(len(value)) > self.max_bytes:
            return False
        self.values[key] = value
        while self.size() > self.max_bytes or len(self.values) > self.max_entries:
            self.values.popitem(last=False)
        return True


class FileCacheMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.serial = 0
        self.cache = self.opened()
        cost = BytesDisk(self.folder, min_file_size=INLINE_BELOW).cost
        self.model = Model(cost, MAX_BYTES, MAX_ENTRIES)

    def opened(self):
        return FileCache(
            self.folder,
            max_bytes=MAX_BYTES,
            max_entries=MAX_ENTRIES,
            inline_below_bytes=INLINE_BELOW,
        )

    def new_value(self, length):
        self.serial += 1
        return self.serial.to_bytes(8, "big")[:length] + bytes(max(0, length - 8))

    @rule(key=KEYS, length=LENGTHS)
    def set(self, key, length):
        value = self.new_value(length)
        assert self.cache.set(key, value) == self.model.set(key, value)

    @rule(key=KEYS, length=LENGTHS)
    def add(self, key, length):
        value = self.new_value(length)
        expected = False if key in self.model.values else self.model.set(key, value)
        if length < 200_000:
            assert self.cache.add(key, value) == expected
        else:
            assert not self.cache.add(key, value)

    @rule(key=KEYS)
    def get(self, key):
        assert self.cache.get(key) == self.model.get(key)

    @rule(key=KEYS)
    def delete(self, key):
        assert self.cache.delete(key) == (self.model.values.pop(key, None) is not None)

    @rule()
    def start_again(self):
        self.cache.close()
        self.cache = self.opened()

    @invariant()
    def the_figures_are_right(self):
        stats = self.cache.stats()
        assert (stats.entries, stats.size_bytes) == (len(self.model.values), self.model.size())
        assert stats.failures == 0

    def teardown(self):
        for key, value in self.model.values.items():
            assert self.cache.get(key) == value
        self.cache.close()
        shutil.rmtree(self.folder)


class MemoryCacheMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.cache = MemoryCache(MAX_BYTES, MAX_ENTRIES)
        self.model = Model(lambda length: length, MAX_BYTES, MAX_ENTRIES)

    @rule(key=KEYS, length=LENGTHS)
    def set(self, key, length):
        value = bytes(length)
        assert self.cache.set(key, value, length) == self.model.set(key, value)

    @rule(key=KEYS)
    def get(self, key):
        assert self.cache.get(key) == self.model.get(key)

    @rule(key=KEYS)
    def delete(self, key):
        assert self.cache.delete(key) == (self.model.values.pop(key, None) is not None)

    @invariant()
    def the_figures_are_right(self):
        stats = self.cache.stats()
        assert (stats.entries, stats.size_bytes) == (len(self.model.values), self.model.size())


QUICK = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestFileCacheAgainstModel = pytest.mark.slow(FileCacheMachine.TestCase)
TestFileCacheAgainstModel.settings = QUICK
TestMemoryCacheAgainstModel = MemoryCacheMachine.TestCase
TestMemoryCacheAgainstModel.settings = QUICK
