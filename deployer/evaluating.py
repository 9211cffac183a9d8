"""Which templates a configuration deploys, and templates under the values that they have in an account and Region."""

from collections.abc import Mapping
from typing import Any

from deployer.aws import dns_suffix, partition_of
from deployer.foundation_plan import defaults
from deployer.settings import Settings
from generator.evaluation import Deployment
from generator.stacks.runtime import FLATTENED_FILE, PARENT_FILE


def evaluated(
    templates: Mapping[str, Any], root: str, values: Mapping[str, str], account: str, region: str
) -> Deployment:
    """Returns the deployment of the root template in an account and Region; what `values` leave out has its default."""
    pseudo = {
        "AWS::AccountId": account,
        "AWS::Partition": partition_of(region),
        "AWS::Region": region,
        "AWS::StackName": "runtime",
        "AWS::URLSuffix": dns_suffix(region),
    }
    return Deployment(templates, root, pseudo).given({**defaults(templates[root]), **values})


def root_file(settings: Settings) -> str:
    """Returns the root template's file: with CloudFormation's own roles a stack set deploys no nested stacks.

    User guide, "Create stack sets with service-managed permissions".
    """
    return FLATTENED_FILE if settings.stack_set.service_managed else PARENT_FILE
