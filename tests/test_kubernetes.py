"""The manifests in ops/kubernetes, as far as they can be checked without a Kubernetes cluster."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

from bot.settings import ROOT
from engine.api.hosts import Hosts
from engine.cluster.__main__ import arguments

FOLDER = ROOT / "ops" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = [
    each
    for name in KUSTOMIZATION["resources"]
    for each in yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8"))
]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "cluster-kubernetes.md").read_text(encoding="utf-8")
SECRET_KEYS = {("herosmith-ray", "auth_token"), ("herosmith-engine", "api_key")}
SECRET_VARIABLES = {"RAY_AUTH_TOKEN", "ENGINE_API_KEY"}


def found(kind: str, name: str) -> dict[str, Any]:
    (one,) = (each for each in OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name))
    return one


RAY = found("RayCluster", "herosmith-ray")["spec"]
GROUPS = {"ray-head": RAY["headGroupSpec"], "ray-node": RAY["workerGroupSpecs"][0]}
TEMPLATES: dict[str, dict[str, Any]] = {
    **{part: group["template"] for part, group in GROUPS.items()},
    "engine": found("Deployment", "herosmith-engine")["spec"]["template"],
}
SCHEMAS = json.loads((ROOT / "tests" / "data" / "kubernetes-schemas.json").read_text(encoding="utf-8"))


def container(part: str) -> dict[str, Any]:
    (one,) = TEMPLATES[part]["spec"]["containers"]
    assert isinstance(one, dict)
    return one


def engine_command() -> list[str]:
    """Return the words of the last command of the engine's script, from `python` on."""
    assert container("engine")["command"] == ["/bin/sh", "-ec"]
    (script,) = container("engine")["args"]
    return shlex.split(script.replace("\\\n", " ").split("exec ")[1])


def ray_starts() -> Iterator[tuple[str, list[str]]]:
    """Yield each part and the options of its `ray start`, as KubeRay makes them from its parameters."""
    for part, group in GROUPS.items():
        yield part, [f"--{name}={value}" for name, value in group["rayStartParams"].items()]
    (script,) = container("engine")["args"]
    (line,) = re.findall(r"^ray start (.+)$", script, re.MULTILINE)
    yield "engine", shlex.split(line)


def faults(thing: dict[str, Any]) -> list[str]:
    schema = {"$ref": f"#/$defs/{thing['kind']}", "$defs": SCHEMAS["$defs"]}
    return [
        f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(thing)
    ]


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: f"{thing['kind']}/{thing['metadata']['name']}")
def test_the_schemas_accept_the_object(thing: dict[str, Any]) -> None:
    """They are those of Kubernetes and of KubeRay; the file says which, and under which licence."""
    assert faults(thing) == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("RayCluster", "spec.headGroupSpecs"),
        ("RayCluster", "spec.headGroupSpec.template.spec.volume"),
        ("Deployment", "spec.template.spec.securityContext.runAsNonRot"),
        ("Service", "spec.selectors"),
        ("PersistentVolumeClaim", "spec.accessMode"),
        ("NetworkPolicy", "spec.podSelectors"),
        ("Namespace", "metadata.label"),
    ],
)
def test_the_schemas_refuse_what_does_not_exist(kind: str, path: str) -> None:
    thing = json.loads(json.dumps(next(each for each in OBJECTS if each["kind"] == kind)))
    *way, last = path.split(".")
    inner = thing
    for name in way:
        inner = inner[name]
    inner[last] = "x"
    assert any(last in fault for fault in faults(thing))


def test_the_folder_has_no_file_that_is_not_applied() -> None:
    listed = {*KUSTOMIZATION["resources"], "kustomization.yaml"}
    assert {path.name for path in FOLDER.iterdir()} == listed


def test_kustomize_renders_all_with_the_owner_s_image() -> None:
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [program, "kustomize", str(FOLDER)], capture_output=True, text=True, check=True, timeout=60
    )
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(OBJECTS)
    (image,) = KUSTOMIZATION["images"]
    full = f"{image['newName']}:{image['newTag']}"
    assert done.stdout.count(f"image: {full}\n") == len(TEMPLATES)
    assert {each["metadata"].get("namespace", "herosmith") for each in rendered} == {"herosmith"}


