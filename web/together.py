"""Panels that ask for metrics of the same windows, asked with one question: the metrics are read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future

from mlmon.core.panel import Panel, Scope, names_of, scope
from mlmon.core.panels.columns import NAME, SUBJECT, metrics
from mlmon.core.query import Row
from mlmon.core.store import Reader

Asked = tuple[Panel, Scope]
"""A panel, and what it is asked of."""


def ask(reader: Reader, asked: Iterable[Asked], pool: Executor) -> Callable[[], dict[str, list[Row]]]:
    """Begin to ask panels, in the pool's threads; what is given waits for the rows, by panel."""
    groups: dict[Scope | str, list[Asked]] = {}
    for panel, to in asked:
        groups.setdefault(to if _can_share(panel) else panel.id, []).append((panel, to))
    begun: list[tuple[list[Asked], Future[list[Row]]]] = [
        (group, pool.submit(_rows, reader, _joined(group), group[0][1])) for group in groups.values()
    ]

    def answers() -> dict[str, list[Row]]:
        given: dict[str, list[Row]] = {}
        for panels, rows in begun:
            for panel, _ in panels:
                given[panel.id] = _of(panel, rows.result()) if len(panels) > 1 else rows.result()
        return given

    return answers


def _rows(reader: Reader, panel: Panel, to: Scope) -> list[Row]:
    return reader.query(scope(panel, to)).rows


def _can_share(panel: Panel) -> bool:
    """Whether it asks for metrics by name and by nothing else, so that its rows can be told from others'."""
    names = names_of(panel)
    return bool(names) and panel.query == metrics(names, subjects=SUBJECT in panel.query.by)


def _joined(asked: list[Asked]) -> Panel:
    """The panel that asks for the metrics of all of them."""
    if len(asked) == 1:
        return asked[0][0]
    names = tuple(dict.fromkeys(name for panel, _ in asked for name in names_of(panel)))
    first = asked[0][0]
    return Panel(
        id="together", title="", kind=first.kind, query=metrics(names, subjects=True), x=first.x, y=first.y
    )


def _of(panel: Panel, rows: Iterable[Mapping[str, object]]) -> list[Row]:
    """The rows that the panel's own question would have given."""
    names = frozenset(names_of(panel))
    of_names = (row for row in rows if row[NAME] in names)
    if SUBJECT in panel.query.by:
        return [dict(row) for row in of_names]
    return [
        {name: value for name, value in row.items() if name != SUBJECT}
        for row in of_names
        if row[SUBJECT] == ""
    ]
