import copy
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from mlmon.cli.main import cli
from mlmon.core.settings import load

SCHEMA = Path("check_jsonschema", "builtin_schemas", "vendor", "compose-spec.json")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[-?][^}]*)?\}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|ENCRYPTIONKEY|COOKIE|_KEY$")
PINNED = re.compile(r"[\w./-]+:\d+\.\d+\.\d+(-[\w.]+)?(@sha256:[0-9a-f]{64})?")
GIBIBYTE = 1 << 30
UNITS = {"m": 1 << 20, "g": GIBIBYTE}

Compose = dict[str, Any]


@pytest.fixture(scope="module")
def compose(root: Path) -> Compose:
    """Give docker-compose.yml as data."""
    found: Compose = yaml.safe_load((root / "docker-compose.yml").read_text())
    return found


def _services(compose: Compose) -> Iterator[tuple[str, Compose]]:
    yield from compose["services"].items()


def against_the_schema(compose: Compose) -> list[str]:
    """What the specification's own schema has against it."""
    schema = json.loads(Path(sysconfig.get_path("purelib"), SCHEMA).read_text())
    validator = jsonschema.Draft202012Validator(schema)
    return [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(compose)]


def dependencies(compose: Compose) -> Iterator[str]:
    """Waits for what is not there, has no sign of health, or never ends."""
    for name, service in _services(compose):
        waits = service.get("depends_on", {})
        if isinstance(waits, list):
            yield f"{name} does not say what it waits for in {waits}"
            continue
        for other, how in waits.items():
            target = compose["services"].get(other)
            if target is None:
                yield f"{name} waits for {other}, which is no service"
            elif how["condition"] == "service_healthy" and "healthcheck" not in target:
                yield f"{name} waits for the health of {other}, which has no check"
            elif how["condition"] == "service_completed_successfully" and target.get("restart") != "no":
                yield f"{name} waits for the end of {other}, which starts again"
            elif how["condition"] == "service_started":
                yield f"{name} waits only until {other} was started"
            elif how.get("required", True) and not _runs_with(service, target):
                yield f"{name} waits for {other}, which another profile has"


def _runs_with(service: Compose, target: Compose) -> bool:
    """Whether a service is there whenever another is; the demo's profile goes with Elasticsearch's."""
    profiles = set(target.get("profiles", []))
    own = {"elasticsearch" if name == "demo" else name for name in service.get("profiles", [])}
    return not profiles or bool(own and own <= profiles)


def declarations(compose: Compose) -> Iterator[str]:
    """Volumes, configs, secrets and networks that are declared and not used, or used and not declared."""
    used: dict[str, set[str]] = {"volumes": set(), "configs": set(), "secrets": set(), "networks": set()}
    for _, service in _services(compose):
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            if not source.startswith((".", "/")):
                used["volumes"].add(source)
        for kind in ("configs", "secrets"):
            used[kind] |= {
                each if isinstance(each, str) else each["source"] for each in service.get(kind, [])
            }
        used["networks"] |= set(service.get("networks", []))
    for kind, names in used.items():
        declared = set(compose.get(kind) or {})
        yield from (f"{kind}: {name} is not used" for name in declared - names)
        yield from (f"{kind}: {name} is not declared" for name in names - declared)


def literals(compose: Compose) -> Iterator[str]:
    """Secrets that stand in the file."""
    for name, service in _services(compose):
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key) and not re.fullmatch(r"\$\{\w+:\?[^}]+\}|/.*", str(value)):
                yield f"{name} has {key} in the file"


def images(compose: Compose) -> Iterator[str]:
    """Images that may be another one tomorrow."""
    for name, service in _services(compose):
        if not PINNED.fullmatch(service.get("image", "")):
            yield f"{name} runs {service.get('image')}, which is not pinned"


def limits(compose: Compose) -> Iterator[str]:
    """Services without a bound of memory, or with more rights than they need."""
    for name, service in _services(compose):
        if not re.fullmatch(r"\d+[mg]", str(service.get("mem_limit"))):
            yield f"{name} has no mem_limit"
        if service.get("cap_drop") != ["ALL"]:
            yield f"{name} keeps capabilities"
        if service.get("security_opt") != ["no-new-privileges:true"]:
            yield f"{name} may gain rights"
        if service.get("privileged") or "docker.sock" in json.dumps(service.get("volumes", [])):
            yield f"{name} could take over the machine"