def test_the_image_is_the_dockerfile_s_with_the_extra() -> None:
    (image,) = KUSTOMIZATION["images"]
    assert {container(part)["image"] for part in TEMPLATES} == {image["name"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert image["newTag"] == project["version"]
    (build,) = re.findall(r"^ +docker build (.+?[^\\])$", PAGE, re.MULTILINE | re.DOTALL)
    words = shlex.split(build.replace("\\\n", " "))
    given = dict(word.split("=") for word in words if word.startswith("ENGINE_"))
    assert given["ENGINE_EXTRAS"] == "cluster"
    assert "cluster" in project["optional-dependencies"]
    assert all(f"\nARG {name}=" in DOCKERFILE for name in given)
    assert words[words.index("--target") + 1] == "engine"
    assert words[words.index("--tag") + 1] == f"{image['newName']}:{image['newTag']}"


def test_kuberay_is_told_the_version_of_ray_that_is_installed() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    (ray,) = (Requirement(line) for line in lines if line.startswith("ray=="))
    assert str(ray.specifier) == f"=={RAY['rayVersion']}"
    # one Python: that of the one image
    assert len(set(re.findall(r"^FROM (python:\S+)", DOCKERFILE, re.MULTILINE))) == 1


def test_the_engine_s_command_is_one_that_it_understands() -> None:
    words = engine_command()
    assert words[:3] == ["python", "-m", "engine.cluster"]
    options = arguments().parse_args(words[3:])
    assert options.address == "auto"  # RAY_ADDRESS would take its place
    workers = GROUPS["ray-node"]
    assert workers["minReplicas"] == workers["replicas"] == workers["maxReplicas"]
    assert options.min_replicas == options.training_workers == workers["replicas"]


def test_only_nodes_that_compute_offer_processors() -> None:
    offered = {part: any(word == "--num-cpus=0" for word in words) for part, words in ray_starts()}
    assert offered == {"ray-head": True, "ray-node": False, "engine": True}


def test_clients_and_probes_are_answered() -> None:
    options = arguments().parse_args(engine_command()[3:])
    service = found("Service", "herosmith-engine")
    (port,) = service["spec"]["ports"]
    assert port["port"] == port["targetPort"] == options.port
    name, namespace = service["metadata"]["name"], KUSTOMIZATION["namespace"]
    hosts = Hosts(options.host, options.allowed_host, has_key=True)
    for host in (name, f"{name}.{namespace}", f"{name}.{namespace}.svc.cluster.local", "10.1.2.3"):
        assert hosts.allows(f"{host}:{options.port}")
    assert not hosts.allows("elsewhere.example")
    assert f"ENGINE_URL=http://{name}.{namespace}.svc.cluster.local:{options.port}/v1" in PAGE
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container("engine")[probe]["httpGet"] == {"path": "/healthz", "port": options.port}


def test_the_nodes_of_ray_find_each_other_and_are_probed_where_they_listen() -> None:
    environment = {each["name"]: each.get("value") for each in container("engine")["env"]}
    service, _, port = str(environment["FIRST_NODE"]).partition(":")
    assert service == "herosmith-ray-head-svc"  # KubeRay adds the ending to the name
    (opened,) = container("ray-head")["ports"]
    assert opened == {"name": "gcs-server", "containerPort": int(port)}
    listening = {
        "ray-head": int(port),
        "ray-node": int(GROUPS["ray-node"]["rayStartParams"]["node-manager-port"]),
    }
    for part, number in listening.items():
        for probe in ("readinessProbe", "livenessProbe"):
            assert container(part)[probe]["tcpSocket"] == {"port": number}


@pytest.mark.parametrize("part", TEMPLATES)
def test_variables_are_known_and_secrets_are_not_in_the_files(part: str) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "engine").rglob("*.py"))
    of_ray = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    script = "".join(container(part).get("args", []))
    for variable in container(part)["env"]:
        name = variable["name"]
        if name in SECRET_VARIABLES:
            key = variable["valueFrom"]["secretKeyRef"]
            assert (key["name"], key["key"]) in SECRET_KEYS
            assert "value" not in variable
            continue
        known = f"${name}" in script or f'"{name}"' in sources or name in of_ray
        assert known or f"{name}=" in DOCKERFILE, name
        assert not re.search(r"TOKEN|KEY|PASSWORD", name)
    assert any(
        each["name"] == "RAY_AUTH_MODE" and each["value"] == "token" for each in container(part)["env"]
    )


def test_the_page_makes_the_secrets_that_are_read() -> None:
    assert "Secret" not in {each["kind"] for each in OBJECTS}
    made = re.findall(r"create secret generic (\S+) --from-literal=(\w+)=\"\$\(openssl rand", PAGE)
    assert set(made) == SECRET_KEYS


@pytest.mark.parametrize("part", TEMPLATES)
def test_every_pod_has_the_shared_volume_where_the_engine_looks(part: str) -> None:
    claim = found("PersistentVolumeClaim", "herosmith-shared")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    volumes = {each["name"]: each for each in TEMPLATES[part]["spec"]["volumes"]}
    mounts = {each["mountPath"]: volumes[each["name"]] for each in container(part)["volumeMounts"]}
    assert mounts["/shared"]["persistentVolumeClaim"] == {"claimName": claim["metadata"]["name"]}
    assert arguments().parse_args(engine_command()[3:]).data.is_relative_to("/shared")
    assert "emptyDir" in mounts["/tmp"]  # noqa: S108 (of the container; Ray writes there)


@pytest.mark.parametrize("part", TEMPLATES)
def test_a_pod_may_do_no_more_than_it_must(part: str) -> None:
    spec = TEMPLATES[part]["spec"]
    (user,) = set(re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert {spec["securityContext"][name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {int(user)}
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert container(part)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    labels = found("Namespace", KUSTOMIZATION["namespace"])["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("part", TEMPLATES)
def test_a_pod_asks_for_what_it_takes(part: str) -> None:
    resources = container(part)["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert "memory" in resources["limits"]


def test_ray_is_reached_by_its_own_pods_alone() -> None:
    labels = {part: template["metadata"]["labels"] for part, template in TEMPLATES.items()}
    assert {each["part"] for each in labels.values()} == set(TEMPLATES)
    inside = found("NetworkPolicy", "herosmith-cluster")["spec"]
    (one,) = inside["ingress"]
    selector = inside["podSelector"]["matchLabels"]
    assert all(selector.items() <= each.items() for each in labels.values())
    assert set(inside["policyTypes"]) == {"Ingress", "Egress"}
    assert one == {"from": [{"podSelector": {"matchLabels": selector}}]}  # and no other namespace
    clients = found("NetworkPolicy", "herosmith-engine")["spec"]
    assert clients["podSelector"]["matchLabels"] == labels["engine"]
    (rule,) = clients["ingress"]
    assert [each["port"] for each in rule["ports"]] == [container("engine")["ports"][0]["containerPort"]]
    (peer,) = rule["from"]
    ((label, value),) = peer["podSelector"]["matchLabels"].items()
    assert f"{label}={value}" in PAGE
    for name in ("Service", "Deployment"):
        picked = found(name, "herosmith-engine")["spec"]["selector"]
        assert picked.get("matchLabels", picked) == labels["engine"]
