"""Files that are written, rotated, emptied and removed while they are followed, or while nobody does."""

import os
import shutil
from pathlib import Path
from threading import Event

import msgspec
import pytest

from mlmon.core.errors import StoreError, StoreLockedError
from mlmon.pipelines import deadletter
from mlmon.pipelines.tail import place as places
from mlmon.pipelines.tail.offsets import Offsets


def add(path: Path, *messages: str, end: str = "\n") -> None:
    """Append log lines of another tool, without ids or times."""
    with path.open("a") as file:
        file.write("".join(f'{{"message": "{message}"}}{end}' for message in messages))


def test_lines_are_stored_as_they_come(logs, begin, drain, messages):
    """What was there is stored, and what is added later, each line once."""
    add(logs / "app.log", "a", "b")
    tail = begin()
    drain(tail)
    add(logs / "app.log", "c")
    drain(tail)
    assert messages() == ["a", "b", "c"]


def test_a_half_written_line_waits_for_its_end(logs, begin, drain, messages):
    """A line without an end is stored once it has one, and not before."""
    path = logs / "app.log"
    path.write_text('{"message": "fir')
    tail = begin()
    drain(tail)
    assert messages() == []
    with path.open("a") as file:
        file.write('st"}\n')
    drain(tail)
    assert messages() == ["first"]


def test_equal_lines_are_all_stored(logs, begin, drain, messages):
    """Equal lines without ids and times are as many events as there are lines."""
    add(logs / "app.log", *["same"] * 5)
    tail = begin()
    drain(tail)
    add(logs / "app.log", *["same"] * 5)
    drain(tail)
    assert messages() == ["same"] * 10


