"""`mlmon reference`: what is normal for a model, built, shown, compared and put in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.commands import reference_diff, reference_promote
from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from mlmon.core.query import Row

_KEYS: Final = (
    "model", "version", "feature", "kind", "n", "missing", "missing_rate", "low", "high",
    "categories", "most_frequent",
)  # fmt: skip
_VALUES_SHOWN: Final = 3
_NONE: Final = (
    "There is no reference. Build one: mlmon reference build --model NAME --since TIME --until TIME"
)


@click.group(
    epilog=examples(
        "mlmon reference build --model m --since 2013-03-01 --until 2013-04-01",
        "mlmon reference show --model m",
    )
)
def command() -> None:
    """Build, show and compare what is normal."""


@command.command(
    epilog=examples(
        "mlmon reference build --model m --since 2013-03-01 --until 2013-04-01",
        "mlmon reference build --model m --version 3 --from train.parquet \\",
        "    --prediction-score score --prediction-label said --outcome-label late",
        "mlmon reference build --model m --from train.parquet --expect > expect.yaml",
    )
)
@asks(*SOURCE, "since", "until", "model", "version")
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="A training table: CSV, NDJSON, Parquet or Arrow. Without it, the store's own events are taken.",
)
@click.option(
    "--prediction-score", metavar="COLUMN", help="Column of FILE: probability of the positive class."
)
@click.option("--prediction-label", metavar="COLUMN", help="Column of FILE: the predicted class.")
@click.option("--prediction-value", metavar="COLUMN", help="Column of FILE: the predicted number.")
@click.option("--outcome-label", metavar="COLUMN", help="Column of FILE: the true class.")
@click.option("--outcome-value", metavar="COLUMN", help="Column of FILE: the true number.")
@click.option(
    "--segment",
    "segments",
    metavar="COLUMN",
    multiple=True,
    help="Column of FILE: a segment field. Repeatable.",
)
@click.option(
    "--ignore",
    metavar="COLUMN",
    multiple=True,
    help="Column of FILE that is no feature, such as an id. Repeatable.",
)
@click.option(
    "--name", metavar="NAME", help="Keep it under NAME, not in force: mlmon reference promote NAME."
)
@click.option("--expect", is_flag=True, help="Print what it lets expect of each feature, for mlmon.yaml.")
def build(
    asked: Asked,
    file: str | None,
    name: str | None,
    expect: bool,  # noqa: FBT001 - a flag
    **named: Any,  # noqa: ANN401 - columns by role
) -> None:
    """Store what is normal for a model, from a training table or from a past time of the store.

    Every column of FILE that no option names is a feature. It takes the place of the reference of the same
    model and version, which is kept; without --version it stands for all versions.
    """
    from mlmon.cli import units, wiring, wiring_reference
    from mlmon.cli.output import note
    from mlmon.core.errors import UsageError

    config = settings(asked)
    if file is None and any(named.values()):
        raise UsageError("The options that name columns describe a training table. Name it with --from FILE.")
    if asked.model is None and file is not None:
        raise UsageError("Which model is this table of? Name it with --model.")
    made = _from_file(asked, file, named) if file is not None else _from_store(asked)
    with wiring.writing(config, wiring.RESULTS) as store:
        if name:
            wiring_reference.keep_as(store, made, name)
        else:
            wiring_reference.put_in_force(store, made)
    features = len(made.numeric) + len(made.categorical)
    said = (
        f"Reference of {made.model}{f' {made.version}' if made.version else ''}: "
        f"{units.count(made.n)} rows, {features} features and predictions."
    )
    if expect:
        click.echo(wiring_reference.expect(made), nl=False)
        note(said)
    else:
        click.echo(said)
    if name:
        note(f"It is kept, not in force. Next: mlmon reference promote {name} --model {made.model}")
        return
    note(f"Next: mlmon reference show --model {made.model}. mlmon analyze measures drift by it.")


def _from_store(asked: Asked) -> Any:  # noqa: ANN401 - a reference
    from mlmon.cli import wiring, wiring_analyze
    from mlmon.cli.models import one_model
    from mlmon.core.errors import UsageError

    config = settings(asked)
    with wiring.reading(config) as reader:
        model = one_model(reader, config, asked)
        window = span(asked) or model.served
        if window is None:
            raise UsageError(f"{model.name} served nothing yet. Take a training table with --from FILE.")
        return wiring_analyze.reference_from_window(
            reader, model, window, now=now(), version=asked.version or ""
        )


def _from_file(asked: Asked, file: str, named: dict[str, Any]) -> Any:  # noqa: ANN401 - a reference
    from mlmon.cli import wiring_analyze
    from mlmon.cli.training import read_table

    config = settings(asked)
    table = read_table(file, **named)
    model = asked.model or ""
    known = config.models.get(model)
    return wiring_analyze.reference_from_table(
        table,
        model=model,
        version=asked.version or "",
        source=file.rpartition("/")[2],
        positive_label=known.positive_label if known else None,
        now=now(),
    )


@command.command(
    epilog=examples("mlmon reference show", "mlmon reference show --model flight-delay --format json")
)
@asks(*SOURCE, "model", "version", "format")
@click.option(
    "--all", "every", is_flag=True, help="List every reference: those in force, earlier ones, candidates."
)
def show(asked: Asked, every: bool) -> None:  # noqa: FBT001 - a flag
    """Print what is normal: each feature with its range or its most frequent values, and its missing rate."""
    from mlmon.cli import output, wiring, wiring_analyze
    from mlmon.cli.models import NO_EVENTS, chosen_models
    from mlmon.cli.output import Column

    if every:
        _list(asked)
        return
    config = settings(asked)
    with wiring.reading(config) as reader:
        # A reference can be there before the first inference, so a model named is not looked for among them.
        names = (
            [asked.model] if asked.model else [model.name for model in chosen_models(reader, config, asked)]
        )
        found = [each for name in names for each in wiring_analyze.references(reader, name).values()]
        if asked.version is not None:
            found = [each for each in found if each.version == asked.version]
        url = reader.url
    output.write(
        (row for reference in found for row in _rows(reference)),
        asked.format,
        keys=_KEYS,
        columns=[
            *(
                [Column("model", lambda row: f"{row['model']} {row['version']}".strip())]
                if len(found) > 1
                else []
            ),
            Column("feature", lambda row: row["feature"]),
            Column("normal", _normal, wraps=True),
            Column("missing", _missing, is_number=True),
        ],
        empty=_NONE if names else NO_EVENTS.format(url=url),
        hint=_hint(found),
    )


def _hint(found: list[Any]) -> str:
    from mlmon.cli import units

    made = "; ".join(
        f"{each.model}{f' {each.version}' if each.version else ''}: {units.count(each.n)} rows "
        f"from {each.source}, built {units.ago(each.built_at, now())}"
        for each in found
    )
    return f"{made}. Next: mlmon metrics --by FEATURE shows its drift."


def _rows(reference: Any) -> list[Row]:  # noqa: ANN401 - a reference
    about = {"model": reference.model, "version": reference.version}
    rows = [
        about
        | _counts(profile)
        | {"feature": name, "kind": "numeric", "low": _edge(profile, 0), "high": _edge(profile, -1)}
        for name, profile in reference.numeric.items()
    ]
    for name, profile in reference.categorical.items():
        ranked = sorted(profile.counts.items(), key=lambda item: (-item[1], item[0]))
        rows.append(
            about
            | _counts(profile)
            | {
                "feature": name,
                "kind": "categorical",
                "categories": len(ranked),
                "most_frequent": {value: count / profile.n for value, count in ranked[:_VALUES_SHOWN]},
            }
        )
    return rows


def _counts(profile: Any) -> Row:  # noqa: ANN401 - a profile of a feature
    total = profile.n + profile.missing
    return {
        "n": profile.n,
        "missing": profile.missing,
        "missing_rate": profile.missing / total if total else None,
    }


def _edge(profile: Any, place: int) -> float | None:  # noqa: ANN401 - as above
    return profile.edges[place] if profile.edges else None


def _normal(row: Row) -> str:
    from mlmon.cli import units

    if row["kind"] == "numeric":
        if row["low"] is None:
            return units.NOTHING
        return f"{units.plain(row['low'])} to {units.plain(row['high'])}"
    frequent = ", ".join(f"{value} {units.ratio(share)}" for value, share in row["most_frequent"].items())
    more = row["categories"] - len(row["most_frequent"])
    return f"{frequent} and {more} more" if more > 0 else frequent


def _missing(row: Row) -> str:
    from mlmon.cli import units

    return units.ratio(row["missing_rate"])


def _list(asked: Asked) -> None:
    from mlmon.cli import output, units, wiring, wiring_reference
    from mlmon.cli.models import chosen_models
    from mlmon.cli.output import Column

    config = settings(asked)
    with wiring.reading(config) as reader:
        names = (
            [asked.model] if asked.model else [model.name for model in chosen_models(reader, config, asked)]
        )
        found = [each for name in names for each in wiring_reference.kept(reader, name)]
    output.write(
        (
            {
                "model": one.reference.model,
                "version": one.reference.version,
                "name": one.name,
                "in_force": one.in_force,
                "source": one.reference.source,
                "n": one.reference.n,
                "built_at": one.reference.built_at,
                "promoted_at": one.reference.promoted_at,
            }
            for one in found
            if asked.version in (None, one.reference.version)
        ),
        asked.format,
        keys=("model", "version", "name", "in_force", "source", "n", "built_at", "promoted_at"),
        columns=[
            Column("model", lambda row: f"{row['model']} {row['version']}".strip()),
            Column("name", lambda row: row["name"]),
            Column("in force", lambda row: "yes" if row["in_force"] else ""),
            Column("rows", lambda row: units.count(row["n"]), is_number=True),
            Column("from", lambda row: row["source"], wraps=True),
        ],
        empty=_NONE,
        hint="Next: mlmon reference promote NAME puts one in force; mlmon reference diff NAME compares.",
    )


command.add_command(reference_diff.command, "diff")
command.add_command(reference_promote.command, "promote")
