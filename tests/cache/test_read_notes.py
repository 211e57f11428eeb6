from cache.read_notes import ReadNotes


def test_notes_are_given_in_the_order_of_the_last_reads_and_then_forgotten():
    notes = ReadNotes(3)
    for now, key in enumerate("abca"):
        notes.add(key, now)
    assert list(notes.take().items()) == [("b", 1), ("c", 2), ("a", 3)]
    assert notes.take() == {}


def test_beyond_the_bound_the_oldest_go():
    notes = ReadNotes(2)
    for now, key in enumerate("abc"):
        notes.add(key, now)
    assert list(notes.take()) == ["b", "c"]


def test_what_is_replaced_was_not_read():
    notes = ReadNotes(2)
    notes.add("a", 0)
    notes.forget("a")
    notes.forget("b")
    assert notes.take() == {}
