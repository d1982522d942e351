import pytest

STORE = ("--store", "elasticsearch+https://es.example:9200")
RENDER = ("pipeline", "render", "logstash", *STORE, "--out", "made")
FILES = {"deadletter.conf", "logstash.yml", "mlmon.conf", "mlmon.rb", "pipelines.yml", "rules.json"}


@pytest.fixture
def made(empty):
    """Give the folder that is rendered into, beside an empty store."""
    return empty.parent / "made"


def test_the_files_are_written_and_named(run, made):
    """Every file is written, and said with a plus."""
    shown = run(*RENDER)
    assert shown.exit_code == 0
    assert {path.name for path in made.iterdir()} == FILES
    assert {line.removeprefix("+ made/") for line in shown.stdout.splitlines()} == FILES
    assert "6 files written" in shown.stderr


def test_a_second_time_touches_nothing(run, made):
    """Files that are as they should be are left alone, and so are others in the folder."""
    run(*RENDER)
    (made / "mine.conf").write_text("# mine\n")
    before = {path: path.stat().st_mtime_ns for path in made.iterdir()}
    shown = run(*RENDER)
    assert shown.stdout == ""
    assert "0 files written, 6 are as they should be" in shown.stderr
    assert {path: path.stat().st_mtime_ns for path in made.iterdir()} == before


def test_without_a_cluster_it_is_that_of_the_machine(run, made):
    """The command with nothing but a folder renders for a local Elasticsearch, and says so."""
    shown = run("pipeline", "render", "logstash", "--out", "made")
    assert shown.exit_code == 0
    assert "No cluster was named" in shown.stderr
    assert 'hosts => ["https://localhost:9200"]' in (made / "mlmon.conf").read_text()


def test_a_fingerprint_is_said_to_be_of_no_use(run, empty):
    """Logstash believes authorities, so who goes by a fingerprint is told what to name in its place."""
    (empty.parent / "mlmon.yaml").write_text(f"store: {{fingerprint: {'ab' * 32}}}\n")
    assert "cannot go by store.fingerprint" in run(*RENDER).stderr
    (empty.parent / "mlmon.yaml").write_text(f"store: {{fingerprint: {'ab' * 32}, ca_file: ca.pem}}\n")
    assert "fingerprint" not in run(*RENDER).stderr


def test_a_dry_run_shows_the_difference_and_writes_nothing(run, made):
    """A changed file is shown as a diff; nothing is made or changed."""
    assert run(*RENDER, "--dry-run").stdout.count("+ made/") == 6
    assert not made.exists()
    run(*RENDER)
    text = (made / "pipelines.yml").read_text()
    (made / "pipelines.yml").write_text(text.replace("4gb", "1gb"))
    shown = run(*RENDER, "--dry-run").stdout
    assert "~ made/pipelines.yml" in shown
    assert "-  queue.max_bytes: 1gb" in shown
    assert "+  queue.max_bytes: 4gb" in shown
    assert "1gb" in (made / "pipelines.yml").read_text()


def test_settings_and_flags_are_in_the_files(run, empty, made):
    """The limits, the namespace and the authority are the settings', the rest is the flags'."""
    (empty.parent / "mlmon.yaml").write_text(
        "store: {namespace: shop, ca_file: ca.pem}\ncollector: {max_event_bytes: 1000}\n"
    )
    flags = (
        "--input",
        "http",
        "--input",
        "kafka",
        "--kafka-topic",
        "a",
        "--kafka-topic",
        "b",
        "--any-client",
    )
    assert run(*RENDER, *flags, "--http-port", "8443", "--kafka-servers", "k:9093").exit_code == 0
    pipeline = (made / "mlmon.conf").read_text()
    for part in ('topics => ["a", "b"]', '"k:9093"', "port => 8443", 'ssl_client_authentication => "none"'):
        assert part in pipeline
    assert "cluster-ca.pem" in pipeline
    assert "beats {" not in pipeline
    assert '"namespace": "shop"' in (made / "rules.json").read_text()
    assert '"max_event_bytes": 1000' in (made / "rules.json").read_text()


@pytest.mark.parametrize(
    ("store", "host"),
    [
        ("elasticsearch+https://es.example", "https://es.example:443"),
        ("elasticsearch+https://es.example/logs", "https://es.example:443/logs"),
        ("elasticsearch://127.0.0.1", "http://127.0.0.1:80"),
        ("elasticsearch+https://[::1]", "https://[::1]:443"),
        ("elasticsearch+https://[::1]:9200", "https://[::1]:9200"),
    ],
)
def test_logstash_goes_to_the_port_that_mlmon_goes_to(run, made, store, host):
    """An address without a port is that of its scheme, for Logstash too, which would take 9200."""
    assert run("pipeline", "render", "logstash", "--store", store, "--out", "made").exit_code == 0
    assert f'hosts => ["{host}"]' in (made / "mlmon.conf").read_text()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--store", "folder", "--out", "made"), "Logstash writes to a cluster"),
        ((*STORE, "--out", "made", "--input", "beets"), "Did you mean 'beats'?"),
        ((*STORE, "--out", "made", "--plaintext"), "without TLS would show every event"),
        (("--store", "elasticsearch://es.example:9200", "--out", "made"), "Use https://"),
        ((*STORE, "--out", "made", "--sync-every", "0"), "--sync-every"),
        ((*STORE, "--out", "made", "--kafka-topic", "a"), "Add --input kafka."),
        (("--store", "elasticsearch+https://es.example:99999", "--out", "made"), "is no address"),
        (STORE, "--out"),
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(run, made, arguments, told):
    """Wrong usage ends with 2, says what to do, and leaves no file."""
    shown = run("pipeline", "render", "logstash", *arguments)
    assert (shown.exit_code, told in shown.stderr) == (2, True)
    assert not made.exists()
