import copy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from mlmon.cli.main import cli
from mlmon.core import schema, settings

Manifest = dict[str, Any]
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$")
# Made by whoever runs the cluster, never by files: named in docs/stack.md.
SECRETS = {"store-keys", "store-ca", "collector-tls", "example-service-key"}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    """Give the folder of the manifests."""
    return root / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def kustomization(folder: Path) -> Manifest:
    """Give what kustomize is told."""
    found: Manifest = yaml.safe_load((folder / "kustomization.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def manifests(folder: Path, kustomization: Manifest) -> list[Manifest]:
    """Give every object of the files that kustomize is told of."""
    return [
        each
        for name in kustomization["resources"]
        for each in yaml.safe_load_all((folder / name).read_text())
    ]


def _named(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _pods(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Each object that makes pods, and its template."""
    for each in manifests:
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template is not None:
            yield each, template


def _containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest, Manifest]]:
    for owner, template in _pods(manifests):
        for container in template["spec"]["containers"]:
            yield _named(owner), template["spec"], container


def against_the_schema(manifests: list[Manifest]) -> Iterator[str]:
    """What Kubernetes' own schemas have against them; a name that they do not know is wrong."""
    for each in manifests:
        try:
            kubernetes_validate.validate(each, kubernetes_validate.latest_version(), strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{_named(each)}: {error.message}"


def rights(manifests: list[Manifest]) -> Iterator[str]:
    """Containers that could do more than they need."""
    for name, pod, container in _containers(manifests):
        inner, outer = container.get("securityContext", {}), pod.get("securityContext", {})
        if not outer.get("runAsNonRoot") or not outer.get("runAsUser"):
            yield f"{name} may run as root"
        if outer.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name} has no seccomp profile"
        if not inner.get("readOnlyRootFilesystem"):
            yield f"{name} can write to its root"
        if inner.get("allowPrivilegeEscalation") is not False or inner.get("privileged"):
            yield f"{name} may gain rights"
        if inner.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name} keeps capabilities"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name} holds a token of the cluster"
        if pod.get("enableServiceLinks") is not False:
            yield f"{name} gets variables of services, which may look like settings"
        if pod.get("hostNetwork") or any("hostPath" in volume for volume in pod.get("volumes", [])):
            yield f"{name} reaches into the node"


def bounds(manifests: list[Manifest]) -> Iterator[str]:
    """Containers without requests and limits."""
    for name, _, container in _containers(manifests):
        resources = container.get("resources", {})
        for kind in ("requests", "limits"):
            if set(resources.get(kind, {})) != {"cpu", "memory"}:
                yield f"{name} has no {kind}"


def probes(manifests: list[Manifest]) -> Iterator[str]:
    """Servers that are not asked for their health, or at a port they do not have."""
    for name, _, container in _containers(manifests):
        named = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container.get(probe, {}).get("httpGet")
            if named and (asked is None or asked["path"] != "/health"):
                yield f"{name} has no {probe} of /health"
            elif asked is not None and asked["port"] not in named:
                yield f"{name} is asked at {asked['port']}, which it does not name"


def secrets(manifests: list[Manifest]) -> Iterator[str]:
    """Secrets that stand in the files, or that nobody is told to make."""
    for each in manifests:
        if each["kind"] == "Secret":
            yield f"{_named(each)} stands in the files"
    for name, pod, container in _containers(manifests):
        for variable in container.get("env", []):
            if SECRET.search(variable["name"]) and not variable.get("value", "/").startswith("/"):
                yield f"{name} has {variable['name']} in the file"
            wanted = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name")
            if wanted is not None and wanted not in SECRETS:
                yield f"{name} asks for the secret {wanted}, which nobody makes"
        for volume in pod.get("volumes", []):
            if "secret" in volume and volume["secret"]["secretName"] not in SECRETS:
                yield f"{name} mounts the secret {volume['secret']['secretName']}, which nobody makes"


def mounts(manifests: list[Manifest]) -> Iterator[str]:
    """Volumes that are not mounted, mounts without a volume, and paths where nothing is mounted."""
    claims = {each["metadata"]["name"] for each in manifests if each["kind"] == "PersistentVolumeClaim"}
    for name, pod, container in _containers(manifests):
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        mounted = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
        yield from (f"{name} mounts {each}, which is no volume" for each in mounted.keys() - volumes.keys())
        yield from (f"{name} does not mount {each}" for each in volumes.keys() - mounted.keys())
        for volume in volumes.values():
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in claims:
                yield f"{name} claims {claim}, which is not there"
        for variable in container.get("env", []):
            path = variable.get("value", "").rpartition("ca=")[2]
            if path.startswith("/") and not any(f"{path}/".startswith(f"{at}/") for at in mounted.values()):
                yield f"{name}: {variable['name']} names {path}, where nothing is mounted"


def selectors(manifests: list[Manifest]) -> Iterator[str]:
    """Services and deployments that choose no pod, and ports that it does not name."""
    templates = [template for _, template in _pods(manifests)]
    for each in manifests:
        if each["kind"] not in ("Service", "Deployment"):
            continue
        chosen = each["spec"]["selector"]
        labels = chosen.get("matchLabels", chosen)
        found = [pod for pod in templates if labels.items() <= pod["metadata"]["labels"].items()]
        if len(found) != 1:
            yield f"{_named(each)} chooses {len(found)} pods"
            continue
        ports = {port["name"] for container in found[0]["spec"]["containers"] for port in container["ports"]}
        for port in each["spec"].get("ports", []):
            if port["targetPort"] not in ports:
                yield f"{_named(each)} leads to {port['targetPort']}, which the pod does not name"


def images(manifests: list[Manifest]) -> Iterator[str]:
    """Images that may be another one tomorrow."""
    for name, _, container in _containers(manifests):
        if not re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+", container["image"]):
            yield f"{name} runs {container['image']}, which is not pinned"


def commands(manifests: list[Manifest]) -> Iterator[str]:
    """Command lines and settings of mlmon that it would refuse."""
    for name, _, container in _containers(manifests):
        environ = {each["name"]: each.get("value", "x") for each in container.get("env", [])}
        try:
            settings.load("/dev/null", environ=environ)
            if "command" not in container:
                words = container["args"]
                context = cli.make_context("mlmon", list(words))
                found, command, rest = cli.resolve_command(context, list(words))
                assert command is not None
                command.make_context(found, rest, parent=context)
        except click.ClickException as error:
            yield f"{name}: mlmon {' '.join(container['args'])}: {error.format_message()}"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            yield f"{name}: {error}"


CHECKS: tuple[Callable[[list[Manifest]], Iterator[str]], ...] = (
    against_the_schema,
    rights,
    bounds,
    probes,
    secrets,
    mounts,
    selectors,
    images,
    commands,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_manifests_are_sound(manifests, check):
    """They pass Kubernetes' schemas, and each check of what a schema cannot know."""
    assert list(check(manifests)) == []


def _container(manifest: Manifest) -> Manifest:
    [(_, _, container)] = _containers([manifest])
    return container


BREAKS: list[tuple[Callable, Callable[[Manifest], Any], str]] = [
    (against_the_schema, lambda it: it["spec"].update(replica=2), "replica"),
    (against_the_schema, lambda it: it["spec"].update(replicas="two"), "two"),
    (rights, lambda it: _container(it)["securityContext"].pop("readOnlyRootFilesystem"), "write to its root"),
    (rights, lambda it: it["spec"]["template"]["spec"].pop("securityContext"), "as root"),
    (rights, lambda it: it["spec"]["template"]["spec"].update(hostNetwork=True), "into the node"),
    (rights, lambda it: it["spec"]["template"]["spec"].pop("enableServiceLinks"), "look like settings"),
    (bounds, lambda it: _container(it)["resources"].pop("limits"), "no limits"),
    (probes, lambda it: _container(it).pop("livenessProbe"), "no livenessProbe"),
    (probes, lambda it: _container(it)["livenessProbe"]["httpGet"].update(port="htps"), "does not name"),
    (secrets, lambda it: _container(it)["env"].append({"name": "MLMON_STORE_KEY", "value": "abc"}), "in the"),
    (mounts, lambda it: _container(it)["volumeMounts"].pop(), "does not mount trust"),
    (mounts, lambda it: _container(it)["volumeMounts"][0].update(mountPath="/x", name="x"), "no volume"),
    (selectors, lambda it: it["spec"]["selector"].update(matchLabels={"a": "b"}), "chooses 0 pods"),
    (images, lambda it: _container(it).update(image="mlmon:latest"), "not pinned"),
    (commands, lambda it: _container(it).update(args=["colect"]), "No such command"),
    (commands, lambda it: _container(it)["env"].append({"name": "MLMON_STROE_URL", "value": "x"}), "unknown"),
]


@pytest.mark.parametrize(("check", "spoil", "said"), BREAKS)
def test_what_is_broken_is_seen(manifests, check, spoil, said):
    """Each check complains of a collector with that one fault, and says which."""
    broken = copy.deepcopy(manifests)
    [collector] = [each for each in broken if _named(each) == "Deployment/collector"]
    spoil(collector)
    assert any(said in complaint for complaint in check(broken))


def test_the_settings_of_all_are_settings(kustomization):
    """What the config map gives every part of mlmon is accepted, and so is the image's tag everywhere."""
    given = {each["name"]: each for each in kustomization["configMapGenerator"]}
    settings.load("/dev/null", environ=dict(line.split("=", 1) for line in given["store"]["literals"]))
    assert {each["name"] for each in kustomization["images"]} == {"mlmon"}


def test_the_secrets_that_are_needed_are_documented(root):
    """Every secret that a manifest asks for is named where a person reads how to make it."""
    page = (root / "docs" / "stack.md").read_text()
    assert [name for name in sorted(SECRETS) if f"`{name}`" not in page] == []


def test_kustomize_renders_them(folder, require):
    """`kubectl kustomize` accepts the folder and gives every part the namespace."""
    done = subprocess.run(
        [require("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert list(against_the_schema(rendered)) == []
    assert {each["metadata"].get("namespace") for each in rendered if each["kind"] != "Namespace"} == {
        "mlmon"
    }


def test_the_overlay_of_the_documentation_works(folder, root, require, tmp_path):
    """The overlay that a person copies names their image, and their cluster in every part that needs it."""
    kubectl = require("kubectl")
    [text] = re.findall(
        r"```yaml\n(# kustomization.yaml.*?)```", (root / "docs" / "stack.md").read_text(), re.DOTALL
    )
    shutil.copytree(folder, tmp_path / "mlmon" / "deploy" / "kubernetes")
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay" / "kustomization.yaml").write_text(text)
    done = subprocess.run(
        [kubectl, "kustomize", str(tmp_path / "overlay")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    [store] = [each for each in rendered if each["metadata"]["name"].startswith("store-")]
    assert store["data"]["MLMON_STORE_URL"].endswith("search.example.org:9200")
    asked = [container for _, _, container in _containers(rendered)]
    assert {container["image"] for container in asked} == {"registry.example.org/mlmon:0.1.0"}
    given = [each["configMapRef"]["name"] for container in asked for each in container.get("envFrom", [])]
    assert set(given) == {store["metadata"]["name"]}


@pytest.fixture
def service(folder: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Run a copy of the example service; gives its address and the file that its events go to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shutil.copy(folder / "service.py", tmp_path)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    events = tmp_path / "events.ndjson"
    environ |= {"PORT": str(port), "MLMON_LOG_SHIP": events.as_uri()}
    with subprocess.Popen([sys.executable, "service.py"], cwd=tmp_path, env=environ) as process:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 90
        while not _answers(f"{url}/health"):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service does not answer"
            time.sleep(0.05)
        yield url, events
        process.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status == 200
    except OSError:
        return False


def test_the_example_service_logs_what_it_predicts(service):
    """A prediction and its outcome become two events of the model."""
    url, events = service

    def post(path: str, body: dict) -> bytes:
        request = urllib.request.Request(url + path, data=json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            said: bytes = answer.read()
            return said

    told = json.loads(post("/predict", {"wind_speed": 30.0, "origin": "JFK"}))
    assert (told["label"], told["score"]) == ("late", 0.75)
    assert post("/outcome", {"id": told["id"], "label": "late"}) == b"ok\n"
    deadline = time.monotonic() + 60
    while not events.exists() or len(events.read_text().splitlines()) < 2:
        assert time.monotonic() < deadline, "the events were not written"
        time.sleep(0.05)
    written = [json.loads(line) for line in events.read_text().splitlines()]
    assert {each[schema.INFERENCE_ID] for each in written} == {told["id"]}
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        assert b"mlmon_producer_emitted_total" in answer.read()
