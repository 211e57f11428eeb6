"""The service under mixed load while the way to its server fails; see benchmarks/storm.py."""

import pytest

from benchmarks import storm
from tests.support.service import PROJECT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_faults_bring_no_wrong_picture_no_500_and_no_leak_and_are_soon_forgotten():
    with storm.staged(PROJECT / "samples") as stage:
        outcome = storm.run_storm(stage, rounds=3)
    assert [name for name, _ in outcome.rounds] == ["refuse", "swallow", "cut within a message"]
    assert not outcome.problems, outcome
    statuses = outcome.statuses()
    assert statuses[200] > 200 and statuses[503] > 0, statuses
    assert outcome.vanished > 20
