"""Linting of the generated templates: cfn-lint for every target Region, and the graph check across nested stacks.

cfn-lint runs in process, on files in a temporary directory in which it works, since only so does it follow a local
`TemplateURL` to the child's parameters and outputs. Its work is spread over two processes, while a third checks the
graph.
"""

import os
import signal
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import forkserver, get_context, resource_tracker
from pathlib import Path
from typing import Any, Final

REGIONS: Final = ("us-east-1", "us-west-2", "eu-west-1", "ap-southeast-2", "ap-northeast-1")
"""The Regions for which templates are linted where no target says otherwise."""

SUPPRESSED: Final = ("W3002",)
"""Checks that are off for every template: W3002 is about local template URLs, which packaging replaces. Any other is
suppressed where it arises, in a resource's `Metadata.cfn-lint`, with a reason in `Metadata.LintExceptions`."""

PROCESSES: Final = 2
REASONS: Final = "LintExceptions"
"""Where a resource's metadata gives the reason for each check that it suppresses, by the check's id."""
UNREASONED: Final = "suppression-without-reason"


@dataclass(frozen=True, order=True)
class Finding:
    """A defect in a template: `line` counts from 1 and is 0 where the finding is about no line.

    `rule` is cfn-lint's id or the graph rule's name, `severity` is error, warning or informational.
    """

    template: str
    line: int
    rule: str
    severity: str
    message: str
    path: str


def lint(templates: Mapping[str, str], regions: Sequence[str] = REGIONS) -> list[Finding]:
    """Returns what cfn-lint and the graph check find in the templates, given as text by file name, in a stable order.

    Raises `ValueError` where cfn-lint does not know a Region.
    """
    prepare()
    with (
        tempfile.TemporaryDirectory() as folder,
        # cfn-lint follows a local URL only within the working directory.
        ProcessPoolExecutor(PROCESSES, get_context("forkserver"), initializer=_begin, initargs=(folder,)) as pool,
    ):
        for name, text in templates.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        largest_first = sorted(templates, key=lambda name: (-len(templates[name]), name))
        try:
            jobs = [pool.submit(lint_file, name, tuple(regions)) for name in largest_first]
            findings = check_graph(templates)
            for job in jobs:
                findings.extend(job.result())
        except BaseException:
            # Whoever interrupts does not want to wait for the files that nobody has begun to lint.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sorted(set(findings))


def prepare() -> None:
    """Starts to load cfn-lint in another process, so that it is there when `lint` wants it; `lint` does so itself.

    Ctrl-C reaches every process of the terminal's foreground: this one says so, the others have nothing to say.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["deployer.cfn_lint"])
    # It ends with signals unblocked, and is not started twice.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(folder: str) -> None:
    """Makes ready a process that lints: it works in `folder`, and Ctrl-C ends it without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.chdir(folder)


def lint_file(path: str, regions: tuple[str, ...]) -> list[Finding]:
    """Returns what cfn-lint finds in a file of the working directory; for a process of its own."""
    from deployer.cfn_lint import matches

    return [
        Finding(
            template=Path(match.filename).name,
            line=match.linenumber,
            rule=match.rule.id,
            severity=str(match.rule.severity),
            message=match.message,
            path=".".join(map(str, getattr(match, "path", None) or ())),
        )
        for match in matches(path, regions, SUPPRESSED)
    ]


def check_graph(templates: Mapping[str, str]) -> list[Finding]:
    """Returns what the graph check finds, and suppressions of cfn-lint that give no reason."""
    import yaml

    from generator.checks import check

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: dict[str, dict[str, Any]] = {name: yaml.load(text, loader) for name, text in templates.items()}  # noqa: S506  # a safe loader
    findings = [
        Finding(
            template=finding.template,
            line=0,
            rule=finding.rule,
            severity="error",
            message=finding.sentence,
            path=".".join(filter(None, ("Resources" if finding.logical_id else "", finding.logical_id, finding.path))),
        )
        for finding in check(loaded)
    ]
    for name, template in loaded.items():
        for title, resource in template.get("Resources", {}).items():
            metadata = resource.get("Metadata", {})
            ignored = metadata.get("cfn-lint", {}).get("config", {}).get("ignore_checks", ())
            for check_id in ignored:
                if not metadata.get(REASONS, {}).get(check_id):
                    path = f"Resources.{title}.Metadata.{REASONS}.{check_id}"
                    sentence = f"{title} suppresses {check_id} without a reason beside it."
                    findings.append(Finding(name, 0, UNREASONED, "error", sentence, path))
    return findings