def test_our_events_keep_their_bytes(logs, begin, drain, stored_ids, line_of):
    """An event of the SDK is stored under its own id, and the same event in two files once."""
    for name in ("app.log", "other.log"):
        (logs / name).write_bytes(b"".join(line_of(number) + b"\n" for number in range(3)))
    drain(begin("*.log"))
    assert stored_ids() == ["producer-0", "producer-1", "producer-2"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_killed", [False, True])
def test_a_restart_goes_on_where_it_was(logs, begin, drain, messages, pattern, is_killed):
    """After a restart no line is stored twice, and none is left out."""
    add(logs / "app.log", "a", "a")
    drain(begin(pattern))
    add(logs / "app.log", "b")
    drain(begin(pattern, killed=is_killed))
    assert messages() == ["a", "a", "b"]


def test_a_kill_before_the_place_is_kept_doubles_nothing(logs, begin, drain, messages, tmp_path):
    """Lines that are read again from an older place keep their ids, and are known again."""
    add(logs / "app.log", "a")
    tail = begin()
    drain(tail)
    before = (tmp_path / "state" / "tail.json").read_bytes()
    add(logs / "app.log", "b", "b")
    drain(tail)
    tail.close()
    (tmp_path / "state" / "tail.json").write_bytes(before)
    drain(begin())
    assert messages() == ["a", "b", "b"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_down", [False, True])
def test_rotation_by_rename(logs, begin, drain, messages, pattern, is_down):
    """What was written before a file was moved away is read, and what its writer adds to it afterwards."""
    path = logs / "app.log"
    add(path, "a")
    tail = begin(pattern)
    drain(tail)
    add(path, "b")
    path.rename(logs / "app.log.1")
    add(logs / "app.log.1", "c")
    add(path, "d")
    drain(begin(pattern) if is_down else tail)
    assert messages() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_several_rotations_while_nobody_follows(logs, begin, drain, messages, pattern):
    """Of three rotations in a row every file is read, and each line is stored once."""
    path = logs / "app.log"
    add(path, "a")
    drain(begin(pattern))
    begin(pattern).close()
    add(path, "b")
    for number in (1, 2, 3):
        for older in range(number - 1, 0, -1):
            (logs / f"app.log.{older}").rename(logs / f"app.log.{older + 1}")
        path.rename(logs / "app.log.1")
        add(path, f"c{number}")
    drain(begin(pattern))
    assert messages() == ["a", "b", "c1", "c2", "c3"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_down", [False, True])
def test_rotation_by_copy(logs, begin, drain, messages, pattern, is_down):
    """Where a file is copied and emptied, what was not read yet is read from the copy."""
    path = logs / "app.log"
    add(path, "a", "a")
    tail = begin(pattern)
    drain(tail)
    add(path, "b")
    shutil.copyfile(path, logs / "app.log.1")
    os.truncate(path, 0)
    add(path, "c")
    drain(begin(pattern) if is_down else tail)
    assert messages() == ["a", "a", "b", "c"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotations_by_copy_before_anything_was_read(
    logs, begin, drain, messages, pattern, is_down, rotations
):
    """What a file held between being emptied twice, and nobody read, is read from its copies."""
    path = logs / "app.log"
    add(path, "a")
    tail = begin(pattern)
    drain(tail)
    shutil.copyfile(path, logs / "app.log.1")
    os.truncate(path, 0)
    add(path, "b", "c")
    tail.round(Event())  # it sees another file there, and has not read of it yet
    for number in range(rotations):
        shutil.copyfile(path, logs / f"app.log.{number + 2}")
        os.truncate(path, 0)
        add(path, *(f"d{number}-{each}" for each in range(number + 3)))
    drain(begin(pattern) if is_down else tail)
    expected = [f"d{number}-{each}" for number in range(rotations) for each in range(number + 3)]
    assert messages() == ["a", "b", "c", *expected]


def test_a_copy_is_seen_before_the_file_is_emptied(logs, begin, drain, messages):
    """A copy that the pattern names too is no new file, whenever it is seen."""
    path = logs / "app.log"
    add(path, "a", "b")
    tail = begin("app.log*")
    drain(tail)
    whole = path.read_bytes()
    (logs / "app.log.1").write_bytes(whole[:-5])
    drain(tail)
    (logs / "app.log.1").write_bytes(whole)
    drain(tail)
    os.truncate(path, 0)
    add(path, "c")
    drain(tail)
    assert messages() == ["a", "b", "c"]


def test_a_file_that_is_emptied_and_grows_beyond_is_seen(logs, begin, drain, messages):
    """A file that was emptied is read from its start, also where it is longer than before by then."""
    path = logs / "app.log"
    add(path, "a")
    tail = begin()
    drain(tail)
    os.truncate(path, 0)
    add(path, "bb", "cc", "dd")
    drain(tail)
    assert messages() == ["a", "bb", "cc", "dd"]


def test_the_same_banner_after_each_truncation_is_a_line_each(logs, begin, drain, messages):
    """A file that is emptied and starts with the line it had is another file, and its lines are new."""
    path = logs / "app.log"
    tail = begin()
    for _ in range(3):
        add(path, "started")
        drain(tail)
        os.truncate(path, 0)
        drain(tail)
    assert messages() == ["started"] * 3


def test_a_hole_of_zeros_is_passed_over(logs, begin, drain, messages, dead_folder):
    """Where a writer goes on behind the old end of an emptied file, its first line is stored as it is."""
    path = logs / "app.log"
    tail = begin()
    with path.open("wb") as file:
        file.write(b'{"message": "a"}\n' * 10)
        file.flush()
        drain(tail)
        os.truncate(path, 0)
        file.write(b'{"message": "b"}\n')
        file.flush()
        drain(tail)
    assert messages() == ["a"] * 10 + ["b"]
    assert deadletter.by_reason(dead_folder) == {}


def test_a_file_is_removed_and_made_again(logs, begin, drain, messages):
    """A new file of the old name is read from its start, the old one to its end."""
    path = logs / "app.log"
    add(path, "a")
    tail = begin()
    drain(tail)
    with path.open("a") as file:
        path.unlink()
        add(path, "b")
        drain(tail)
        file.write('{"message": "c"}\n')
    drain(tail)
    assert messages() == ["a", "b", "c"]


def test_a_new_file_in_the_old_ones_inode_is_new(logs, begin, drain, messages):
    """Where the system gives a new file the old one's number, its bytes tell that it is new."""
    path = logs / "app.log"
    add(path, "a", "b")
    drain(begin())
    begin().close()
    path.write_text("")
    add(path, "x", "y", "z")
    drain(begin())
    assert messages() == ["a", "b", "x", "y", "z"]


def test_a_line_over_the_limit_goes_to_the_dead_letters(logs, begin, drain, messages, dead_folder):
    """Of a line over the limit one byte more is kept as a dead letter, and its neighbours are stored."""
    path = logs / "app.log"
    add(path, "a")
    path.write_bytes(path.read_bytes() + b"x" * 3_000_000 + b"\n")
    add(path, "b")
    drain(begin())
    [letter] = deadletter.read(dead_folder)
    assert (messages(), letter.reason, len(letter.record)) == (["a", "b"], "too_large", (1 << 20) + 1)


def test_bad_lines_cost_no_others(logs, begin, drain, messages, dead_folder):
    """A line that is no JSON is a dead letter that names the file, and blank lines are nothing."""
    path = logs / "app.log"
    path.write_text('{"message": "a"}\n\n   \nno json\n{"message": "b"}\r\n')
    drain(begin())
    [letter] = deadletter.read(dead_folder)
    assert (messages(), letter.reason, letter.record) == (["a", "b"], "not_json", b"no json")
    assert letter.source == f"tail {path}"


def test_the_end_of_a_file_that_is_gone_is_taken(logs, begin, drain, messages):
    """The last line of a file that was moved away is stored without its end, once nothing more comes."""
    path = logs / "app.log"
    tail = begin(linger_s=0.0)
    add(path, "a")
    add(path, "b", end="")
    drain(tail)
    path.rename(logs / "elsewhere")
    drain(tail)
    drain(tail)
    assert (messages(), tail.counters.files) == (["a", "b"], 0)


def test_files_without_news_are_closed_and_opened_again(logs, begin, drain, messages):
    """A file that is read to its end is closed after a while, and read on when it grows."""
    path = logs / "app.log"
    add(path, "a")
    tail = begin(linger_s=0.0)
    drain(tail)
    drain(tail)
    assert tail.counters.files == 0
    add(path, "b")
    drain(tail)
    assert messages() == ["a", "b"]


def test_new_files_are_found_by_a_pattern(logs, begin, drain, messages):
    """Files that are made later are followed, also in folders below, and pipes and folders are not."""
    tail = begin("**/*.log")
    drain(tail)
    (logs / "deep" / "er").mkdir(parents=True)
    (logs / "folder.log").mkdir()
    os.mkfifo(logs / "pipe.log")
    add(logs / "deep" / "er" / "a.log", "a")
    drain(tail)
    assert messages() == ["a"]


def test_two_processes_do_not_follow_for_one_folder(begin, tmp_path):
    """A second one hears who holds the folder, and what to do."""
    begin()
    with pytest.raises(StoreLockedError, match=r"store\.folder of its own"):
        Offsets(tmp_path / "state")


def test_the_first_place_is_kept_before_a_line_is_stored(logs, begin, tmp_path):
    """The name that lines are stored under outlives a crash at any moment."""
    add(logs / "app.log", "a")
    tail = begin()
    stop = Event()
    stop.set()
    tail._pipeline.close()
    tail.round(stop)
    [kept] = msgspec.json.decode((tmp_path / "state" / "tail.json").read_bytes())["places"]
    assert (len(kept["name"]), kept["offset"]) == (16, 0)


def test_places_compare_bytes(tmp_path):
    """A place holds for a file with the same bytes at its start and before the place, and for no other."""
    path = tmp_path / "file"
    path.write_bytes(b"a" * 3000)
    status = path.stat()
    here = places.Place(
        path=str(path), device=status.st_dev, inode=status.st_ino, name="n", offset=2000,
        head=places.digest(b"a" * 1024), last=places.digest(b"a" * 1024),
    )  # fmt: skip
    descriptor = os.open(path, os.O_RDWR)
    assert places.is_at(descriptor, here)
    os.pwrite(descriptor, b"b", 1999)
    assert not places.is_at(descriptor, here)
    os.close(descriptor)


@pytest.mark.parametrize("is_killed", [False, True])
def test_a_file_moved_twice_is_found_again(logs, begin, drain, messages, is_killed):
    """A moved file that was found is found once more after it is moved further, while nobody follows it."""
    path = logs / "app.log"
    add(path, "a")
    drain(begin())
    add(path, "b")
    path.rename(logs / "app.log.1")
    add(path, "c")
    drain(begin(killed=is_killed))
    begin(killed=is_killed).close()
    add(logs / "app.log.1", "d")
    (logs / "app.log.1").rename(logs / "app.log.2")
    drain(begin())
    assert messages() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_kill_amid_the_first_lines_of_a_file_that_is_emptied_then(
    logs, begin, drain, messages, monkeypatch, pattern, is_first
):
    """Lines that were stored before their place was kept lend their ids to no others, and come once."""
    path = logs / "app.log"
    if not is_first:
        add(path, "a", "a")
        drain(begin(pattern))
        shutil.copyfile(path, logs / "app.log.1")
        os.truncate(path, 0)
    tail = begin(pattern)
    add(path, "b", "c", "d")
    with monkeypatch.context() as patched:
        patched.setattr(tail, "_move", lambda _: None)  # it is killed before it comes to this
        tail.round(Event())
        tail.round(Event())
    shutil.copyfile(path, logs / "app.log.2")
    os.truncate(path, 0)
    add(path, "e", "f", "g", "h")
    drain(begin(pattern, killed=True))
    assert messages() == [*([] if is_first else ["a", "a"]), "b", "c", "d", "e", "f", "g", "h"]


@pytest.mark.parametrize("is_moved_on", [False, True])
def test_a_rotated_file_that_was_found_and_not_read_is_found_again(logs, begin, drain, messages, is_moved_on):
    """After a kill between the look and the first read, it is known by the path of its original."""
    path = logs / "app.log"
    add(path, "a")
    drain(begin())
    begin().close()
    for number in (2, 1):
        path.rename(logs / f"app.log.{number}")
        add(path, f"b{number}")
    tail = begin()
    tail._files.look()
    tail._save()
    tail = begin(killed=True)
    if is_moved_on:
        for number in (2, 1):
            (logs / f"app.log.{number}").rename(logs / f"app.log.{number + 1}")
    drain(tail)
    assert messages() == ["a", "b1", "b2"]


def test_places_that_cannot_be_kept_cost_no_line(logs, begin, drain, messages, monkeypatch):
    """What was read when the disk was full is stored once there is room again."""
    add(logs / "app.log", "a", "b")
    tail = begin()

    def full(_: object) -> None:
        raise StoreError("No space left on device.")

    with monkeypatch.context() as patched:
        patched.setattr(tail._offsets, "save", full)
        for _ in range(2):
            with pytest.raises(StoreError, match="No space"):
                tail.round(Event())
    assert messages() == []
    drain(tail)
    assert messages() == ["a", "b"]


def test_a_file_that_cannot_be_read_costs_no_other(logs, begin, drain, messages, monkeypatch, caplog):
    """A file whose disk fails is said once and tried again; its neighbour is read meanwhile."""
    add(logs / "bad.log", "a")
    add(logs / "good.log", "b")
    tail = begin("*.log")
    bad, whole = (logs / "bad.log").stat().st_ino, os.pread

    def failing(descriptor: int, count: int, offset: int) -> bytes:
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(5, "Input/output error")
        return whole(descriptor, count, offset)

    monkeypatch.setattr(os, "pread", failing)
    for _ in range(3):
        tail.round(Event())
    assert messages() == ["b"]
    assert caplog.text.count("Input/output error") == 1
    monkeypatch.undo()
    drain(tail)
    assert messages() == ["a", "b"]
