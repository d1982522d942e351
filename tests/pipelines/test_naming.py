"""A line that is sent again gets the same id, and no two others do."""

from mlmon.pipelines.naming import Naming

LINE = b'{"time": "2013-03-01T10:00:00.123Z", "msg": "cold"}'


def test_a_batch_that_is_sent_again_has_the_same_ids():
    """Another collector gives a dated line the same id, wherever in its batch it stands."""
    lines = [LINE, b"other", LINE]
    first, again = Naming().of("http 192.0.2.7"), Naming().of("http 192.0.2.7")
    ids = [first(line, True) for line in lines]
    assert ids == [again(line, True) for line in lines]
    assert len(set(ids)) == 3


def test_equal_lines_of_two_hosts_are_two():
    """The host is part of the id."""
    naming = Naming()
    assert naming.of("http 192.0.2.7")(LINE, True) != naming.of("http 192.0.2.8")(LINE, True)


def test_lines_without_a_time_are_never_the_same():
    """Two heartbeats an hour apart are two, also in two collectors."""
    naming, other = Naming(), Naming()
    ids = [each.of("")(b'{"msg": "alive"}', False) for each in (naming, naming, other)]
    assert len(set(ids)) == 3
