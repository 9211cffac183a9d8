"""Templates under the values that they have in one account and Region."""

from collections.abc import Mapping
from typing import Any

from deployer.aws import dns_suffix, partition_of
from deployer.foundation_plan import defaults
from generator.evaluation import Deployment


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
