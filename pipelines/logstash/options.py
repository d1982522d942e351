"""What may be chosen of Logstash's pipelines, and what cannot be meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct, structs

from mlmon.core.errors import UsageError, nearest
from mlmon.pipelines.validate import Limits

INPUTS: Final = ("beats", "http", "tcp", "kafka", "s3", "kinesis")
DOORS: Final = ("beats", "http", "tcp")
ALWAYS: Final = "dead_letter_queue"
"""An input that a pipeline of its own has, whatever is chosen; so it may be chosen, and nothing changes."""
MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
OUTPUTS: Final = ("elasticsearch", "opensearch")
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_NAMESPACE: Final = re.compile(r"[a-z0-9][a-z0-9_.]{0,99}")
_SIZE: Final = re.compile(r"[1-9][0-9]*(?:kb|mb|gb)")
_PATH: Final = re.compile(r"/[^\s\"'$]*")
_HOST: Final = re.compile(r"[\w.:%-]+", re.ASCII)
_BROKERS: Final = re.compile(
    r"(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}(?:,(?:[\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5})*", re.ASCII
)
_TOPIC: Final = re.compile(r"[\w.-]{1,249}", re.ASCII)
_BUCKET: Final = re.compile(r"[\w.-]{3,255}", re.ASCII)
_STREAM: Final = re.compile(r"[\w.-]{1,128}", re.ASCII)
_REGION: Final = re.compile(r"[a-z0-9-]+")


class Doors(Struct, frozen=True, kw_only=True):
    """Where senders come in. Beyond this machine there is TLS, and each client shows a certificate."""

    host: str = "0.0.0.0"  # noqa: S104 - with TLS and certificates of clients; `checked` sees to it
    beats_port: int = 5044
    http_port: int = 8080
    tcp_port: int = 5960
    tls: bool = True
    client_certificates: bool = True


class Kafka(Struct, frozen=True, kw_only=True):
    """Topics whose records are one event each. `sasl` is how a user shows a password, or empty."""

    servers: str = "localhost:9092"
    topics: tuple[str, ...] = ("mlmon",)
    group: str = "mlmon-logstash"
    tls: bool = True
    sasl: str = ""

    @property
    def login_module(self) -> str:
        """The class of Kafka's client that shows the user and the password."""
        kind = "plain.Plain" if self.sasl == "PLAIN" else "scram.Scram"
        return f"org.apache.kafka.common.security.{kind}LoginModule"


class S3(Struct, frozen=True, kw_only=True):
    """Files of lines, plain or gzip, below a prefix of a bucket."""

    bucket: str = ""
    prefix: str = ""
    region: str = "us-east-1"


class Kinesis(Struct, frozen=True, kw_only=True):
    """A stream whose records are one event each."""

    stream: str = ""
    application: str = "mlmon-logstash"
    region: str = "us-east-1"


class Output(Struct, frozen=True, kw_only=True):
    """The cluster. `ca` says that its certificate is signed by an authority of one's own."""

    kind: str = "elasticsearch"
    hosts: tuple[str, ...] = ("https://localhost:9200",)
    ca: bool = True
    ingest_pipeline: str = ""

    @property
    def tls(self) -> bool:
        """Whether the cluster is spoken to over TLS; only then is a secret sent."""
        return all(urlsplit(host).scheme == "https" for host in self.hosts)

    @property
    def routes_itself(self) -> str:
        """`true` where the output finds the data stream in the event, as LSCL writes it."""
        return "true" if self.kind == "elasticsearch" else "false"

    @property
    def hard_names(self) -> str:
        """Which members' names the cluster refuses: `blank` ones, and OpenSearch `dotted` ones too."""
        return "blank" if self.kind == "elasticsearch" else "dotted"


class Options(Struct, frozen=True, kw_only=True):
    """Everything that is rendered. `home`, `data` and `logs` are folders of Logstash's machine."""

    inputs: tuple[str, ...] = ("beats", "http")
    doors: Doors = Doors()
    kafka: Kafka = Kafka()
    s3: S3 = S3()
    kinesis: Kinesis = Kinesis()
    output: Output = Output()
    namespace: str = "default"
    home: str = "/etc/logstash/mlmon"
    data: str = "/var/lib/logstash"
    logs: str = "/var/log/logstash"
    limits: Limits = Limits()
    max_batch_bytes: int = 64 << 20
    queue_bytes: str = "4gb"
    sync_every: int = 1024
    dead_letter_bytes: str = "1gb"
    api_port: int = 9600


