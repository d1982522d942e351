import pytest

SOUND = """
input { beats { id => "in" port => 5044 enrich => ["source_metadata"] } }
filter {
  # a comment with a } in it
  if [a][b] and [a][b] >= 1 { drop { id => "few" } }
  else if [c] == "x" and [d] =~ /\\A{/ { drop { id => "x" } }
  else { mutate { id => "m" replace => { "[e]" => "1" "f" => '2' } remove_field => ["g"] } }
}
output {
  elasticsearch {
    id => "out" hosts => ["https://es:9200"] data_stream => true action => "create" api_key => "${KEY}"
    document_id => "%{[event.id]}"
  }
}
"""


def test_a_sound_configuration_has_no_faults(lscl):
    """A configuration that Logstash would take is let through."""
    assert lscl.faults(SOUND) == []


def test_the_parser_sees_plugins_options_and_guards(lscl):
    """Every plugin is found with its options, and with the conditions that it stands behind."""
    plugins = lscl.parse(SOUND).plugins
    assert [plugin.name for plugin in plugins] == ["beats", "drop", "drop", "mutate", "elasticsearch"]
    assert plugins[3].options["replace"] == {"[e]": "1", "f": "2"}
    assert plugins[1].guards == ("[a][b] and [a][b] >= 1",)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("beats {", "beets {", "unknown plugin: input beets"),
        ("port => 5044", "port => 5044 prot => 1", "input beats has no option prot"),
        ("port => 5044", 'port => "5044"', "input beats: port must be number, and is '5044'"),
        ("port => 5044", "", "input beats lacks port"),
        ('"source_metadata"', '"sauce"', "input beats: enrich must be"),
        ("data_stream => true", 'data_stream => "yes"', "output elasticsearch: data_stream must be"),
        ("[a][b] and [a][b] >= 1", "[a][b] >= 1", "[a][b] is compared with a number and may be missing"),
        ("[a][b] and [a][b] >= 1", "[a] and [a][b] >= 1", "[a][b] is compared with a number"),
        ("[a][b] and [a][b] >= 1", "[a][b] or [a][b] >= 1", "[a][b] is compared with a number"),
        ("[a][b] and [a][b] >= 1", "1 < [a][b]", "[a][b] is compared with a number"),
        ('id => "few"', "", "filter drop has no id"),
        ('id => "few"', 'id => "x"', "the id x is given twice"),
        ("data_stream => true", 'data_stream => true index => "i"', "index together with data_stream"),
        (
            "data_stream => true",
            "data_stream => true manage_template => false",
            "manage_template together with",
        ),
        ('action => "create"', 'action => "index"', "a data stream takes action create only"),
        (
            "data_stream => true",
            "data_stream_sync_fields => true",
            "options of data streams without data_stream",
        ),
        ("https://es", "http://es", "output elasticsearch: api_key without TLS"),
        ("api_key", "ssl_enabled => false api_key", "output elasticsearch: api_key without TLS"),
        ("api_key", 'ssl_verification_mode => "none" api_key', "the certificate is not verified"),
        ("port => 5044", "port => 5044 port => 5045", "port is given twice"),
        ("port => 5044", "port 5044", "no configuration: line 2"),
        ("output {", "output ", "no configuration"),
        ("input {", "inputs {", "no configuration"),
    ],
)
def test_each_fault_is_caught(lscl, old, new, fault):
    """One change that makes the configuration wrong is found, and said in words."""
    assert old in SOUND
    assert any(fault in found for found in lscl.faults(SOUND.replace(old, new, 1)))
