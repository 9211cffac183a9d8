"""The scanners: each looks at every template of a folder and says what it found, by file.

Each has to prove that it looked: a template with known defects lies beside the others (`CONTROL`), and a scanner that
does not report its own is an error, as is one that leaves a file out.
"""

import json
import platform
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from scripts.scan.plain import REGION

Found = dict[str, list[tuple[str, str, str]]]
"""By file: logical id, rule and message of each finding."""

CONTROL_FILE: Final = "control/control.json"
CONTROL: Final[Mapping[str, Any]] = {
    "Resources": {
        "Control": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {
                "Subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
                "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "5000"}],
                "Unknown": "property",
            },
        }
    }
}
"""A load balancer with a property that there is not, no deletion protection, no logs and an impossible timeout."""

CONTROLS: Final = {
    "cfn-lint": "E3002",
    "checkov": "CKV_AWS_91",
    "cfn-guard": "CT.ELASTICLOADBALANCING.PR.5",
    "cdk-preflight": "pf-elbv2-lb-idle-timeout-range",
}
"""What each scanner has to find in the control template."""

RESOLVED: Final = ("W3010",)
"""What cfn-lint does not ask here: whether a zone's name is written out. `Fn::GetAZs` is resolved, as everything is;
`build.py lint` asks it of the templates as they stand."""


class ScannerFailure(Exception):
    """A scanner could not do its work; the message is one sentence."""


def scanners(interpreter: Path) -> dict[str, Callable[[Path], Found]]:
    """Returns the scanners by name; `interpreter` is the one of the scanners' environment."""
    return {
        "checkov": lambda folder: checkov(interpreter, folder),
        "cfn-guard": lambda folder: cfn_guard(interpreter, folder),
        "cdk-preflight": lambda folder: cdk_preflight(interpreter, folder),
        "cfn-lint": cfn_lint,
    }


def controlled(name: str, found: Found) -> Found:
    """Returns what a scanner found without its findings in the control template.

    Raises ScannerFailure where it did not find there what it must.
    """
    if CONTROLS[name] not in {rule for _, rule, _ in found.get(CONTROL_FILE, ())}:
        raise ScannerFailure(
            f"{name} does not find {CONTROLS[name]} in the template made to have it: it checks nothing."
        )
    return {file: findings for file, findings in found.items() if file != CONTROL_FILE}


def cfn_lint(folder: Path) -> Found:
    """Runs cfn-lint, errors and warnings, with what each resource suppresses in its metadata."""
    from deployer.cfn_lint import matches

    found: Found = {}
    for path in sorted(folder.rglob("*.json")):
        findings = found[str(path.relative_to(folder))] = []
        for match in matches(str(path), (REGION,), RESOLVED):
            if not match.rule.id.startswith("I"):
                where = list(getattr(match, "path", None) or ())
                title = str(where[1]) if len(where) > 1 and where[0] == "Resources" else ""
                findings.append((title, match.rule.id, match.message))
    return found


def checkov(interpreter: Path, folder: Path) -> Found:
    """Runs checkov's CloudFormation checks; it asks nobody anything."""
    command = [str(interpreter), "-m", "checkov.main", "--directory", str(folder), "--framework", "cloudformation"]
    result = _run("checkov", [*command, "--compact", "--skip-download", "--output", "json"], (0, 1))
    try:
        report = json.loads(result)
        failed, passed = (report["results"][kind] for kind in ("failed_checks", "passed_checks"))
        if report["results"]["parsing_errors"]:
            raise ScannerFailure(f"checkov cannot read {report['results']['parsing_errors'][0]}.")
    except (ValueError, KeyError, TypeError) as error:
        raise ScannerFailure(f"checkov's answer is not understood: {error!r}.") from error
    found: Found = {check["file_path"].lstrip("/"): [] for check in passed}
    for check in failed:
        title = str(check["resource"]).rpartition(".")[2]
        found.setdefault(check["file_path"].lstrip("/"), []).append((title, check["check_id"], check["check_name"]))
    return found


