"""Pickles in sessions: what is read, and what is never run."""

import datetime
import pickle
import pickletools

import pytest

from app.identity.pickles import load_pickle

HARMLESS = {
    "text": "ä",
    "list": [1, 2.5, None, True, (1, 2), b"bytes", bytearray(b"x")],
    "set": {1, 2},
    "frozen": frozenset({3}),
    "when": datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC),
    "for": datetime.timedelta(seconds=9),
}


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_containers_scalars_and_dates_are_read(protocol):
    value = HARMLESS if protocol >= 5 else {**HARMLESS, "list": [1, 2.5, None, True, (1, 2)]}
    assert load_pickle(pickle.dumps(value, protocol)) == value


class Runs:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/must-not-be-there",)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Runs()),
        b"cos\nsystem\n(S'true'\ntR.",
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cbuiltins\nbytearray\n(I100000000000\ntR.",
        b"cbuiltins\ngetattr\n(cdatetime\ndatetime\nS'now'\ntR.",
        b"cdatetime\ndatetime.now\n(tR.",
        b"capp.identity.pickles\nload_pickle\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"",
        b"no pickle",
        b"\x80\x05",
        b"\x80\x04(" * 1000,
        b"x" * (1024 * 1024 + 1),
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match="session"):
        load_pickle(data)


def test_the_attack_would_have_worked():
    names = [
        argument
        for code, argument, _ in pickletools.genops(pickle.dumps(Runs()))
        if code.name == "SHORT_BINUNICODE"
    ]
    assert "system" in names
