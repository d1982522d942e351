"""A parser and a checker of Logstash's configuration language, as far as the rendered files use it.

The parser knows sections, plugins, conditions, and values: texts, numbers, words, lists, hashes, plugins as
codecs. The checker knows the options of the plugins that are used, with their types, as their sources declare
them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


class BadConfigError(Exception):
    """A text that is no configuration."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """One plugin with its options, where it stands."""

    section: str
    name: str
    options: dict[str, Any]
    guards: tuple[str, ...] = ()


@dataclass(frozen=True)
class Word:
    """A value without quotes: true, false, a name."""

    text: str


@dataclass(kw_only=True)
class Parsed:
    """What a configuration says."""

    plugins: list[Plugin] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)


_TOKEN = re.compile(
    r"""\s*(?:\#[^\n]*\n\s*)*(?:
    (?P<string>"[^"]*"|'[^']*')|(?P<arrow>=>)|(?P<mark>[{}\[\],])|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))
    |(?P<word>[A-Za-z_][\w\-]*)|(?P<end>\Z)|(?P<bad>.))""",
    re.VERBOSE,
)
_NEXT_BRACE = re.compile(r"""(?:"[^"]*"|'[^']*'|/(?:\\.|[^/\\])*/|[^{"'/])*""")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.parsed = Parsed()

    def peek(self) -> tuple[str, str]:
        found = _TOKEN.match(self.text, self.at)
        assert found is not None
        return str(found.lastgroup), found[str(found.lastgroup)]

    def take(self, *wanted: str) -> str:
        kind, text = self.peek()
        if kind == "bad" or (wanted and text not in wanted and kind not in wanted):
            line = self.text.count("\n", 0, self.at) + 1
            raise BadConfigError(f"line {line}: found {text!r}, wanted {' or '.join(wanted)}")
        found = _TOKEN.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return text

    def file(self) -> Parsed:
        while self.peek()[0] != "end":
            section = self.take("input", "filter", "output")
            self.take("{")
            self.block(section, ())
        return self.parsed

    def block(self, section: str, guards: tuple[str, ...]) -> None:
        while self.peek()[1] != "}":
            if self.peek()[1] in ("if", "else"):
                self.branch(section, guards)
            else:
                self.parsed.plugins.append(self.plugin(section, guards))
        self.take("}")

    def branch(self, section: str, guards: tuple[str, ...]) -> None:
        start = self.at
        word = self.take("if", "else")
        if word == "else" and self.peek()[1] == "if":
            self.take("if")
            word = "if"
        condition = ""
        if word == "if":
            found = _NEXT_BRACE.match(self.text, self.at)
            assert found is not None
            condition, self.at = found[0].strip(), found.end()
            self.parsed.conditions.append(condition)
        if self.at <= start:
            raise BadConfigError("a condition without an end")
        self.take("{")
        self.block(section, (*guards, condition or "else"))

    def plugin(self, section: str, guards: tuple[str, ...]) -> Plugin:
        name = self.take("word")
        return Plugin(section=section, name=name, options=self.options(), guards=guards)

    def options(self) -> dict[str, Any]:
        self.take("{")
        options: dict[str, Any] = {}
        while self.peek()[1] != "}":
            name = self.take("word", "string").strip("\"'")
            self.take("arrow")
            if name in options:
                raise BadConfigError(f"{name} is given twice")
            options[name] = self.value()
        self.take("}")
        return options

    def value(self) -> Any:
        kind, text = self.peek()
        match kind, text:
            case "string", _:
                return self.take()[1:-1]
            case "number", _:
                return float(self.take()) if "." in text else int(self.take())
            case "mark", "[":
                return self.list()
            case "mark", "{":
                return self.options()
        word = self.take("word")
        if self.peek()[1] == "{":
            return Plugin(section="codec", name=word, options=self.options())
        return Word(word)

    def list(self) -> list[Any]:
        self.take("[")
        values: list[Any] = []
        while self.peek()[1] != "]":
            values.append(self.value())
            if self.peek()[1] != "]":
                self.take(",")
        self.take("]")
        return values


