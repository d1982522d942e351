"""Decorates a predict function, so that each call is an inference."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, TypeVar, cast

from mlmon.logging_sdk.inference import Inference
from mlmon.logging_sdk.misuse import Misuse

Call = TypeVar("Call", bound=Callable[..., Any])
Told = Mapping[str, Any]
"""Arguments of `Inference.predict`."""

_ANSWERS = frozenset(("label", "score", "value", "probabilities"))


def monitored(
    function: Call,
    open_inference: Callable[..., AbstractContextManager[Inference]],
    misuse: Misuse,
    *,
    features: Callable[..., Any] | str | None,
    prediction: Callable[[Any], Told] | None,
    inference_id: Callable[..., Any] | str | None,
) -> Call:
    """The function with each call recorded; what it returns and raises is unchanged."""
    signature = inspect.signature(function)
    name = getattr(function, "__qualname__", repr(function))

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> AbstractContextManager[Inference]:
        given: Any = None
        named: Any = None
        try:
            given = _chosen(signature, features, args, kwargs)
            named = _chosen(signature, inference_id, args, kwargs) if inference_id is not None else None
        except Exception as error:  # noqa: BLE001 - the host must not notice
            misuse.note("features", f"The features of {name} cannot be read: {error}.", error=error)
        return open_inference(given, id=named)

    def end(inference: Inference, result: Any) -> None:  # noqa: ANN401 - whatever the function returns
        try:
            inference.predict(**(prediction or told)(result))
        except Exception as error:  # noqa: BLE001 - the host must not notice
            misuse.note("prediction", f"What {name} returned cannot be read: {error}.", error=error)

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
            with begin(args, kwargs) as inference:
                result = await function(*args, **kwargs)
                end(inference, result)
                return result

        return cast("Call", call_async)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function
        with begin(args, kwargs) as inference:
            result = function(*args, **kwargs)
            end(inference, result)
            return result

    return cast("Call", call)


def told(result: Any) -> Told:  # noqa: ANN401 - whatever a predict function returns
    """A result as arguments of `predict`: a mapping of them, a label with its score, a number or a label.

    >>> told(("late", 0.81))
    {'label': 'late', 'score': 0.81}
    >>> told(4.2), told("late")
    ({'value': 4.2}, {'label': 'late'})
    """
    if isinstance(result, Mapping):
        return {name: value for name, value in result.items() if name in _ANSWERS}
    if isinstance(result, tuple) and len(result) == 2:  # noqa: PLR2004 - a label and its score
        return {"label": result[0], "score": result[1]}
    if isinstance(result, (str, bool)) or not hasattr(result, "__float__"):
        return {"label": result}
    return {"value": result}


def _chosen(
    signature: inspect.Signature,
    choice: Callable[..., Any] | str | None,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:  # noqa: ANN401 - any argument
    """What a function of the arguments gives, or the argument of a name, or by default all that make sense.

    By default these are the one argument that is no scalar, else all arguments by name without `self`.
    """
    if callable(choice):
        return choice(*args, **kwargs)
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    if choice is not None:
        return bound.arguments[choice]
    arguments = {name: value for name, value in bound.arguments.items() if name not in ("self", "cls")}
    if len(arguments) == 1:
        (only,) = arguments.values()
        if hasattr(only, "__len__") and not isinstance(only, (str, bytes)):
            return only
    return arguments
