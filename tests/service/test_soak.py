"""Long use: what its verdict notices, and a short one of the whole service (benchmarks/soak.py)."""

from collections import Counter

import pytest

from benchmarks.soak import Sample, Soaked, judge, run_soak


def soaked(
    memory=lambda at: 500.0,
    files=lambda at: 100,
    took=lambda at: 0.02,
    processes=lambda at: frozenset({1, 2, 3}),
    **more,
):
    seconds = range(100)
    return Soaked(
        100.0,
        samples=[Sample(at, memory(at), files(at), processes(at)) for at in seconds],
        **{
            "statuses": Counter({200: 100}),
            "latencies_s": [(at, took(at)) for at in seconds],
        }
        | more,
    )


def test_what_stays_as_it_was_is_well():
    assert judge(soaked()) == []
    # Caches fill, and for moments more is held.
    assert judge(soaked(memory=lambda at: min(500.0, 100 + at * 40))) == []
    assert judge(soaked(memory=lambda at: 900.0 if at % 10 == 0 else 500.0)) == []


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        (soaked(memory=lambda at: 500.0 + at * 2), "540 MiB of memory before, 650 at the end"),
        (soaked(files=lambda at: 100 + at), "120 open files before, 175 at the end"),
        (soaked(took=lambda at: 0.02 + at // 75), "p99 20 ms before, 1020 at the end"),
        (soaked(statuses=Counter({200: 100, 503: 2})), "2 requests were answered 503"),
        (soaked(statuses=Counter({200: 100, 304: 1})), "1 requests were answered 304"),
        (soaked(latencies_s=[(at, 0.02) for at in range(70)]), "nothing was answered at the end"),
        (
            soaked(processes=lambda at: frozenset({1, 2, 3 if at < 50 else 4})),
            "1 processes of the service ended",
        ),
        (soaked(faults=["ERROR x"]), "the log says: ERROR x"),
        (Soaked(100.0), "too short to tell anything"),
    ],
)
def test_what_grows_slows_down_or_fails_is_told(case, sentence):
    assert judge(case) == [sentence]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_short_soak_brings_no_error():
    outcome = run_soak(0.2)
    # How long answers take in so short a time says nothing on a busy machine.
    assert [problem for problem in outcome.problems if not problem.startswith("p99")] == []
    assert outcome.statuses[200] > 100 and set(outcome.statuses) == {200}
    assert outcome.downloaded_bytes > 1_000_000 and len(outcome.samples) > 20
