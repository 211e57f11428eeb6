"""The file that tells all processes of a host that an image's settings changed."""

import logging
import multiprocessing
import timeit
from pathlib import Path

import pytest

from app.changes.freshness import Freshness


@pytest.fixture
def pair(tmp_path):
    both = [Freshness(tmp_path / "cache" / "freshness") for _ in range(2)]
    yield both
    for freshness in both:
        freshness.close()


def test_a_touched_image_has_another_generation_for_all(pair):
    one, other = pair
    before = [other.generation(image_id) for image_id in (7, 8)]
    one.touch([7])
    after = [other.generation(image_id) for image_id in (7, 8)]
    assert after[0] != before[0] and after[1] == before[1]
    assert one.generation(7) == after[0]
    one.touch([7])
    assert other.generation(7) not in (before[0], after[0])
    one.touch_all()
    assert other.generation(8) != before[1]


def test_any_image_has_a_generation(pair):
    one, other = pair
    huge = 10**18 - 1
    before = other.generation(huge)
    one.touch([huge])
    assert other.generation(huge) != before


def test_it_stays_as_it_is_over_a_restart(tmp_path):
    first = Freshness(tmp_path / "freshness")
    first.touch([3])
    generation = first.generation(3)
    first.close()
    second = Freshness(tmp_path / "freshness")
    assert second.generation(3) == generation
    second.close()


def _touch(path: Path) -> None:
    freshness = Freshness(path)
    freshness.touch([5])
    freshness.close()


@pytest.mark.slow
def test_another_process_is_heard(tmp_path):
    path = tmp_path / "freshness"
    freshness = Freshness(path)
    before = freshness.generation(5)
    process = multiprocessing.get_context("spawn").Process(target=_touch, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert freshness.generation(5) != before
    freshness.close()


def test_without_a_file_the_process_has_numbers_of_its_own(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        freshness = Freshness(tmp_path / "file" / "freshness")
    assert "image_info_max_age_s" in caplog.text
    before = freshness.generation(5)
    freshness.touch([5])
    assert freshness.generation(5) != before
    freshness.close()


def test_looking_costs_next_to_nothing(pair):
    look = pair[0].generation
    # Some 0.2 µs; the best of several, since other things run on this machine.
    assert min(timeit.repeat(lambda: look(12345), number=1000, repeat=20)) < 0.02
