import json
import re

import msgspec
import pytest
import yaml

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.pipelines.logstash import options as chosen
from mlmon.pipelines.logstash.options import Doors, Kafka, Kinesis, Options, Output
from mlmon.pipelines.logstash.render import quoted, render
from mlmon.pipelines.validate import Limits

EVERYTHING = Options(
    inputs=chosen.INPUTS,
    s3=chosen.S3(bucket="events", prefix="flights/"),
    kinesis=Kinesis(stream="events"),
    namespace="shop",
)
VARIANTS = {
    "usual": Options(),
    "everything": EVERYTHING,
    "opensearch": Options(output=Output(kind="opensearch", hosts=("https://a:9200", "https://b:9200"))),
    "loopback": Options(
        inputs=("beats", "http", "tcp", "kafka"),
        doors=Doors(host="127.0.0.1", tls=False),
        kafka=Kafka(tls=False),
        output=Output(hosts=("http://127.0.0.1:9200",), ca=False, ingest_pipeline="mine"),
    ),
    "opensearch-loopback": Options(
        output=Output(kind="opensearch", hosts=("http://localhost:9200",), ca=False, ingest_pipeline="mine")
    ),
    "kafka-with-a-user": Options(inputs=("kafka",), kafka=Kafka(servers="k:9093", sasl="SCRAM-SHA-512")),
    "without-client-certificates": Options(doors=Doors(client_certificates=False)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_rendered_is_sound(lscl, name):
    """Each pipeline is a configuration of known plugins and options, with ids, and without a trap."""
    files = render(VARIANTS[name])
    assert {file: lscl.faults(files[file]) for file in files if file.endswith(".conf")} == {
        "mlmon.conf": [], "deadletter.conf": []
    }  # fmt: skip


@pytest.mark.parametrize("name", ["usual", "everything", "opensearch"])
def test_what_is_rendered_is_as_it_was(golden, name):
    """The files change only when the schema or the templates do, and then somebody reads the difference."""
    for file, text in render(VARIANTS[name]).items():
        if file.endswith((".conf", ".yml")) or (file == "rules.json" and name == "usual"):
            golden(f"logstash/{name}/{file}", text)


def test_every_field_of_the_schema_is_in_the_rules():
    """A field that is new in the schema is checked by the filter without anybody's doing."""
    table = msgspec.json.decode(render(Options())["rules.json"])
    for dataset in (*schema.LOGGED, schema.Dataset.HEALTH):
        names = {field.name for field in schema.fields_of(dataset)} - {schema.EVENT_DATASET}
        assert set(table["fields"][dataset]) == names
    assert set(table["known"]) == set(schema.FIELDS)


def test_a_pipeline_changes_with_the_rules_that_it_reads():
    """Logstash reloads a pipeline whose text changed, so it changes with its rules alone, and comes last."""
    usual, other = (render(Options(limits=Limits(max_event_bytes=size))) for size in (1 << 20, 4 << 20))
    for name in ("mlmon.conf", "deadletter.conf"):
        assert usual[name] != other[name], name
        assert list(usual).index(name) > max(map(list(usual).index, ("mlmon.rb", "rules.json")))
    assert render(Options()) == render(Options())


def test_every_input_marks_what_it_brings(lscl):
    """Each input says whether it brings text or fields, which is what the filter goes by."""
    plugins = [it for it in lscl.parse(render(EVERYTHING)["mlmon.conf"]).plugins if it.section == "input"]
    forms = {plugin.name: plugin.options["add_field"]["[@metadata][mlmon][form]"] for plugin in plugins}
    assert forms == {
        "beats": "fields", "http": "text", "tcp": "fields", "kafka": "text", "s3": "text", "kinesis": "text"
    }  # fmt: skip


def test_every_door_beyond_this_machine_asks_for_a_certificate(lscl):
    """By default a door has TLS and takes only clients that show a certificate."""
    doors = [it for it in lscl.parse(render(EVERYTHING)["mlmon.conf"]).plugins if it.name in chosen.DOORS]
    assert len(doors) == 3
    for door in doors:
        assert door.options["ssl_enabled"].text == "true"
        assert door.options["ssl_client_authentication"] == "required"


def test_no_secret_is_in_a_file():
    """What opens the cluster stands in Logstash's keystore, and the files name it only."""
    for name in ("usual", "opensearch"):
        text = "".join(render(VARIANTS[name]).values())
        for word in ("api_key =>", "password =>"):
            assert all(
                line.split("=>")[1].strip().startswith('"${MLMON_')
                for line in text.splitlines()
                if word in line
            )


@pytest.mark.parametrize(
    ("mechanism", "module"), [("PLAIN", "plain.Plain"), ("SCRAM-SHA-256", "scram.Scram")]
)
def test_the_user_of_kafka_stands_in_the_keystore(lscl, mechanism, module):
    """The brokers are shown a user over TLS, and name and password are Logstash's to put in."""
    text = render(Options(inputs=("kafka",), kafka=Kafka(sasl=mechanism)))["mlmon.conf"]
    [kafka] = [it for it in lscl.parse(text).plugins if it.name == "kafka"]
    assert (kafka.options["security_protocol"], kafka.options["sasl_mechanism"]) == ("SASL_SSL", mechanism)
    assert kafka.options["sasl_jaas_config"] == (
        f"org.apache.kafka.common.security.{module}LoginModule required "
        'username="${MLMON_LOGSTASH_KAFKA_USER}" password="${MLMON_LOGSTASH_KAFKA_PASSWORD}";'
    )


def test_the_tcp_input_warns():
    """Whoever reads the pipeline learns that tcp can lose events."""
    assert "WARNING: this wire has no acknowledgement" in render(EVERYTHING)["mlmon.conf"]


def test_the_settings_keep_what_waits_on_disk():
    """The queue is on disk, what the cluster refuses is kept, and nothing is left out of a stop."""
    files = render(Options(queue_bytes="8gb", sync_every=1))
    main, letters = yaml.safe_load(files["pipelines.yml"])
    assert main["queue.type"] == letters["queue.type"] == "persisted"
    assert (main["queue.max_bytes"], main["queue.checkpoint.writes"]) == ("8gb", 1)
    assert main["dead_letter_queue.enable"] is True
    assert letters["dead_letter_queue.enable"] is False
    settings = yaml.safe_load(files["logstash.yml"])
    assert settings["pipeline.unsafe_shutdown"] is False
    assert settings["path.dead_letter_queue"] in files["deadletter.conf"]


def test_the_rules_are_those_of_the_namespace():
    """An event without a namespace goes to the one that was asked for."""
    assert json.loads(render(EVERYTHING)["rules.json"])["namespace"] == "shop"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Options(inputs=("beets",)), "Did you mean 'beats'"),
        (Options(output=Output(kind="solr")), "elasticsearch, opensearch"),
        (Options(namespace="a-b"), "cannot be the namespace"),
        (Options(home="relative"), "cannot be the home"),
        (Options(home='/etc/"x'), "cannot be the home"),
        (Options(queue_bytes="many"), "such as 4gb"),
        (Options(doors=Doors(tls=False)), "without TLS would show every event"),
        (Options(output=Output(hosts=("http://es:9200",))), "clear text"),
        (Options(output=Output(hosts=("https://es:9200", "http://localhost:9200"))), "Use https:// for all"),
        (Options(output=Output(hosts=("https://me:secret@es:9200",))), "has a user in it"),
        (Options(output=Output(hosts=("es",))), "is no address"),
        (Options(inputs=("s3",)), "--s3-bucket"),
        (Options(inputs=("kinesis",)), "--kinesis-stream"),
        (Options(inputs=()), "at least one input"),
        (Options(output=Output(hosts=("https://es:99999",))), "is no address"),
        (Options(output=Output(hosts=("https://a:9200,b:9200",))), "is no address"),
        (Options(output=Output(hosts=("https://es:9200/a b",))), "is no address"),
        (Options(doors=Doors(host="a b")), "cannot be the host"),
        (Options(doors=Doors(beats_port=8080)), "wanted by the input beats and by the input http"),
        (Options(doors=Doors(http_port=9600)), "wanted by Logstash's own counters and by the input http"),
        (Options(inputs=("kafka",), kafka=Kafka(servers="kafka")), "'kafka' cannot be the brokers"),
        (Options(inputs=("kafka",), kafka=Kafka(servers="")), "'' cannot be the brokers"),
        (Options(inputs=("kafka",), kafka=Kafka(topics=("a b",))), "'a b' cannot be the topic"),
        (Options(inputs=("kafka",), kafka=Kafka(sasl="GSSAPI")), "no mechanism of Kafka"),
        (Options(inputs=("kafka",), kafka=Kafka(sasl="PLAIN", tls=False)), "in clear text"),
        (Options(inputs=("s3",), s3=chosen.S3(bucket="s3://events")), "without s3://"),
        (Options(inputs=("s3",), s3=chosen.S3(bucket="events", prefix="${HOME}")), "a variable's value"),
        (Options(inputs=("kinesis",), kinesis=Kinesis(stream="events", region="US East")), "us-east-1"),
        (Options(kafka=Kafka(topics=("events",))), "Add --input kafka"),
        (Options(kafka=Kafka(tls=False)), "Add --input kafka"),
        (Options(s3=chosen.S3(bucket="events")), "Add --input s3"),
        (Options(kinesis=Kinesis(stream="events")), "Add --input kinesis"),
    ],
)
def test_what_cannot_be_meant_is_refused(wrong, told):
    """Options that would be unsafe or wrong are refused in words, and nothing is rendered."""
    with pytest.raises(UsageError, match=re.escape(told)):
        render(wrong)


