"""Names of what is downloaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.downloads.names import base_name, plain_name, safe_name, unlike, with_ending


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cells.tif", "cells.tif"),
        ("a/b\\c.tif", "a_b_c.tif"),
        ('say "hi"?.png', "say _hi__.png"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("  .hidden", "hidden"),
        ("", "download"),
        ("line\nbreak\x00.tif", "line_break_.tif"),
        ("\u202egpj.exe", "gpj.exe"),
        ("Zellkörper 🔬.ome.tif", "Zellkörper 🔬.ome.tif"),
    ],
)
def test_a_safe_name_is_one_files_name(name, expected):
    assert safe_name(name) == expected


def test_a_plain_name_has_no_blanks_and_commas():
    assert plain_name("my cells, day 2.tif") == "my_cells._day_2.tif"


def test_a_long_name_is_cut_before_its_endings():
    cut = safe_name("x" * 300 + ".ome.tiff")
    assert len(cut) == 255 and cut.endswith("xx.ome.tiff")
    assert len(safe_name("ä" * 300 + ".tif").encode()) <= 255


@given(st.text(max_size=400))
def test_no_name_leads_elsewhere_or_grows_too_long(name):
    safe = safe_name(name)
    assert safe and len(safe.encode()) <= 255
    assert "/" not in safe and "\\" not in safe and "\0" not in safe
    assert safe not in (".", "..")
    assert len(with_ending(safe, ".zip").encode()) <= 255


def test_equal_names_are_told_apart():
    assert unlike(["a.png", "a.png", "A.PNG", "b", "b"]) == [
        "a.png",
        "a_(1).png",
        "A_(2).PNG",
        "b",
        "b_(1)",
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plates/p1/cells.tif", "cells"),
        ("cells", "cells"),
        (".hidden", ".hidden"),
        ("a.b.c", "a.b"),
    ],
)
def test_the_base_name_has_neither_folder_nor_ending(name, expected):
    assert base_name(name) == expected