def parse(text: str) -> Parsed:
    """Read a configuration.

    Raises:
        BadConfigError: it is none.

    """
    return _Reader(text).file()


STRING, NUMBER, BOOLEAN, LIST, HASH, CODEC = "string", "number", "boolean", "list", "hash", "codec"


def _options(of: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), of)


_EVERY = _options(STRING, "id") | _options(BOOLEAN, "enable_metric")
_INPUT = _EVERY | {"add_field": HASH, "tags": LIST, "type": STRING, "codec": CODEC}
_FILTER = (
    _EVERY
    | _options(LIST, "add_tag remove_tag remove_field")
    | {"add_field": HASH, "periodic_flush": BOOLEAN}
)
_OUTPUT = _EVERY | {"codec": CODEC, "workers": NUMBER}
_ECS = {"ecs_compatibility": ("disabled", "v1", "v8")}
_TLS = (
    _options(BOOLEAN, "ssl_enabled")
    | _options(STRING, "ssl_certificate ssl_key ssl_key_passphrase")
    | _options(LIST, "ssl_certificate_authorities ssl_cipher_suites")
    | {"ssl_client_authentication": ("none", "optional", "required")}
    | {"ssl_supported_protocols": ["TLSv1.1", "TLSv1.2", "TLSv1.3"]}
)
_CLUSTER = (
    _options(
        STRING,
        "user password document_id path bulk_path sniffing_path proxy healthcheck_path pipeline routing",
    )
    | _options(LIST, "hosts failure_type_logging_whitelist")
    | _options(HASH, "parameters custom_headers")
    | _options(
        NUMBER,
        "timeout pool_max pool_max_per_route resurrect_delay validate_after_inactivity sniffing_delay "
        "retry_initial_interval retry_max_interval retry_on_conflict",
    )
    | _options(BOOLEAN, "sniffing http_compression manage_template template_overwrite")
    | _options(STRING, "index template template_name action version routing parent join_field upsert")
)