def ports(compose: Compose) -> Iterator[str]:
    """Ports that others than this machine reach, and those that two services want."""
    taken: dict[str, str] = {}
    for name, service in _services(compose):
        for port in service.get("ports", []):
            host, _, rest = port.partition(":")
            if host != "127.0.0.1":
                yield f"{name} publishes {port} beyond this machine"
            number = rest.partition(":")[0]
            if number in taken:
                yield f"{name} and {taken[number]} both publish {number}"
            taken[number] = name


def endless(compose: Compose) -> Iterator[str]:
    """Services that listen and do not show their health."""
    for name, service in _services(compose):
        if service.get("ports") and "healthcheck" not in service:
            yield f"{name} publishes a port and has no health check"


def _command_lines(service: Compose) -> Iterator[list[str]]:
    """Each mlmon command line that a service runs, without the word mlmon."""
    entry = service.get("entrypoint", ["mlmon"])
    words = [*entry, *service.get("command", [])]
    if words[:2] == ["sh", "-c"]:
        for part in re.split(r"\s*(?:&&|\|\||\||;)\s*", words[2]):
            split = shlex.split(part)
            if split[:1] == ["mlmon"]:
                yield split[1:]
    elif words[0] == "mlmon":
        yield words[1:]


def commands(compose: Compose) -> Iterator[str]:
    """Command lines of mlmon that its own command line would refuse."""
    for name, service in _services(compose):
        if not service["image"].startswith("mlmon"):
            continue
        for line in _command_lines(service):
            plain = [VARIABLE.sub("x", word) for word in line]
            try:
                _parse(cli, "mlmon", plain)
            except click.ClickException as error:
                yield f"{name}: mlmon {' '.join(plain)}: {error.format_message()}"


def _parse(command: click.Command, name: str, words: list[str], parent: click.Context | None = None) -> None:
    context = command.make_context(name, list(words), parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group):
        found, chosen, remaining = command.resolve_command(context, rest)
        assert chosen is not None
        _parse(chosen, found or "", remaining, context)


def settings(compose: Compose) -> Iterator[str]:
    """Variables of mlmon that it would refuse, and files they name that are not mounted."""
    for name, service in _services(compose):
        if not service["image"].startswith("mlmon"):
            continue
        environ = {
            key: VARIABLE.sub("elasticsearch", str(value))
            for key, value in service.get("environment", {}).items()
        }
        try:
            load("/dev/null", environ=environ)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            yield f"{name}: {error}"
        mounted = [*(volume.split(":")[1] for volume in service.get("volumes", []))]
        mounted += [each["target"] for each in service.get("configs", [])]
        mounted += [each.partition(":")[0] for each in service.get("tmpfs", [])]
        for key, value in environ.items():
            if value.startswith("/") and not any(f"{value}/".startswith(f"{path}/") for path in mounted):
                yield f"{name}: {key} names {value}, where nothing is mounted"