def test_an_input_that_is_named_twice_is_there_once(lscl):
    """Two of a kind would listen at one port, and Logstash would not start."""
    files = render(Options(inputs=("beats", "http", "beats")))
    assert lscl.faults(files["mlmon.conf"]) == []
    assert files["mlmon.conf"].count("mlmon_in_beats") == 1


def test_the_dead_letter_queue_is_read_whether_it_is_named_or_not():
    """What the cluster refuses is read by a pipeline of its own, so to name that input changes nothing."""
    assert render(Options(inputs=("beats", "dead_letter_queue"))) == render(Options(inputs=("beats",)))
    with pytest.raises(UsageError, match="at least one input"):
        render(Options(inputs=("dead_letter_queue",)))


@pytest.mark.parametrize("servers", ["kafka:9092", "a:1,b.example.org:2", "[::1]:9092"])
def test_brokers_may_be_many(lscl, servers):
    """Names and addresses of brokers, with commas between them, come into the file as they are."""
    text = render(Options(inputs=("kafka",), kafka=Kafka(servers=servers)))["mlmon.conf"]
    assert f'bootstrap_servers => "{servers}"' in text


def test_a_value_that_logstash_cannot_write_is_refused():
    """Logstash's language knows no escapes, so a text with both kinds of quotes has no form in it."""
    assert quoted('say "hi"') == "'say \"hi\"'"
    for text in ("'\"", "a\nb"):
        with pytest.raises(UsageError, match="cannot be written"):
            quoted(text)
