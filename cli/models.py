"""Which models a command line speaks of, and what `--by` names of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from mlmon.cli import wiring_analyze
from mlmon.cli.options import Asked
from mlmon.core import schema
from mlmon.core.config import Config
from mlmon.core.errors import UsageError, nearest
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

if TYPE_CHECKING:
    from mlmon.cli.wiring_analyze import Model

VERSION: Final = "version"
_PREDICTED: Final = ("prediction.score", "prediction.value", "prediction.label")
NO_EVENTS: Final = (
    "The store at {url} has no inferences yet. Send some with the SDK (ModelLogger), "
    "or see how it looks: mlmon demo"
)


class Cut(Struct, frozen=True, kw_only=True):
    """What `--by` names: at most one of a field to compare within, and a feature to speak of."""

    field: str | None = None
    feature: str | None = None


def chosen_models(reader: Reader, config: Config, asked: Asked) -> list[Model]:
    """The models asked for, all of them where none was named.

    Raises:
        UsageError: there is no model or version of the name.

    """
    known = wiring_analyze.models(reader, config)
    if asked.model is None or not known:
        return known
    found = [model for model in known if model.name == asked.model]
    names = [model.name for model in known]
    if not found:
        raise UsageError(
            f"There is no model '{asked.model}' in {reader.url}. "
            f"There are: {_list(names)}.{nearest(asked.model, names)}"
        )
    if asked.version is not None and asked.version not in found[0].versions:
        versions = found[0].versions
        raise UsageError(
            f"{asked.model} has no version '{asked.version}'. "
            f"There are: {_list(versions)}.{nearest(asked.version, versions)}"
        )
    return found


def of_results(asked: Asked, models: Sequence[Model]) -> Asked:
    """What was asked, for results: those of a model's only version are kept as those of all its versions."""
    if asked.version is not None and all(len(model.versions) < 2 for model in models):  # noqa: PLR2004 - several
        return replace(asked, version=None)
    return asked


def one_model(reader: Reader, config: Config, asked: Asked) -> Model:
    """The model asked for, or the only one there is.

    Raises:
        UsageError: there are none or several.

    """
    found = chosen_models(reader, config, asked)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(NO_EVENTS.format(url=reader.url))
    raise UsageError(
        f"Several models are in {reader.url}. Name one with --model: {_list(m.name for m in found)}."
    )


def cut(reader: Reader, models: Sequence[Model], by: str | None) -> Cut:
    """What `--by` names.

    Raises:
        UsageError: it names nothing that there is; the message says what there is.

    """
    segments = sorted({field for model in models for field in model.segments})
    if by is None:
        return Cut()
    if by == VERSION or by in segments:
        return Cut(field=by)
    families = (schema.FEATURES_NUMERIC, schema.FEATURES_CATEGORICAL)
    features = [name for family in families for name in reader.members(Dataset.INFERENCE, family)]
    if by in features or by in _PREDICTED:
        return Cut(feature=by)
    allowed = (VERSION, *segments, *features, *_PREDICTED)
    raise UsageError(
        f"--by '{by}' is no segment field, feature or 'version'.{nearest(by, allowed)} Segment fields: "
        f"{_list(segments)}. Features: {_list(features)}."
    )


def _list(names: object) -> str:
    listed = list(names)  # type: ignore[call-overload]
    return ", ".join(listed) if listed else "none"