CHECKS: tuple[Callable[[Compose], Any], ...] = (
    against_the_schema,
    dependencies,
    declarations,
    literals,
    images,
    limits,
    ports,
    endless,
    commands,
    settings,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_stack_is_sound(compose, check):
    """The file passes the specification's schema and each check of what the schema cannot know."""
    assert list(check(compose)) == []


BREAKS: list[tuple[Callable, str, dict | None, str]] = [
    (against_the_schema, "page", {"comand": ["serve"]}, "comand"),
    (against_the_schema, "page", {"mem_limit": ["1g"]}, "mem_limit"),
    (dependencies, "page", {"depends_on": {"nobody": {"condition": "service_healthy"}}}, "no service"),
    (dependencies, "page", {"depends_on": {"analyzers": {"condition": "service_healthy"}}}, "no check"),
    (dependencies, "page", {"depends_on": {"collector": {"condition": "service_started"}}}, "only until"),
    (
        dependencies,
        "page",
        {"depends_on": {"collector": {"condition": "service_completed_successfully"}}},
        "starts again",
    ),
    (dependencies, "page", {"depends_on": {"kibana": {"condition": "service_healthy"}}}, "another profile"),
    (declarations, "page", {"volumes": ["nowhere:/data"]}, "nowhere is not declared"),
    (declarations, "kibana", {"volumes": []}, "kibana is not used"),
    (literals, "page", {"environment": {"MLMON_STORE_PASSWORD": "changeme"}}, "in the file"),
    (literals, "page", {"environment": {"MLMON_STORE_PASSWORD": "${P:-changeme}"}}, "in the file"),
    (images, "kibana", {"image": "docker.elastic.co/kibana/kibana:latest"}, "not pinned"),
    (images, "kibana", {"image": "docker.elastic.co/kibana/kibana"}, "not pinned"),
    (limits, "page", {"mem_limit": None}, "no mem_limit"),
    (limits, "page", {"cap_drop": []}, "keeps capabilities"),
    (limits, "page", {"privileged": True}, "take over"),
    (ports, "page", {"ports": ["8080:8080"]}, "beyond this machine"),
    (ports, "page", {"ports": ["127.0.0.1:5959:8080"]}, "both publish 5959"),
    (endless, "analyzers", {"ports": ["127.0.0.1:1:1"]}, "no health check"),
    (commands, "page", {"command": ["sreve"]}, "No such command"),
    (commands, "page", {"command": ["serve", "--prot", "1"]}, "No such option"),
    (commands, "access", {"entrypoint": ["sh", "-c", "mlmon setup --rolls | cat"]}, "No such option"),
    (settings, "page", {"environment": {"MLMON_STORE_URI": "x"}}, "unknown setting"),
    (settings, "page", {"environment": {"MLMON_STORE_CA_FILE": "/elsewhere/ca.crt"}}, "nothing is mounted"),
]


@pytest.mark.parametrize(("check", "service", "change", "said"), BREAKS)
def test_what_is_broken_is_seen(compose, check, service, change, said):
    """Each check complains of a file with that one fault in it, and says which."""
    broken = copy.deepcopy(compose)
    broken["services"][service].update(change)
    assert any(said in complaint for complaint in check(broken))


def test_the_secrets_are_those_that_are_made(compose, script):
    """Every variable that the file demands is one that `make up` writes, and the other way round."""
    demanded = {
        name for name, rest in VARIABLE.findall(yaml.safe_dump(compose, width=10_000)) if rest[:2] == ":?"
    }
    assert demanded == set(script("stack").SECRETS)


def test_the_image_is_this_version(compose, root):
    """The image of mlmon has the project's version as its tag."""
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    ours = {service["image"] for _, service in _services(compose) if service["image"].startswith("mlmon")}
    assert {image.partition(":")[2] for image in ours} == {version}


@pytest.mark.parametrize("profile", ["elasticsearch", "opensearch"])
def test_the_memory_that_is_asked_for_is_enough(compose, script, profile):
    """What runs all the time in one profile has its limits within the memory that `make up` looks for."""
    bounds = [
        int(service["mem_limit"][:-1]) * UNITS[service["mem_limit"][-1]]
        for _, service in _services(compose)
        if service.get("restart") != "no" and profile in service.get("profiles", [profile])
    ]
    assert sum(bounds) <= script("stack").LEAST_MEMORY_BYTES


def test_files_that_are_mounted_are_there(compose, root):
    """Every file that becomes a config or is mounted from the project is there."""
    files = [each["file"] for each in compose["configs"].values()]
    files += [
        volume.partition(":")[0]
        for _, service in _services(compose)
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert [name for name in files if not (root / name).is_file()] == []


def test_each_server_has_its_own_key_alone(compose):
    """A private key is mounted by its server and its maker, and the authority's by that alone."""
    mounts: dict[str, set[str]] = {}
    for name, service in _services(compose):
        for volume in service.get("volumes", []):
            mounts.setdefault(volume.partition(":")[0], set()).add(name)
    assert mounts["authority"] == {"certificates"}
    for volume, names in mounts.items():
        if volume.startswith("tls-"):
            owner = volume.removeprefix("tls-")
            assert names <= {"certificates", "demo" if owner == "service" else owner}, volume


def test_each_server_gets_a_certificate(compose):
    """The folders that the one-shot fills are its mounts, each named after its server; one is for clients."""
    maker = compose["services"]["certificates"]
    assert sorted(maker["command"]) == sorted(volume.split(":")[1] for volume in maker["volumes"])
    for folder in maker["command"][2:]:
        assert folder.rpartition("/")[2] in {*compose["services"], "service"}


@pytest.fixture
def rendered(compose, tmp_path) -> tuple[str, Path]:
    """Render Logstash's files as the stack does; gives their folder there, and the one here."""
    service = compose["services"]["pipelines"]
    words = [str(tmp_path) if word == "/var/lib/mlmon" else word for word in service["command"]]
    (tmp_path / "ca.crt").touch()
    environ = {**service["environment"], "MLMON_STORE_CA_FILE": str(tmp_path / "ca.crt")}
    done = CliRunner().invoke(cli, words, env=environ)
    assert done.exit_code == 0, done.output
    return words[words.index("--home") + 1], tmp_path


def test_logstash_finds_what_was_rendered(compose, root, rendered):
    """Pipelines, and each file that they name, lie where the stack mounts them and the start script looks."""
    home, here = rendered
    mounts = dict(reversed(volume.split(":")[:2]) for volume in compose["services"]["logstash"]["volumes"])
    assert mounts[home] == "pipelines"
    assert mounts[f"{home}/tls"] == "tls-logstash"
    start = (root / "deploy" / "logstash.sh").read_text()
    assert f"rendered={home}\n" in start
    assert set(re.findall(r"\$rendered/([\w.]+)", start)) == {"logstash.yml", "pipelines.yml"}
    made = (root / "deploy" / "certificates.sh").read_text()
    for path in re.findall(rf'"{home}/([^"]+)"', "".join(map(Path.read_text, here.glob("*.*")))):
        folder, _, name = path.rpartition("/")
        assert f'"$folder/{name}"' in made if folder == "tls" else (here / name).is_file(), path


def test_logstash_gets_the_variables_and_ports_that_its_pipelines_name(compose, root, rendered):
    """Each variable in the pipelines is set by the start script, and each published port has an input."""
    _, here = rendered
    text = "".join(path.read_text() for path in here.glob("*.conf"))
    exported = set(re.findall(r"^export (\w+)", (root / "deploy" / "logstash.sh").read_text(), re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+)\}", text)) == exported
    inside = {port.rpartition(":")[2] for port in compose["services"]["logstash"]["ports"]}
    assert inside == set(re.findall(r"^ *port => (\d+)", text, re.MULTILINE))
    data = yaml.safe_load((here / "logstash.yml").read_text())["path.data"]
    assert f"logstash:{data}" in compose["services"]["logstash"]["volumes"]


def test_the_health_check_asks_what_answers(compose, certificates, tmp_path):
    """The stack's own check is content with a collector that runs behind TLS, and not when it is gone."""
    given = compose["services"]["collector"]["environment"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    environ |= {name: value for name, value in given.items() if name.endswith("_PORT")}
    environ |= {"MLMON_COLLECTOR_TLS_CERT": certificates.server, "PYTHONUNBUFFERED": "1"}
    start = [
        sys.executable,
        "-m",
        "mlmon.cli",
        "collect",
        "--http-port",
        "0",
        "--store",
        str(tmp_path / "store"),
    ]
    with subprocess.Popen(start, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r":(\d+)\s*$", process.stdout.readline())
        assert found is not None
        _, _, *rest = compose["services"]["collector"]["healthcheck"]["test"]
        asked = [word.replace("5959", found[1]).replace("/trust/ca.crt", certificates.ca) for word in rest]
        try:
            deadline = time.monotonic() + 120  # Docker asks again, too
            while (
                told := subprocess.run([sys.executable, *asked], capture_output=True, check=False)
            ).returncode:
                assert time.monotonic() < deadline, told.stderr
        finally:
            process.terminate()
    gone = subprocess.run([sys.executable, *asked], capture_output=True, check=False)
    assert gone.returncode == 1
