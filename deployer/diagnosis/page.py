"""`docs/diagnoses.md`: the catalogue as a table."""

from deployer.diagnosis.catalogue import CAUSES
from deployer.diagnosis.evidence import UNKNOWN

HEAD = f"""# What a failure means

`python build.py deploy` and `destroy` end with a diagnosis of every target that failed, and `python build.py diagnose`
gives it again later. It reads the events of the target's stacks, deleted ones included, and where the failure is the
service's, the certificate's or the gateway's, what Amazon ECS, the load balancer, CloudWatch Logs, AWS Certificate
Manager and AgentCore say. What is not in this table is `{UNKNOWN}`: then the evidence is shown as it is.

`python build.py generate` makes this page from `deployer/diagnosis/catalogue.py`.

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
