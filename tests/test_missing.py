"""A program that tests need is missed aloud in CI, and elsewhere skipped with the reason."""

import sys

import pytest

from tests.support.processes import require

REASON = "no-such-program is not installed (Debian package no-such-package)"


def test_a_missing_program_fails_in_ci_and_skips_elsewhere(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"no-such-program") as failed:
        require("no-such-program", "no-such-package")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception) as skipped:
        require("no-such-program", "no-such-package")
    assert str(failed.value) == str(skipped.value) == REASON


def test_a_program_that_is_there_is_found(monkeypatch):
    monkeypatch.setenv("PATH", sys.exec_prefix + "/bin")
    assert require("python", "python3") == f"{sys.exec_prefix}/bin/python"
