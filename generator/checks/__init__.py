"""The graph check: what is wrong with templates as a whole, across parent and children, under every condition."""

from collections.abc import Mapping
from typing import Any, Final

from generator.checks import access, balancing, containers, exposure, limits, monitoring, network, wiring
from generator.checks.domain import representatives
from generator.checks.findings import Finding, Rule, TemplateQuestion, ask, name_of
from generator.evaluation import STACK, Deployment

TEMPLATE_QUESTIONS: Final[tuple[TemplateQuestion, ...]] = (
    *wiring.TEMPLATE_QUESTIONS,
    *limits.TEMPLATE_QUESTIONS,
    *access.TEMPLATE_QUESTIONS,
)
EVALUATING_QUESTIONS: Final[tuple[TemplateQuestion, ...]] = (
    *wiring.EVALUATING_QUESTIONS,
    *limits.EVALUATING_QUESTIONS,
)
RULES: Final[tuple[Rule, ...]] = (
    *wiring.RULES,
    *network.RULES,
    *balancing.RULES,
    *exposure.RULES,
    *containers.RULES,
    *access.RULES,
    *monitoring.RULES,
)


def roots(templates: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the names of the templates that are not children of another one."""
    children = {
        resource.get("Properties", {}).get("TemplateURL")
        for template in templates.values()
        for resource in (template.get("Resources") or {}).values()
        if resource.get("Type") == STACK
    }
    return [name for name in templates if name not in children]


def check(templates: Mapping[str, Mapping[str, Any]], only: str = "") -> list[Finding]:
    """Returns every finding about the templates, which are given by file name; none means that all is well.

    `only` is the name of a rule where the others' findings are not wanted.

    Templates that reach each other through a relative `TemplateURL` are checked as one graph. Rules about resources are
    asked under every combination of parameter values that can change their answer and that the root's rules admit.
    """
    findings: list[Finding] = []
    for name in roots(templates):
        deployment = Deployment(templates, name)
        for question in TEMPLATE_QUESTIONS:
            if _wanted(question, only):
                findings.extend(question(deployment))
        if any(wiring.dangling_names(deployment)):
            continue  # what cannot be resolved cannot be evaluated
        for question in EVALUATING_QUESTIONS:
            if _wanted(question, only):
                findings.extend(question(deployment))
        domain = representatives(deployment)
        for rule in RULES:
            if only in ("", rule.name):
                findings.extend(ask(rule, deployment, domain))
    return findings


def _wanted(question: TemplateQuestion, only: str) -> bool:
    return only in ("", name_of(question))