# The options of each plugin that may be used: a type, or a tuple of the words allowed, or a list of them.
PLUGINS: dict[tuple[str, str], dict[str, Any]] = {
    ("input", "beats"): _INPUT
    | _TLS
    | _ECS
    | {"host": STRING, "port": NUMBER, "add_hostname": BOOLEAN}
    | _options(NUMBER, "client_inactivity_timeout executor_threads event_loop_threads ssl_handshake_timeout")
    | {"enrich": ["source_metadata", "codec_metadata", "ssl_peer_metadata", "none", "all"]},
    ("input", "http"): _INPUT
    | _TLS
    | _ECS
    | {"host": STRING, "port": NUMBER, "user": STRING, "password": STRING}
    | _options(NUMBER, "threads max_pending_requests max_content_length response_code ssl_handshake_timeout")
    | _options(HASH, "additional_codecs response_headers")
    | _options(STRING, "remote_host_target_field request_headers_target_field"),
    ("input", "tcp"): _INPUT
    | _TLS
    | _ECS
    | {
        "host": STRING,
        "port": NUMBER,
        "mode": ("server", "client"),
        "ssl_verification_mode": ("full", "none"),
    }
    | _options(BOOLEAN, "proxy_protocol tcp_keep_alive dns_reverse_lookup_enabled")
    | {"ssl_extra_chain_certs": LIST},
    ("input", "kafka"): _INPUT
    | {"topics": LIST, "isolation_level": ("read_uncommitted", "read_committed")}
    | {"security_protocol": ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")}
    | _options(
        STRING, "bootstrap_servers topics_pattern group_id group_instance_id client_id auto_offset_reset"
    )
    | _options(STRING, "ssl_truststore_type ssl_truststore_location ssl_truststore_password")
    | _options(STRING, "ssl_keystore_type ssl_keystore_location ssl_keystore_password ssl_key_password")
    | _options(STRING, "sasl_mechanism sasl_jaas_config ssl_endpoint_identification_algorithm")
    | _options(STRING, "key_deserializer_class value_deserializer_class")
    | _options(NUMBER, "consumer_threads max_partition_fetch_bytes max_poll_records fetch_max_bytes")
    | _options(NUMBER, "auto_commit_interval_ms poll_timeout_ms session_timeout_ms max_poll_interval_ms")
    | _options(BOOLEAN, "enable_auto_commit check_crcs"),
    ("input", "s3"): _INPUT
    | _ECS
    | _options(STRING, "bucket prefix region sincedb_path exclude_pattern temporary_directory gzip_pattern")
    | _options(STRING, "access_key_id secret_access_key session_token role_arn endpoint backup_to_bucket")
    | {"interval": NUMBER}
    | _options(BOOLEAN, "watch_for_new_files delete include_object_properties")
    | {"additional_settings": HASH},
    ("input", "kinesis"): _INPUT
    | _options(STRING, "kinesis_stream_name application_name region profile role_arn role_session_name")
    | {"initial_position_in_stream": ("TRIM_HORIZON", "LATEST"), "checkpoint_interval_seconds": NUMBER}
    | {
        "metrics": ("cloudwatch",),
        "additional_settings": HASH,
        "http_proxy": STRING,
        "non_proxy_hosts": STRING,
    },
    ("input", "dead_letter_queue"): _INPUT
    | _options(STRING, "path pipeline_id sincedb_path start_timestamp")
    | _options(BOOLEAN, "commit_offsets clean_consumed"),
    ("filter", "drop"): _FILTER | {"percentage": NUMBER},
    ("filter", "ruby"): _FILTER
    | _options(STRING, "path code init tag_on_exception")
    | {"script_params": HASH},
    ("filter", "mutate"): _FILTER
    | _options(HASH, "replace rename update copy convert gsub split join merge coerce")
    | _options(LIST, "lowercase uppercase capitalize strip"),
    ("filter", "fingerprint"): _FILTER
    | _ECS
    | {"source": LIST, "target": STRING, "key": STRING, "base64encode": BOOLEAN}
    | {"method": ("SHA1", "SHA256", "SHA384", "SHA512", "MD5", "MURMUR3", "UUID", "PUNCTUATION")}
    | _options(BOOLEAN, "concatenate_sources concatenate_all_fields"),
    ("output", "elasticsearch"): _OUTPUT
    | _CLUSTER
    | _ECS
    | _options(STRING, "api_key cloud_id cloud_auth ca_trusted_fingerprint")
    | _options(STRING, "ssl_certificate ssl_key ssl_truststore_path ssl_keystore_path")
    | _options(LIST, "ssl_certificate_authorities silence_errors_in_log dlq_custom_codes")
    | {"ssl_enabled": BOOLEAN, "ssl_verification_mode": ("full", "none"), "compression_level": NUMBER}
    | {
        "data_stream": ("true", "false", "auto"),
        "data_stream_type": ("logs", "metrics", "synthetics", "traces"),
    }
    | _options(STRING, "data_stream_dataset data_stream_namespace")
    | _options(BOOLEAN, "data_stream_sync_fields data_stream_auto_routing ilm_enabled")
    | {"dlq_on_failed_indexname_interpolation": BOOLEAN},
    ("output", "opensearch"): _OUTPUT
    | _CLUSTER
    | _ECS
    | _options(BOOLEAN, "ssl ssl_certificate_verification legacy_template")
    | _options(STRING, "cacert truststore keystore")
    | {"auth_type": HASH},
    ("codec", "plain"): _options(STRING, "charset format") | _ECS,
    ("codec", "line"): _options(STRING, "charset format delimiter") | _ECS,
    ("codec", "json_lines"): _options(STRING, "charset delimiter target")
    | {"decode_size_limit_bytes": NUMBER}
    | _ECS,
}
REQUIRED = {
    ("input", "beats"): ("port",),
    ("input", "tcp"): ("port",),
    ("input", "s3"): ("bucket",),
    ("input", "kinesis"): ("kinesis_stream_name",),
    ("input", "dead_letter_queue"): ("path",),
}
# What the output takes beside the options of a cluster, where it writes to a data stream.
_NOT_WITH_STREAMS = {
    "index", "template", "template_name", "template_overwrite", "manage_template", "ilm_enabled", "version",
    "parent", "join_field", "upsert", "retry_on_conflict",
}  # fmt: skip
_NUMERIC = re.compile(
    r"(\[[^\s=<>!]+\])\s*(?:<=|>=|<|>)\s*-?\d|-?\d+(?:\.\d+)?\s*(?:<=|>=|<|>)\s*(\[[^\s=<>!]+\])"
)


def faults(text: str) -> list[str]:
    """Everything that is wrong with a configuration, in words; nothing where it is right."""
    try:
        parsed = parse(text)
    except BadConfigError as error:
        return [f"no configuration: {error}"]
    found = [fault for plugin in parsed.plugins for fault in _of_plugin(plugin)]
    ids = [plugin.options.get("id") for plugin in parsed.plugins]
    found += [
        f"the id {each} is given twice" for each in {each for each in ids if each and ids.count(each) > 1}
    ]
    return found + [fault for condition in parsed.conditions for fault in _of_condition(condition)]


def _of_plugin(plugin: Plugin) -> Iterator[str]:
    at = f"{plugin.section} {plugin.name}"
    known = PLUGINS.get((plugin.section, plugin.name))
    if known is None:
        yield f"unknown plugin: {at}"
        return
    if plugin.section != "codec" and not plugin.options.get("id"):
        yield f"{at} has no id"
    for name in REQUIRED.get((plugin.section, plugin.name), ()):
        if name not in plugin.options:
            yield f"{at} lacks {name}"
    for name, value in plugin.options.items():
        if name not in known:
            yield f"{at} has no option {name}"
        elif not _fits(value, known[name]):
            yield f"{at}: {name} must be {known[name]}, and is {value!r}"
        if isinstance(value, Plugin):
            yield from _of_plugin(value)
    if plugin.section == "output":
        yield from _of_output(at, plugin.options)


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return (value.text if isinstance(value, Word) else value) in kind
    if isinstance(kind, list):
        return all(each in kind for each in (value if isinstance(value, list) else [value]))
    if kind == BOOLEAN:
        return isinstance(value, Word) and value.text in ("true", "false")
    return isinstance(value, _PYTHON[kind])


_PYTHON = {STRING: str, NUMBER: int | float, LIST: list | str, HASH: dict, CODEC: Plugin | Word}


def _of_output(at: str, options: dict[str, Any]) -> Iterator[str]:
    is_stream = _fits(options.get("data_stream"), ("true",))
    if is_stream:
        yield from (
            f"{at}: {name} together with data_stream" for name in options if name in _NOT_WITH_STREAMS
        )
        if options.get("action", "create") != "create":
            yield f"{at}: a data stream takes action create only"
        if options.get("ecs_compatibility") == "disabled":
            yield f"{at}: a data stream needs ecs_compatibility"
    elif any(name.startswith("data_stream_") for name in options):
        yield f"{at}: options of data streams without data_stream"
    hosts = options.get("hosts", [])
    has_tls = all(host.startswith("https://") for host in (hosts if isinstance(hosts, list) else [hosts]))
    is_off = any(
        _fits(options.get(name), ("false",))
        for name in ("ssl", "ssl_enabled", "ssl_certificate_verification")
    )
    if (not has_tls or is_off) and (
        secret := next((it for it in ("api_key", "password") if it in options), None)
    ):
        yield f"{at}: {secret} without TLS"
    if options.get("ssl_verification_mode") == "none":
        yield f"{at}: the certificate is not verified"


def _of_condition(condition: str) -> Iterator[str]:
    """A number is compared with a field only after `and`, behind the field itself."""
    for found in _NUMERIC.finditer(condition):
        name = found[1] or found[2]
        before = re.split(r"\bor\b", condition[: found.start()])[-1]
        if re.search(rf"(?:^|\band\b|\()\s*{re.escape(name)}\s*\)?\s*and\b", before) is None:
            yield f"{name} is compared with a number and may be missing: {condition}"
