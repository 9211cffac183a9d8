"""`docs/diagnoses.md`: the catalogue as a table; `python -m deployer.diagnosis.page` writes it."""

from pathlib import Path

from deployer.diagnosis.catalogue import CAUSES
from deployer.diagnosis.evidence import UNKNOWN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "diagnoses.md"
HEAD = f"""# What a failure means

`python build.py deploy` and `destroy` end with a diagnosis of every target that failed, and `python build.py diagnose`
gives it again later. It reads the events of the target's stacks, deleted ones included, and where the failure is the
service's, the certificate's or the gateway's, what Amazon ECS, the load balancer, CloudWatch Logs, AWS Certificate
Manager and AgentCore say. What is not in this table is `{UNKNOWN}`: then the evidence is shown as it is.

This page is made from `deployer/diagnosis/catalogue.py`; `python -m deployer.diagnosis.page` writes it.

| code | what | why | what to do |
|---|---|---|---|
"""


def page_text() -> str:
    """Returns the page as the catalogue makes it."""
    rows = [
        f"| [{cause.code}]({cause.source}) | {cause.what} | {cause.why} | {cause.remedy} |\n".replace("…", "...")
        for cause in CAUSES
    ]
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page_text(), encoding="utf-8")
