import json

FILE = """
page: {port: 8081}
events:
  - {name: Christmas, dates: [2013-12-24, 2013-12-25], yearly: true}
  - {name: spring sale, start: 2013-04-02T06:00, end: 2013-04-09}
models:
  m:
    positive_label: late
    expect:
      temp: {type: number, low: -40, missing: 0.0}
      origin: {categories: [EWR, JFK]}
"""


def test_origins(run, empty, monkeypatch, golden):
    """Each setting is shown with where it comes from: a flag, a variable, the file, or the default."""
    (empty.parent / "mlmon.yaml").write_text(FILE)
    monkeypatch.setenv("MLMON_ANALYZE_EVERY", "5m")
    shown = run("config", "--store", "elsewhere")
    golden("cli/tables/config.txt", shown.stdout)


def test_json(run, empty):
    """JSON gives key, value, origin and variable."""
    rows = {row["key"]: row for row in json.loads(run("config", "--format", "json").stdout)}
    assert rows["page.port"] == {
        "key": "page.port", "value": 8080, "from": "default", "variable": "MLMON_PAGE_PORT",
    }  # fmt: skip


def test_another_file(run, empty):
    """--config names the file, and a key that is not known is wrong usage."""
    (empty.parent / "other.yaml").write_text("page: {prot: 1}\n")
    shown = run("config", "--config", "other.yaml")
    assert shown.exit_code == 2
    assert "Did you mean 'port'?" in shown.stderr
