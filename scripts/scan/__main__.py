"""Scan the templates: `python -m scripts.scan`, in the project's environment.

Exits 0 where every finding has its entry and every entry its finding, 1 where not, 2 where a scanner could not work.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deployer.environments import EnvironmentFailure, ensure
from generator.stacks import template_dicts
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE
from scripts.scan.findings import Finding, judged, read
from scripts.scan.plain import plain, variants
from scripts.scan.tools import CONTROL, CONTROL_FILE, Found, ScannerFailure, controlled, scanners

ENTRIES = Path(__file__).with_name("entries.toml")


def laid_out(folder: Path) -> int:
    """Writes the plain templates of every variant, `ROOT/VARIANT/FILE`, and returns how many."""
    templates = template_dicts()
    texts = {CONTROL_FILE: json.dumps(CONTROL)}
    for variant in variants(templates):
        for file, template in plain(templates, variant).items():
            name = Path(variant.root).stem, variant.name, f"{Path(file).stem}.json"
            texts["/".join(name)] = json.dumps(template, indent=1)
    for name_, text in texts.items():
        (folder / name_).parent.mkdir(parents=True, exist_ok=True)
        (folder / name_).write_text(text, encoding="utf-8")
    return len(texts) - 1


def as_findings(found: Found) -> set[Finding]:
    """Returns findings by resource, for files that `laid_out` wrote. The runtime is one thing in both its forms."""
    runtime = {Path(PARENT_FILE).stem, Path(FLATTENED_FILE).stem}
    findings = set()
    for file, rows in found.items():
        form, variant, _ = file.split("/")
        for title, rule, message in rows:
            owner = Path(PARENT_FILE).stem if form in runtime else form
            findings.add(Finding(f"{owner}/{title}", rule, variant, form, message))
    return findings


def main() -> int:
    """Scan and say what is open; returns the exit status."""
    began = time.monotonic()
    try:
        entries = read(ENTRIES)
        interpreter = ensure("scanners", lambda line: print(line, file=sys.stderr))
        with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(2) as pool:
            folder = Path(place).resolve()
            count = laid_out(folder)
            jobs = {name: pool.submit(scan, folder) for name, scan in scanners(interpreter).items()}
            found = {name: as_findings(controlled(name, job.result())) for name, job in jobs.items()}
    except (EnvironmentFailure, ScannerFailure, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    sentences = list(judged(set[Finding]().union(*found.values()), entries))
    for sentence in sentences:
        print(sentence)
    counts = ", ".join(f"{name} {len({(f.resource, f.rule) for f in each})}" for name, each in found.items())
    print(
        f"{count} templates, findings by resource and rule: {counts}; {len(entries)} entries, {len(sentences)} open,"
        f" {time.monotonic() - began:.0f} s"
    )
    return 1 if sentences else 0


if __name__ == "__main__":
    sys.exit(main())
