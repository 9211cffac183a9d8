"""What a customer brings along: a key under the documented policy, a boundary, a policy for the tools."""

import json
from dataclasses import dataclass

from generator.key_policy import key_policy
from generator.stacks import template_dicts
from tests.end_to_end.running import ACCOUNT, REGION, Project

BOUNDARY = "boundary"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@dataclass(frozen=True)
class Brought:
    """ARNs of the key and of the tools' policy; the boundary goes by its name."""

    key: str
    task_policy: str


def bring(project: Project) -> Brought:
    """Makes them in the project's account, whose AWS is started where it does not run."""
    assert project.run("status").status == 0
    policy = key_policy(template_dicts(), ACCOUNT, REGION, "aws")
    key = project.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    made = [
        project.client("iam").create_policy(PolicyName=name, PolicyDocument=json.dumps(EVERYTHING))["Policy"]["Arn"]
        for name in (BOUNDARY, "tools")
    ]
    return Brought(key, made[1])
