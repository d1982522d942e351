"""What commands ask of the wires: files for Logstash, made from the settings and written to a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, structs

from mlmon.core.config import Config, StoreConfig
from mlmon.core.errors import UsageError

if TYPE_CHECKING:
    from mlmon.pipelines.logstash.options import Options

_SCHEMES: Final = {
    "elasticsearch": ("elasticsearch", "http"),
    "elasticsearch+https": ("elasticsearch", "https"),
    "opensearch": ("opensearch", "http"),
    "opensearch+https": ("opensearch", "https"),
}
USUAL_CLUSTER: Final = "elasticsearch+https://localhost:9200"
"""The cluster of pipelines for whom none was named."""
_USUAL_PORTS: Final = {"http": 80, "https": 443}


class File(Struct, frozen=True, kw_only=True):
    """One file that was rendered: its text, and what is on disk; None where there is none."""

    path: Path
    text: str
    there: str | None

    @property
    def sign(self) -> str:
        """`+` where it is new, `~` where it differs, `=` where it is the same."""
        if self.there is None:
            return "+"
        return "=" if self.there == self.text else "~"

    def diff(self) -> Iterator[str]:
        """The lines that differ, as `diff -u` shows them."""
        old = [] if self.there is None else self.there.splitlines()
        name = str(self.path)
        yield from unified_diff(old, self.text.splitlines(), name, name, lineterm="")


def chosen(flags: Mapping[str, Any]) -> Options:
    """The options that flags of the command line say; None is what was not given."""
    from mlmon.pipelines.logstash.options import S3, Doors, Kafka, Kinesis, Options, Output

    given = {name: value for name, value in flags.items() if value not in (None, (), False)}

    def of(**names: str) -> dict[str, Any]:
        return {own: given[flag] for own, flag in names.items() if flag in given}

    kafka = of(servers="kafka_servers", topics="kafka_topic", sasl="kafka_sasl")
    doors = of(host="host", beats_port="beats_port", http_port="http_port", tcp_port="tcp_port")
    return Options(
        doors=Doors(tls="plaintext" not in given, client_certificates="any_client" not in given, **doors),
        kafka=Kafka(tls="kafka_plaintext" not in given, **kafka),
        s3=S3(**of(bucket="s3_bucket", prefix="s3_prefix", region="region")),
        kinesis=Kinesis(**of(stream="kinesis_stream", region="region")),
        output=Output(**of(ingest_pipeline="ingest_pipeline")),
        **of(
            inputs="inputs",
            home="home",
            data="data",
            logs="logs",
            queue_bytes="queue",
            sync_every="sync_every",
        ),
    )


def logstash(config: Config, chosen: Options, out: str) -> list[File]:
    """Logstash's files for the cluster of the settings, held against what is in the folder.

    Where the settings name no store at all, it is the Elasticsearch of Logstash's machine.

    Raises:
        UsageError: the store is a folder, or an option that cannot be meant.

    """
    from mlmon.pipelines.logstash.options import Output
    from mlmon.pipelines.logstash.render import render
    from mlmon.pipelines.validate import limits

    kind, host = _cluster(USUAL_CLUSTER if names_no_store(config) else config.store.url)
    output = Output(
        kind=kind,
        hosts=(host,),
        ca=config.store.ca_file is not None,
        ingest_pipeline=chosen.output.ingest_pipeline,
    )
    options = structs.replace(
        chosen,
        output=output,
        namespace=config.store.namespace,
        limits=limits(config.collector.max_event_bytes, config.collector.max_future),
        max_batch_bytes=config.collector.max_batch_bytes,
    )
    return [_file(Path(out) / name, text) for name, text in render(options).items()]


def names_no_store(config: Config) -> bool:
    """Whether the store is the folder that is taken where nothing is said."""
    return config.store.url == StoreConfig().url


def agent(name: str, config: Config, flags: Mapping[str, Any], out: str) -> list[File]:
    """The files of an agent that reads log files: filebeat, elastic-agent, fluent-bit or vector.

    Raises:
        UsageError: an address, a key or certificates that cannot be meant.

    """
    from importlib import import_module

    from mlmon.pipelines.shippers.options import Options

    shipper = import_module(f"mlmon.pipelines.shippers.{name.replace('-', '_')}")
    options = Options(max_line_bytes=config.collector.max_event_bytes, **flags)
    return [_file(Path(out) / name, text) for name, text in shipper.render(options).items()]


def _cluster(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise UsageError(
            f"Logstash writes to a cluster, and the store is '{url}'. "
            f"Give --store with one of {', '.join(f'{scheme}://' for scheme in _SCHEMES)}; "
            "for a folder use mlmon collect."
        )
    kind, scheme = _SCHEMES[parts.scheme]
    # Logstash takes an address without a port to be at 9200; everything else of mlmon goes by the scheme.
    port = "" if re.search(r":\d*\Z", parts.netloc) else f":{_USUAL_PORTS[scheme]}"
    return kind, f"{scheme}://{parts.netloc}{port}{parts.path.rstrip('/')}"


def _file(path: Path, text: str) -> File:
    try:
        there = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        there = None
    except UnicodeDecodeError:
        there = ""
    return File(path=path, text=text, there=there)


def write(files: list[File]) -> Iterator[File]:
    """Write the files that differ; each takes its place when it is whole."""
    for file in files:
        if file.sign == "=":
            continue
        file.path.parent.mkdir(parents=True, exist_ok=True)
        new = file.path.with_name(f"{file.path.name}.new")
        new.write_text(file.text, encoding="utf-8")
        os.replace(new, file.path)  # noqa: PTH105 - the word for what happens: at once, or not at all
        yield file
