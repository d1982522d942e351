from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from msgspec.structs import replace

from mlmon.analyzers import reference, shelf
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core.errors import UsageError

START = datetime(2030, 3, 1, tzinfo=UTC)


def made(day, *, version="", name=""):
    """A reference that was built on a day."""
    rng = np.random.default_rng(day)
    columns = Columns(features={"temp": rng.normal(day, 1, 50)})
    built = from_columns(
        columns, model="m", version=version, source=f"{day}.csv", now=START + timedelta(days=day)
    )
    return replace(built, name=name)


def listed(store):
    """The names, versions and states of what is kept."""
    return [(one.name, one.reference.version, one.in_force) for one in shelf.kept(store, "m")]


def test_what_is_replaced_is_kept_and_can_come_back(store):
    """The newest is in force, earlier ones are listed, and one of them promoted is in force again."""
    first, second = made(1), made(2)
    shelf.put_in_force(store, first)
    shelf.put_in_force(store, second)
    names = [shelf.name_of(one) for one in (first, second)]
    assert reference.load(store, "m") == second
    assert listed(store) == [(names[1], "", True), (names[0], "", False)]
    shelf.promote(store, "m", names[0], now=START + timedelta(days=9))
    now = reference.load(store, "m")
    assert now is not None
    assert (now.numeric, now.source) == (first.numeric, first.source)
    assert listed(store) == [(names[1], "", False), (names[0], "", True)]


def test_one_that_was_saved_before_is_not_lost(store):
    """A reference that was only ever saved is kept when another takes its place."""
    reference.save(store, made(1))
    shelf.put_in_force(store, made(2))
    assert [in_force for *_, in_force in listed(store)] == [True, False]


def test_a_candidate_is_not_in_force(store):
    """A named reference waits beside the one in force, until it is promoted."""
    shelf.put_in_force(store, made(1))
    shelf.keep(store, made(2, name="spring"))
    assert reference.load(store, "m") == made(1)
    assert shelf.find(store, "m", "spring") == made(2, name="spring")
    shelf.promote(store, "m", "spring", now=START)
    assert [name for name, _, in_force in listed(store) if in_force] == ["spring"]


def test_the_reference_of_one_version_can_stand_for_all(store):
    """A version's reference is promoted to the model's own; the version keeps it too."""
    shelf.put_in_force(store, made(1))
    shelf.put_in_force(store, made(3, version="3"))
    shelf.promote(store, "m", "3", now=START)
    whole = reference.load(store, "m")
    assert whole is not None
    assert whole.numeric == made(3).numeric
    assert reference.load_all(store, "m").keys() == {"", "3"}
    name = shelf.name_of(made(3))
    assert shelf.find(store, "m", name).numeric == made(3).numeric


def test_a_name_that_means_nothing_is_told(store):
    """What is not there is an error that names the nearest; without any, how to build one."""
    with pytest.raises(UsageError, match="mlmon reference build --model m"):
        shelf.find(store, "m", "spring")
    shelf.keep(store, made(2, name="spring"))
    with pytest.raises(UsageError, match="spring"):
        shelf.find(store, "m", "sprung")
