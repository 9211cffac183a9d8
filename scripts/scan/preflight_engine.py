"""The rules of cdk-preflight, for the scanners' interpreter: `python preflight_engine.py ARCHIVE REGION FOLDER`.

ARCHIVE is cdk-preflight's JavaScript package, FOLDER holds the templates. Prints one JSON document: by file, a list of
findings, each `[logical id, rule, message]`. cdk-preflight hands its rules, in Rego, to the CloudFormation validation
engine and leaves that engine's own rules aside, and so does this (cdk-preflight's lib/private/enforce.js).
"""

import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any

HEADER = "package cdk_preflight\n\nimport rego.v1\n"


def constant(script: str, name: str) -> Any:
    """Returns a list that the script exports; it is JSON."""
    start = f"exports.{name} = "
    return json.JSONDecoder().raw_decode(script, script.index(start + "[") + len(start))[0]


def modules(script: str, region: str) -> dict[str, str]:
    """Returns Rego modules by name: the shared ones, the rules, one module a service, and the Region deployed to."""
    found = {module["name"]: module["rego"] for module in constant(script, "BUNDLED_LIBS")}
    for rule in constant(script, "BUNDLED_RULES"):
        name = f"_pf_service_{rule['service']}"
        found[name] = found.get(name, HEADER) + re.sub(r"(?m)^(?:package|import)\s.*\n", "", rule["rego"]) + "\n"
    return found | {"_pf_deploy_env": f'{HEADER}\ndeploy_region := "{region}"\n'}


def main(archive: str, region: str, folder: str) -> None:
    """Prints what the rules find in the folder's templates."""
    import cloudformation_validate as engine  # type: ignore[import-not-found]  # in the scanners' environment alone

    with tarfile.open(archive) as package:
        member = package.extractfile("package/lib/rules.generated.js")
        assert member is not None
        script = member.read().decode()
    rules = [engine.ExternalRuleSource(name=name, content=rego) for name, rego in modules(script, region).items()]
    rego = engine.RegoEngine(engine.EngineConfig(custom_rules=rules))
    found = {
        str(path.relative_to(folder)): [
            [finding.entity.logical_id if finding.entity else "", finding.rule_id, finding.message]
            for finding in rego.validate_template(str(path)).diagnostics
            if finding.source.name == "CUSTOM"
        ]
        for path in sorted(Path(folder).rglob("*.json"))
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
