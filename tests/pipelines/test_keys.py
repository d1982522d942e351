"""A key lets its owner in until it is revoked, and its secret is kept nowhere."""

import stat
import threading

import pytest

from mlmon.core.errors import StoreError, UsageError
from mlmon.pipelines import keys
from mlmon.pipelines.keys import Keyring, RefusedKeyError


@pytest.fixture
def path(tmp_path):
    """Give the file of the keys, which is made with the first."""
    return tmp_path / "store" / keys.FILE


def reason_of(ring: Keyring, shown: str) -> str:
    """Give the reason the key is refused for."""
    with pytest.raises(RefusedKeyError) as caught:
        ring.check(shown)
    assert not shown or shown not in str(caught.value)
    return caught.value.reason


def test_a_key_is_shown_once_and_kept_as_a_hash(path):
    """The file lets nobody in who reads it, and nobody but its owner reads it."""
    made, shown = keys.create(path, namespace="shop", name="checkout")
    secret = shown.split("_")[2]
    assert shown == f"mlmon_{made.id}_{secret}"
    assert len(secret) == 64
    assert secret not in path.read_text()
    assert secret not in repr(made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(key.id, key.namespace, key.name) for key in keys.read(path)] == [(made.id, "shop", "checkout")]


def test_a_key_lets_in_for_its_namespace(path):
    """Each key is known by itself."""
    shown = [keys.create(path, namespace=name)[1] for name in ("shop", "bank")]
    ring = Keyring(path)
    assert [ring.check(each).namespace for each in shown] == ["shop", "bank"]


def test_what_is_no_key_lets_nobody_in(path):
    """No key, half a key, another's secret and a stranger's are told apart from a revoked one alone."""
    made, shown = keys.create(path, namespace="shop")
    _, other = keys.create(path, namespace="bank")
    ring = Keyring(path)
    assert reason_of(ring, "") == keys.MISSING
    mixed = f"mlmon_{made.id}_{other.split('_')[2]}"
    for wrong in (shown[:-1], shown + "0", shown.upper(), mixed, "mlmon_0_0", made.id, "_", "\udcff_é_"):
        assert reason_of(ring, wrong) == keys.UNKNOWN


def test_a_running_collector_sees_changes_within_a_second(path):
    """A new key lets in and a revoked one does not, without a restart."""
    now = [0.0]
    ring = Keyring(path, monotonic=lambda: now[0])
    made, shown = keys.create(path, namespace="shop")
    assert reason_of(ring, shown) == keys.UNKNOWN
    now[0] += 1
    assert ring.check(shown).id == made.id
    assert keys.revoke(path, made.id, clock=lambda: 0).revoked_at == "1970-01-01T00:00:00.000000Z"
    now[0] += 1
    assert reason_of(ring, shown) == keys.REVOKED


def test_a_file_that_breaks_leaves_the_keys_that_were_known(path):
    """A collector that runs does not lock all senders out, and one that starts says what is wrong."""
    now = [0.0]
    _, shown = keys.create(path, namespace="shop")
    ring = Keyring(path, monotonic=lambda: now[0])
    path.write_text("{")
    now[0] += 1
    assert ring.check(shown).namespace == "shop"
    with pytest.raises(StoreError, match=r"keys\.json"):
        Keyring(path)


def test_a_revoked_key_stays_revoked(path):
    """A second time changes nothing, and a key that is not there is named."""
    made, _ = keys.create(path, namespace="shop")
    first = keys.revoke(path, made.id)
    assert keys.revoke(path, made.id) == first
    with pytest.raises(UsageError, match="no key 'nobody'"):
        keys.revoke(path, "nobody")


def test_keys_that_are_made_at_once_are_all_kept(path):
    """Two who change the file at the same time do not undo each other."""
    makers = [threading.Thread(target=keys.create, args=(path,), kwargs={"namespace": "n"}) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len({key.id for key in keys.read(path)}) == 8


def test_a_folder_that_cannot_be_written_is_told(path):
    """The message names the file."""
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(StoreError, match=r"keys\.json"):
        keys.create(path, namespace="shop")


def test_an_empty_namespace_is_none(path):
    """A key must be for something."""
    with pytest.raises(UsageError, match="--namespace"):
        keys.create(path, namespace=" ")