def cfn_guard(interpreter: Path, folder: Path) -> Found:
    """Runs cfn-guard with AWS Control Tower's proactive rules, both from the package that carries them."""
    system = {"Linux": "ubuntu", "Darwin": "macos"}.get(platform.system(), "")
    machine = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}.get(
        platform.machine(), ""
    )
    binary = f"package/bin/{system}/{machine}/cfn-guard"
    rules = "package/rules/control-tower/cfn-guard/"
    with tempfile.TemporaryDirectory() as place:
        with tarfile.open(_archive(interpreter, "cdklabs/cdk_validator_cfnguard")) as package:
            wanted = [member for member in package if member.name == binary or member.name.startswith(rules)]
            if binary not in {member.name for member in wanted}:
                raise ScannerFailure(f"There is no cfn-guard for {platform.system()} on {platform.machine()}.")
            package.extractall(place, wanted, filter="data")
        root = Path(place)
        present = _types(folder)
        for rule in (root / rules).rglob("*.guard"):
            # A rule names the types that it is about; each that is left costs a look at every template.
            if not any(kind in rule.read_text(encoding="utf-8") for kind in present):
                rule.unlink()
        command = [str(root / binary), "validate", "--rules", str(root / rules), "--data", str(folder)]
        report = json.loads(_run("cfn-guard", [*command, "--structured", "-o", "json", "-S", "none"], (0, 19)))
    found: Found = {}
    for file in report:
        findings = found[str(Path(file["name"]).relative_to(folder))] = []
        for rule in file["not_compliant"]:
            findings.extend(guard_findings(rule))
    _complete("cfn-guard", folder, found)
    return found


def _types(folder: Path) -> set[str]:
    templates = (json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json"))
    return {resource["Type"] for template in templates for resource in template["Resources"].values()}


def guard_findings(rule: Any) -> Iterator[tuple[str, str, str]]:
    """Yields logical id, control and message of what one rule of cfn-guard's structured answer did not accept."""
    text = re.search(r"\[(CT\.[A-Z0-9.]+)\]: (.*?)\s*(?:\\n|$)", json.dumps(rule))
    control, message = text.groups() if text else (rule["Rule"]["name"], rule["Rule"]["name"])
    titles = {path.split("/")[2] for path in _paths(rule) if path.startswith("/Resources/")}
    for title in sorted(titles or {""}):
        yield title, control, message


def _paths(answer: Any) -> Iterator[str]:
    """Yields where values were looked at; `to` is what they were compared with."""
    if isinstance(answer, Mapping):
        for key, value in answer.items():
            if key == "path" and isinstance(value, str):
                yield value
            elif key != "to":
                yield from _paths(value)
    elif isinstance(answer, list):
        for item in answer:
            yield from _paths(item)


def cdk_preflight(interpreter: Path, folder: Path) -> Found:
    """Runs the rules of cdk-preflight, with the engine that they are written for."""
    program = Path(__file__).with_name("preflight_engine.py")
    archive = _archive(interpreter, "cdk_preflight")
    answer = json.loads(
        _run("cdk-preflight", [str(interpreter), str(program), str(archive), REGION, str(folder)], (0,))
    )
    found: Found = {file: [(title, rule, message) for title, rule, message in rows] for file, rows in answer.items()}
    _complete("cdk-preflight", folder, found)
    return found


def _archive(interpreter: Path, package: str) -> Path:
    archives = list(interpreter.parents[1].glob(f"lib/python*/site-packages/{package}/_jsii/*.tgz"))
    if len(archives) != 1:
        raise ScannerFailure(f"{package} does not hold its rules where they were; look at the version in Pipfile.")
    return archives[0]


def _complete(name: str, folder: Path, found: Iterable[str]) -> None:
    missing = {str(path.relative_to(folder)) for path in folder.rglob("*.json")} - set(found)
    if missing:
        raise ScannerFailure(f"{name} did not look at {min(missing)}.")


def _run(name: str, command: list[str], accepted: tuple[int, ...]) -> str:
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode not in accepted:
        lines = [line for line in result.stderr.splitlines() if line.strip()] or ["it says nothing"]
        raise ScannerFailure(f"{name} ended with status {result.returncode}: {lines[-1].strip()}")
    return result.stdout
