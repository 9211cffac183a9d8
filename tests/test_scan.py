"""What scanners are shown is what is deployed, and no finding and no entry stands alone. The scanners themselves run in
CI beside the tests, where each has to find the defects of a template made for it.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.stacks import template_dicts
from scripts.scan.__main__ import ENTRIES, as_findings, laid_out
from scripts.scan.findings import Entry, Finding, judged, read
from scripts.scan.plain import Variant, plain, variants
from scripts.scan.preflight_engine import constant, modules
from scripts.scan.tools import CONTROL_FILE, CONTROLS, ScannerFailure, controlled, guard_findings

FINDING = Finding("runtime/Bucket", "CT.S3.PR.1", "development-own", "runtime-flat", "Close it")
ENTRY = Entry("runtime/Bucket", "CT.S3.PR.1", "S3 has no such thing for buckets of this kind.", "https://docs.example")
DECIDING = {"Conditions", "Mappings", "Rules"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("plain")
    assert laid_out(place) == len(list(place.rglob("*.json"))) - 1
    return place


def resources(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))["Resources"]
    return found


def keys(data: Any) -> set[str]:
    if isinstance(data, dict):
        return set(data).union(*map(keys, data.values()))
    return set().union(*map(keys, data)) if isinstance(data, list) else set()


def test_nothing_is_left_to_decide(folder: Path) -> None:
    for path in folder.rglob("runtime*/**/*.json"):
        template = json.loads(path.read_text(encoding="utf-8"))
        assert not DECIDING & template.keys()
        for body in template["Resources"].values():
            assert not {"Fn::If", "Fn::FindInMap", "Fn::Sub"} & keys(body["Properties"]), path
            assert "Condition" not in body


def test_presets_and_variants_show_what_they_deploy(folder: Path) -> None:
    development = resources(folder, "runtime-flat/development-own/runtime-flat.json")
    production = resources(folder, "runtime-flat/production-own/runtime-flat.json")
    existing = resources(folder, "runtime-flat/production-existing/runtime-flat.json")
    # Numbers, though mappings hold text: scanners compare them.
    assert development["ServerLogGroup"]["Properties"]["RetentionInDays"] == 7
    assert production["ServerLogGroup"]["Properties"]["RetentionInDays"] == 365
    assert "LoadBalancerWebAcl" in production.keys() - development.keys()
    assert "Vpc" in production.keys() - existing.keys()
    assert existing["ServerLogGroup"]["Properties"]["KmsKeyId"].startswith("arn:aws:kms:")
    assert existing["LoadBalancer"]["Properties"]["Scheme"] == "internal"


def test_both_forms_show_the_same_resources(folder: Path) -> None:
    for variant in {path.name for path in (folder / "runtime").iterdir()}:
        nested: set[str] = set()
        for path in (folder / "runtime" / variant).iterdir():
            loaded = json.loads(path.read_text(encoding="utf-8"))["Resources"]
            nested |= {title for title, body in loaded.items() if body["Type"] != "AWS::CloudFormation::Stack"}
        assert nested == set(resources(folder, f"runtime-flat/{variant}/runtime-flat.json"))


def test_values_that_the_template_refuses_are_an_error() -> None:
    templates = template_dicts()
    variant = next(iter(variants(templates)))
    contradiction = {**variant.values, "ToolAccess": "enforce"}
    with pytest.raises(ValueError, match=r"refuses the example values wrong: .*access statement"):
        plain(templates, Variant(variant.root, "wrong", contradiction))


def test_entry_answers_one_resource_one_rule_and_only_where_it_says() -> None:
    assert not list(judged([FINDING], [ENTRY]))
    assert not list(judged([FINDING], [replace(ENTRY, under="development")]))
    for other in (replace(FINDING, resource="runtime/Other"), replace(FINDING, rule="CT.S3.PR.2")):
        assert [line.split(": ")[:2] for line in judged([FINDING, other], [ENTRY])] == [[other.resource, other.rule]]
    under_production = replace(FINDING, variant="production-own")
    [line] = judged([FINDING, under_production], [replace(ENTRY, under="development")])
    assert line == "runtime/Bucket: CT.S3.PR.1: Close it (runtime-flat production-own)"


def test_entry_without_a_finding_is_stale() -> None:
    [line] = judged([], [ENTRY])
    assert line == "runtime/Bucket: CT.S3.PR.1: the entry answers no finding any more; remove it."
    [line] = judged([FINDING], [ENTRY, replace(ENTRY, resource="runtime/Gone")])
    assert line.startswith("runtime/Gone: ")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"reason": None}, "has no reason"),
        ({"reason": "  "}, "has no reason"),
        ({"reason": "not needed"}, "too short"),
        ({"source": None}, "has no source"),
        ({"source": "a colleague"}, "no https:// address"),
        ({"resource": "runtime/*"}, "not about one resource"),
        ({"resource": "Bucket"}, "not about one resource"),
        ({"rule": "CT.*"}, "not about one resource"),
        ({"rule": None}, "has no rule"),
        ({"rules": "CT.S3.PR.1"}, "a key that entries do not have"),
    ],
)
def test_entries_are_whole(change: dict[str, str | None], complaint: str, tmp_path: Path) -> None:
    fields = {"resource": ENTRY.resource, "rule": ENTRY.rule, "reason": ENTRY.reason, "source": ENTRY.source} | change
    lines = [f"{key} = {json.dumps(value)}" for key, value in fields.items() if value is not None]
    path = tmp_path / "entries.toml"
    path.write_text("\n".join(["[[entry]]", *lines]), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read(path)


def test_checked_in_entries_are_whole_and_about_resources_that_there_are() -> None:
    templates = template_dicts()
    titles = {
        f"{'runtime' if name == 'runtime-flat.yaml' else Path(name).stem}/{title}"
        for name, template in templates.items()
        for title in template["Resources"]
    }
    assert {entry.resource for entry in read(ENTRIES)} <= titles


def test_two_entries_for_one_finding_are_refused(tmp_path: Path) -> None:
    table = f'[[entry]]\nresource = "{ENTRY.resource}"\nrule = "{ENTRY.rule}"\nreason = "{ENTRY.reason}"\n'
    path = tmp_path / "entries.toml"
    path.write_text(2 * f'{table}source = "{ENTRY.source}"\n', encoding="utf-8")
    with pytest.raises(ValueError, match="two entries for runtime/Bucket"):
        read(path)


def test_scanner_that_misses_the_control_is_refused() -> None:
    for name, rule in CONTROLS.items():
        kept = {"runtime/development-own/network.json": [("Vpc", "X1", "")]}
        assert controlled(name, {**kept, CONTROL_FILE: [("Control", rule, "")]}) == kept
        with pytest.raises(ScannerFailure, match=name):
            controlled(name, {**kept, CONTROL_FILE: [("Control", "X1", "")]})


def test_both_forms_of_the_runtime_are_one_resource() -> None:
    row = [("Bucket", "R", "m")]
    files = ("runtime/development-own/network.json", "runtime-flat/development-own/runtime-flat.json")
    assert {finding.resource for finding in as_findings(dict.fromkeys(files, row))} == {"runtime/Bucket"}
    [finding] = as_findings({"foundation-region/own/foundation-region.json": row})
    assert finding.resource == "foundation-region/Bucket"


def test_guard_findings_name_what_was_looked_at() -> None:
    def check(title: str) -> dict[str, Any]:
        compared = {"from": {"path": f"/Resources/{title}/Properties/A"}, "to": {"path": "/Resources/Other"}}
        return {"Clause": {"Binary": {"check": {"Resolved": compared}}}}

    message = "\n   [CT.S3.PR.1]: Require a thing\n   [FIX]: Do it\n"
    inner = {"Rule": {"name": "check", "messages": {"custom_message": message}, "checks": [check("B"), check("A")]}}
    rule = {"Rule": {"name": "s3_check", "messages": {"custom_message": None}, "checks": [inner]}}
    assert list(guard_findings(rule)) == [(title, "CT.S3.PR.1", "Require a thing") for title in "AB"]


def test_rules_of_one_service_are_one_module() -> None:
    rules = [
        {"service": "s3", "rego": "package cdk_preflight\n\nimport rego.v1\n\na if { true }\n"},
        {"service": "s3", "rego": "package cdk_preflight\n\nimport rego.v1\n\nb if { true }\n"},
    ]
    script = f'exports.BUNDLED_RULES = void 0;\nexports.BUNDLED_RULES = {json.dumps(rules)};\nexports.BUNDLED_LIBS = [{{"name": "l", "rego": "x"}}];'  # noqa: E501  # as the package has it
    assert len(constant(script, "BUNDLED_RULES")) == 2
    found = modules(script, "eu-west-1")
    assert found["l"] == "x"
    assert found["_pf_service_s3"].count("package") == 1
    assert "a if" in found["_pf_service_s3"] and "b if" in found["_pf_service_s3"]
    assert 'deploy_region := "eu-west-1"' in found["_pf_deploy_env"]
