"""The face of the SDK: a logger for one model.

    log = ModelLogger("flight-delay", version="2013.03", ship="http://127.0.0.1:5959")
    with log.inference(features=x) as inference:
        inference.predict(label="late", score=0.81)
    log.outcome(inference.id, label="on_time")
    log.warning("weather missing", extra={"origin": "JFK"})

Nothing here raises into the host, waits for input or output, or keeps what the caller passed; only making a
logger can fail, because then somebody looks. Misuse is said once, by the logger `mlmon.logging_sdk`, and
counted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self, overload

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import UsageError, nearest
from mlmon.core.event import Document
from mlmon.logging_sdk.batch import Batch
from mlmon.logging_sdk.context import Trace, parse_traceparent
from mlmon.logging_sdk.encode import number, text
from mlmon.logging_sdk.health import interval_s
from mlmon.logging_sdk.identity import Identity, default_environment, default_service
from mlmon.logging_sdk.inference import Inference
from mlmon.logging_sdk.lines import body_of_line, kind_of_level
from mlmon.logging_sdk.misuse import Misuse
from mlmon.logging_sdk.moments import Moment
from mlmon.logging_sdk.monitor import Call, Told, monitored
from mlmon.logging_sdk.outcomes import Outcomes
from mlmon.logging_sdk.outlet import Basket, Outlet
from mlmon.logging_sdk.producer import LINES, Kind, Producer
from mlmon.logging_sdk.recorder import Recorder
from mlmon.logging_sdk.redact import Rule, TextRule, redactor
from mlmon.logging_sdk.sample import Sample
from mlmon.logging_sdk.served import Served
from mlmon.logging_sdk.ship import Shipper
from mlmon.logging_sdk.spooling import Wait, maker
from mlmon.logging_sdk.stats import Stats
from mlmon.logging_sdk.transport import Ship, connector

SHIP_VARIABLE: Final = "MLMON_LOG_SHIP"
TASKS: Final = ("binary", "multiclass", "regression", "ranking")


class ModelLogger:
    """Logs the inferences, outcomes and lines of one model. Safe for threads, tasks and forked processes.

    Args:
        model: The model's name, the same wherever it is served.
        version: Its version. `run_id` is the training run behind it.
        task: `binary`, `multiclass`, `regression` or `ranking`.
        positive_label: For a binary task, the class whose probability the score is.
        threshold: The score from which the positive class is predicted.
        classes: Names of the classes, in the order in which arrays of probabilities have them.
        feature_names: Names of the features, in the order in which arrays have them.
        segments: Features to compute results within; they are copied to the event's segment.
        service: The service that serves it; else `MLMON_LOG_SERVICE`, `OTEL_SERVICE_NAME`, the script's name.
        service_version: The release of that service.
        environment: `production` and so on; else `MLMON_LOG_ENVIRONMENT`.
        endpoint: `default`, `canary` or `shadow`. `variant` is the arm of an experiment.
        namespace: The team or environment that owns the events.
        ship: A URL, several (the first that answers is used) or a Transport; else `MLMON_LOG_SHIP`, else
            standard output. See `mlmon.logging_sdk.transport.from_url`.
        redact: Rules of `mlmon.logging_sdk.redact`, applied before anything leaves the process.
        sample: A share of the inferences to keep, or a `Sample`.
        level: The lowest level of lines to log.
        clock: Gives nanoseconds since the epoch.
        spool: Where events wait: `memory`, a folder, or a function that makes a Spool, once in each process;
            else `MLMON_LOG_SPOOL`, else a folder of the user's where `ship` is acknowledged, and memory
            otherwise. See `mlmon.logging_sdk.spooling`.
        health: Whether, or every how many seconds, to report what became of the events; else
            `MLMON_LOG_HEALTH`, else every 60 where `ship` names a network. See `mlmon.logging_sdk.health`.

    Raises:
        UsageError: an option that cannot be meant, such as a URL of an unknown scheme.

    """

    def __init__(  # noqa: PLR0913 - options, all by keyword
        self,
        model: str,
        *,
        version: str | None = None,
        run_id: str | None = None,
        task: str | None = None,
        positive_label: Any = None,  # noqa: ANN401 - written as text
        threshold: float | None = None,
        classes: Iterable[Any] = (),
        feature_names: Iterable[str] = (),
        segments: Iterable[str] = (),
        service: str | None = None,
        service_version: str | None = None,
        environment: str | None = None,
        endpoint: str | None = None,
        variant: str | None = None,
        namespace: str | None = None,
        ship: Ship | None = None,
        redact: Iterable[Rule | TextRule] = (),
        sample: float | Sample | None = None,
        level: str | int = "debug",
        clock: Clock = clocks.system,
        spool: Wait | None = None,
        health: bool | float | None = None,
    ) -> None:
        if task is not None and task not in TASKS:
            raise UsageError(
                f"task={task!r} is unknown. Allowed: {', '.join(TASKS)}.{nearest(str(task), TASKS)}"
            )
        identity = Identity(
            model=str(model),
            version=text(version),
            run_id=text(run_id),
            task=task,
            positive_label=text(positive_label),
            threshold=number(threshold),
            service=service or default_service(),
            service_version=service_version,
            environment=environment or default_environment(),
            endpoint=endpoint,
            variant=variant,
            namespace=namespace,
        )
        rules = tuple(redact)
        ship = os.environ.get(SHIP_VARIABLE, "stdout:") if ship is None else ship
        connect = connector(ship)
        self._clock = clock
        self._misuse = Misuse()
        self._outlet = Outlet(
            Producer(identity, redactor(rules) if rules else None),
            Shipper(maker(spool, identity.model, ship=ship, namespace=namespace), connect),
            self._misuse,
            report_every_s=interval_s(health, ship),
            clock=clock,
        )
        self._recorder = Recorder(
            self._outlet,
            clock=clock,
            segments=tuple(segments),
            classes=[text(name) or "" for name in classes],
            feature_names=tuple(feature_names),
            sample=Sample(rate=sample) if isinstance(sample, (int, float)) else sample,
            threshold=identity.threshold,
        )
        self.served = Served(self._recorder)
        self._outcomes = Outcomes(self._outlet, clock)
        self._lowest = kind_of_level(level, None).level

    # What the model does

    def inference(
        self,
        features: Any = None,  # noqa: ANN401 - any form that row_of takes
        *,
        id: str | None = None,  # noqa: A002 - what it is
        timestamp: Moment | None = None,
        segment: Mapping[str, Any] | None = None,
        trace_id: str | None = None,
        traceparent: str | None = None,
    ) -> Inference:
        """An inference to run within a `with` block, which is measured; see `Inference`.

        `features` is a mapping, or any row that `features.row_of` takes. `id` joins it with its outcome and
        is made where none is given. The trace is that of the W3C header `traceparent`, else `trace_id`, else
        the active one.
        """
        trace = None
        if traceparent is not None or trace_id is not None:
            named = text(trace_id)
            trace = parse_traceparent(traceparent) or (Trace(named) if named else None)
        name = self._outlet.producer.new_inference_id() if id is None else self._recorder.id_of(id)
        at_ns = self._clock() if timestamp is None else self._recorder.ns_of(timestamp)
        return Inference(self._recorder, name, at_ns, features, segment, trace)

    def predicted(  # noqa: PLR0913 - what a prediction is, all by keyword
        self,
        features: Any = None,  # noqa: ANN401 - any form that row_of takes
        *,
        label: Any = None,  # noqa: ANN401 - any value, as those below
        score: Any = None,  # noqa: ANN401
        value: Any = None,  # noqa: ANN401
        probabilities: Any = None,  # noqa: ANN401
        duration_ns: int | None = None,
        id: str | None = None,  # noqa: A002 - what it is
        timestamp: Moment | None = None,
        segment: Mapping[str, Any] | None = None,
    ) -> str:
        """Log an inference that is over, in one call; the quickest way. Gives its id.

        The arguments mean what they mean for `inference` and `Inference.predict`.
        """
        at_ns = self._clock() if timestamp is None else self._recorder.ns_of(timestamp)
        return self.served.log(at_ns, features, label, score, value, probabilities, duration_ns, id, segment)

    def batch(
        self,
        features: Any,  # noqa: ANN401 - any form that columns_of takes
        *,
        ids: Any = None,  # noqa: ANN401 - any sequence
        id: str | None = None,  # noqa: A002 - what it is
        timestamp: Any = None,  # noqa: ANN401 - a moment or a sequence of them
        segment: Mapping[str, Any] | None = None,
        traceparent: str | None = None,
    ) -> Batch:
        """Many inferences to run within a `with` block; one event a row, see `Batch`.

        `features` is a DataFrame, a mapping of columns, an array of shape (rows, features) or a list of
        mappings. `ids` has an inference id for each row; else they are `<batch id>-<row>`. `timestamp` is one
        moment or one for each row.
        """
        trace = parse_traceparent(traceparent)
        return Batch(
            self._recorder,
            self._recorder.id_of(id),
            features,
            ids=ids,
            timestamp=timestamp,
            segment=segment,
            trace=trace,
        )

    @overload
    def monitor(self, function: Call, /) -> Call: ...

    @overload
    def monitor(
        self,
        function: None = None,
        /,
        *,
        features: Callable[..., Any] | str | None = None,
        prediction: Callable[[Any], Told] | None = None,
        id: Callable[..., Any] | str | None = None,
    ) -> Callable[[Call], Call]: ...

    def monitor(
        self,
        function: Any = None,
        /,
        *,
        features: Callable[..., Any] | str | None = None,
        prediction: Callable[[Any], Told] | None = None,
        id: Callable[..., Any] | str | None = None,  # noqa: A002 - what it is
    ) -> Any:
        """Decorate a predict function, plain or async: each call is an inference.

        `features` and `id` are names of parameters or functions of the arguments; by default the features are
        the one argument that holds several values, else all arguments by name. `prediction` turns the result
        into arguments of `Inference.predict`; by default a result is a mapping of them, a label with its
        score, a number (a value) or a label.
        """

        def decorate(call: Callable[..., Any]) -> Callable[..., Any]:
            return monitored(
                call, self.inference, self._misuse, features=features, prediction=prediction, inference_id=id
            )

        return decorate if function is None else decorate(function)

    # What turned out to be true

    def outcome(
        self,
        inference_id: str,
        *,
        label: Any = None,  # noqa: ANN401 - any value
        value: Any = None,  # noqa: ANN401 - any number
        observed_at: Moment | None = None,
        revision: int = 0,
        source: str | None = None,
    ) -> None:
        """Log what turned out to be true: the true class or the true number.

        A correction has a higher `revision` and wins. `observed_at` is when the truth became known, now by
        default.
        """
        self.outcomes(
            [inference_id],
            labels=None if label is None else [label],
            values=None if value is None else [value],
            observed_at=observed_at,
            revision=revision,
            source=source,
        )

    def outcomes(
        self,
        ids: Any,  # noqa: ANN401 - any sequence, as those below
        *,
        labels: Any = None,  # noqa: ANN401
        values: Any = None,  # noqa: ANN401
        observed_at: Any = None,  # noqa: ANN401 - a moment or a sequence of them
        revision: int = 0,
        source: str | None = None,
    ) -> None:
        """As `outcome`, for many: `labels` or `values` has one entry for each id."""
        self._outcomes.log(
            ids, labels=labels, values=values, observed_at=observed_at, revision=revision, source=source
        )

    def retract(
        self,
        inference_id: str,
        *,
        revision: int = 1,
        observed_at: Moment | None = None,
        source: str | None = None,
    ) -> None:
        """Withdraw the outcome of an inference; `revision` is higher than that of the outcome."""
        self._outcomes.retract(inference_id, revision=revision, observed_at=observed_at, source=source)

    # What the service has to say

    def debug(self, message: object, *args: object, extra: Mapping[str, Any] | None = None) -> None:
        """Log a line for whoever looks for a fault; see `log`."""
        self._line(LINES["debug"], message, args, extra, None)

    def info(self, message: object, *args: object, extra: Mapping[str, Any] | None = None) -> None:
        """Log a line about what is normal; see `log`."""
        self._line(LINES["info"], message, args, extra, None)

    def warning(self, message: object, *args: object, extra: Mapping[str, Any] | None = None) -> None:
        """Log a line about what may need a look; see `log`."""
        self._line(LINES["warning"], message, args, extra, None)

    def error(
        self,
        message: object,
        *args: object,
        extra: Mapping[str, Any] | None = None,
        exc_info: BaseException | bool | None = None,
    ) -> None:
        """Log a line about what failed; see `log`."""
        self._line(LINES["error"], message, args, extra, exc_info)

    def critical(
        self,
        message: object,
        *args: object,
        extra: Mapping[str, Any] | None = None,
        exc_info: BaseException | bool | None = None,
    ) -> None:
        """Log a line about what stops the service; see `log`."""
        self._line(LINES["critical"], message, args, extra, exc_info)

    def exception(self, message: object, *args: object, extra: Mapping[str, Any] | None = None) -> None:
        """Log an error with the exception that is being handled; see `log`."""
        self._line(LINES["error"], message, args, extra, sys.exc_info()[1])

    def log(
        self,
        level: str | int,
        message: object,
        *args: object,
        extra: Mapping[str, Any] | None = None,
        exc_info: BaseException | bool | None = None,
    ) -> None:
        """Log a line of a level, by its name or by logging's number.

        `args` are put into the message as logging does, with `%`. `extra` becomes the event's labels.
        The line carries the model, the trace and, within an inference, its id.
        """
        self._line(kind_of_level(level, self._misuse), message, args, extra, exc_info)

    def _line(
        self,
        kind: Kind,
        message: object,
        args: tuple[object, ...],
        extra: Mapping[str, Any] | None,
        exc_info: BaseException | bool | None,  # noqa: FBT001 - as logging takes it
    ) -> None:
        if kind.level < self._lowest:
            return
        try:
            caller = sys._getframe(2)  # noqa: SLF001 - what logging does; a public way costs 100 times more
            error = sys.exc_info()[1] if exc_info is True else exc_info or None
            text_of_line = str(message) % args if args else str(message)
            self._outlet.emit(kind, self._clock(), body_of_line(text_of_line, caller, extra, error))
        except Exception as fault:  # noqa: BLE001 - the host must not notice
            self._misuse.note("line", f"A line cannot be written: {fault!r}.", error=fault)

    def write_line(self, kind: Kind, at_ns: int, body: Document) -> None:
        """Emit a line whose body is made; never raises."""
        self._outlet.emit(kind, at_ns, body)

    def keep_in(self, basket: Basket) -> None:
        """Give events to a basket from now on, in the caller's thread, and ship none."""
        self._outlet.keep_in(basket)

    # The end

    def stats(self) -> Stats:
        """What became of the events so far."""
        return self._outlet.stats()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until all that was logged is sent or dropped; False where the time was too short."""
        return self._outlet.shipper.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> bool:
        """Send what is left and stop; False where something was left. The exit of the process does it too."""
        return self._outlet.shipper.close(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.close()

    @property
    def shipper(self) -> Shipper:
        """What ships the events."""
        return self._outlet.shipper