def checked(options: Options) -> Options:
    """The same, where it can be meant; an input that is named twice is there once.

    Raises:
        UsageError: a name that is not known, a door without TLS beyond this machine, a cluster without TLS
            beyond it, two doors at one port, a bucket or stream that is missing or that no input reads, a
            name, address, size or folder in another form.

    """
    options = structs.replace(
        options, inputs=tuple(dict.fromkeys(name for name in options.inputs if name != ALWAYS))
    )
    if not options.inputs:
        raise UsageError(f"A pipeline needs at least one input. Choose of {', '.join(INPUTS)}.")
    _check_names("input", options.inputs, INPUTS)
    _check_names("output", (options.output.kind,), OUTPUTS)
    _check_form("namespace", options.namespace, _NAMESPACE, "small letters, digits, '.' and '_'")
    for name in ("home", "data", "logs"):
        _check_form(name, getattr(options, name), _PATH, "a whole path, without blanks or quotes")
    _check_form("size of the queue", options.queue_bytes, _SIZE, "one such as 4gb")
    _check_form("size of the dead letters", options.dead_letter_bytes, _SIZE, "one such as 1gb")
    _check_doors(options)
    _check_ports(options)
    _check_cluster(options.output)
    _check_sources(options)
    return options


def _check_names(what: str, names: Iterable[str], allowed: tuple[str, ...]) -> None:
    for name in names:
        if name not in allowed:
            raise UsageError(
                f"'{name}' is no {what} that can be rendered. Choose of {', '.join(allowed)}."
                f"{nearest(name, allowed)}"
            )


def _check_form(name: str, value: str, form: re.Pattern[str], words: str) -> None:
    if form.fullmatch(value) is None:
        raise UsageError(f"'{value}' cannot be the {name}. Give {words}.")


def _check_sources(options: Options) -> None:
    """What is fetched needs a name to be fetched by, and a name needs an input that fetches."""
    for name, given, usual in (
        ("kafka", options.kafka, Kafka()),
        ("s3", structs.replace(options.s3, region=S3().region), S3()),
        ("kinesis", options.kinesis.stream, Kinesis().stream),
    ):
        if name not in options.inputs and given != usual:
            raise UsageError(
                f"The options of {name} would change nothing: there is no input {name}. Add --input {name}."
            )
    if "kafka" in options.inputs:
        _check_form("brokers", options.kafka.servers, _BROKERS, "host:port, and more of them with commas")
        for topic in options.kafka.topics:
            _check_form("topic", topic, _TOPIC, "letters, digits, '.', '_' and '-'")
        _check_sasl(options.kafka)
    if "s3" in options.inputs:
        if not options.s3.bucket:
            raise UsageError("The input s3 needs the name of a bucket. Give --s3-bucket NAME.")
        _check_form("bucket", options.s3.bucket, _BUCKET, "its name alone, without s3://")
        _check_form("region", options.s3.region, _REGION, "one such as us-east-1")
    if "kinesis" in options.inputs:
        if not options.kinesis.stream:
            raise UsageError("The input kinesis needs the name of a stream. Give --kinesis-stream NAME.")
        _check_form("stream", options.kinesis.stream, _STREAM, "its name alone")
        _check_form("region", options.kinesis.region, _REGION, "one such as us-east-1")


def _check_sasl(kafka: Kafka) -> None:
    if not kafka.sasl:
        return
    _check_names("mechanism of Kafka", (kafka.sasl,), MECHANISMS)
    if not kafka.tls:
        raise UsageError(
            "The password of Kafka's user would go there in clear text. Leave --kafka-plaintext away."
        )


def _check_ports(options: Options) -> None:
    taken = {options.api_port: "Logstash's own counters"}
    for name, port in _ports(options):
        if port in taken:
            raise UsageError(
                f"Port {port} is wanted by {taken[port]} and by the input {name}. Give --{name}-port another."
            )
        taken[port] = f"the input {name}"


def _ports(options: Options) -> Iterator[tuple[str, int]]:
    for name in options.inputs:
        if name in DOORS:
            yield name, getattr(options.doors, f"{name}_port")


def _check_doors(options: Options) -> None:
    doors = options.doors
    _check_form("host", doors.host, _HOST, "a name or an address to listen at")
    is_open = any(name in DOORS for name in options.inputs) and doors.host not in LOOPBACK
    if is_open and not doors.tls:
        raise UsageError(
            f"Doors on {doors.host} without TLS would show every event to the network. "
            "Leave --plaintext away, or give --host 127.0.0.1."
        )


def _check_cluster(output: Output) -> None:
    for host in output.hosts:
        parts = urlsplit(host)
        if parts.scheme not in ("http", "https") or not _is_address(host):
            raise UsageError(
                f"'{host}' is no address of a cluster. Give one such as https://es.example:9200."
            )
        if parts.username is not None:
            raise UsageError(
                f"The address of {parts.hostname} has a user in it, and files would show it. Put the secret "
                "into Logstash's keystore; see docs/logstash.md."
            )
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise UsageError(
                f"{host} would be spoken to in clear text, and no secret may go that way. Use https://."
            )
    if len({urlsplit(host).scheme for host in output.hosts}) > 1:
        raise UsageError("Some addresses of the cluster are https and some http. Use https:// for all.")


def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and port != 0 and re.fullmatch(r"[^\s\"'${},]+", url) is not None
