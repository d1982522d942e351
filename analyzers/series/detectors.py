"""Detectors of concept drift, from river, with a state that can be kept.

All of them forget everything at an alarm, and read one error at a time. Their settings are river's.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from mlmon.core.errors import MissingExtraError, UsageError, nearest

SEED: Final = 42
"""KSWIN compares with a random sample of its window; river draws another each run, this draws the same."""

_CLASSES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "adwin": ("river.drift", "ADWIN"),
        "ddm": ("river.drift.binary", "DDM"),
        "eddm": ("river.drift.binary", "EDDM"),
        "hddm-a": ("river.drift.binary", "HDDM_A"),
        "hddm-w": ("river.drift.binary", "HDDM_W"),
        "kswin": ("river.drift", "KSWIN"),
        "page-hinkley": ("river.drift", "PageHinkley"),
    }
)
DETECTORS: Final = tuple(_CLASSES)
ZERO_OR_ONE: Final = frozenset({"ddm", "eddm"})
"""Detectors of right and wrong, whose formulas hold for 0 and 1 only."""
UP_TO_ONE: Final = frozenset({"hddm-a", "hddm-w"})
"""Detectors whose bounds (Hoeffding 1963, McDiarmid 1989) hold for errors from 0 to 1."""


class Detector(Protocol):
    """What river's detectors share."""

    @property
    def drift_detected(self) -> bool:
        """Whether the last error raised an alarm."""
        ...

    def update(self, x: float) -> object:
        """Read one error."""
        ...


class _State(Struct, frozen=True, kw_only=True):
    """A detector between two runs: its name, river's version, and its attributes as a tree."""

    name: str
    version: str
    tree: dict[str, Any]


def create(name: str) -> Detector:
    """A detector with river's settings.

    Raises:
        UsageError: there is none of that name.
        MissingExtraError: river is not installed.

    """
    if name not in _CLASSES:
        raise UsageError(
            f"There is no detector '{name}'.{nearest(name, DETECTORS)} Choose one of {', '.join(DETECTORS)}."
        )
    module, kind = _CLASSES[name]
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        raise MissingExtraError("river", "streaming") from None
    # Newer releases of river write HDDMA for HDDM_A.
    made: Callable[..., Detector] = getattr(found, kind, None) or getattr(found, kind.replace("_", ""))
    return made(seed=SEED) if name == "kswin" else made()


def settings(name: str) -> dict[str, Any]:
    """River's settings of a detector, by its names for them.

    Raises:
        UsageError, MissingExtraError: as for `create`.

    """
    plain = vars(create(name)).items()
    return {
        key: value for key, value in plain if not key.startswith("_") and isinstance(value, int | float | str)
    }


def alarms(detector: Detector, errors: Iterable[float]) -> list[int]:
    """The 0-based places of the errors that raise an alarm; the detector goes on from where it was."""
    found = []
    for place, error in enumerate(errors):
        detector.update(error)
        if detector.drift_detected:
            found.append(place)
    return found


def fault(name: str, error: float) -> str | None:
    """What is wrong with an error for a detector, or None."""
    if name in ZERO_OR_ONE and error not in {0.0, 1.0}:
        return (
            f"{name} reads right (0) and wrong (1) only; for other errors take adwin, kswin or page-hinkley"
        )
    if name in UP_TO_ONE and not 0.0 <= error <= 1.0:
        return f"{name} reads errors from 0 to 1; for others take adwin, kswin or page-hinkley"
    return None


def save(name: str, detector: Detector) -> bytes:
    """The state of a detector as msgpack: `name`, river's `version` and the `tree` of its attributes.

    Parts that river wrote in Rust are the bytes that they give of themselves; no pickle is involved.
    """
    return msgspec.msgpack.encode(_State(name=name, version=_version(), tree=_tree(detector)))


def load(name: str, state: bytes) -> Detector | None:
    """The detector of a state; None where it is of another detector or another release of river.

    Raises:
        msgspec.ValidationError: the bytes hold no state.

    """
    known = msgspec.msgpack.decode(state, type=_State)
    if known.name != name or known.version != _version():
        return None
    detector = create(name)
    _fill(detector, known.tree)
    return detector


def _version() -> str:
    return str(import_module("river").__version__)


def _tree(part: object) -> dict[str, Any]:
    return {key: _leaf(value) for key, value in vars(part).items() if not callable(value)}


def _leaf(value: Any) -> Any:  # noqa: ANN401 - an attribute of any type
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, deque):
        return [float(each) for each in value]
    if hasattr(value, "item"):  # a number of numpy's
        return value.item()
    if isinstance(value, int | float):
        return value
    return _tree(value) if hasattr(value, "__dict__") else value.__getstate__()


def _fill(part: object, tree: Mapping[str, Any]) -> None:
    """Set the attributes of a fresh detector, whose parts say of which type each is."""
    for key, value in tree.items():
        old = getattr(part, key)
        if isinstance(old, random.Random):
            version, words, gauss = value
            old.setstate((version, tuple(words), gauss))
        elif isinstance(value, dict):
            _fill(old, value)
        elif isinstance(value, bytes):
            old.__setstate__(value)
        else:
            setattr(part, key, deque(value, maxlen=old.maxlen) if isinstance(old, deque) else value)
