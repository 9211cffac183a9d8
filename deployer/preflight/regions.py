"""Regions that an account must enable before it can use them.

A stack instance is made only where its Region is enabled in the target account and in the account of the stack set
(CloudFormation user guide, "Prepare to perform StackSet operations in AWS Regions that are disabled by default").
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from deployer.aws import Aws
from deployer.preflight.sites import Answers
from deployer.settings import Settings

NOT_ENABLED: Final = "not-opted-in"
ENABLED: Final = "opted-in"
"""EC2 service model, `Region.OptInStatus`; Regions that every account has are opt-in-not-required."""


def closed(
    aws: Aws, accounts: Sequence[str], publisher: str, settings: Settings, answers: Answers
) -> set[tuple[str, str]]:
    """Returns the targets, of accounts that can be read, whose Region is not enabled; each is told in `answers`."""
    home = settings.stack_set.home_region
    wanted = [(target.account, target.region) for target in settings.targets]
    found: set[tuple[str, str]] = set()
    for account in dict.fromkeys([publisher, *accounts]):
        needed = {region for owner, region in wanted if account in (owner, publisher)}

        def told(account: str = account, needed: set[str] = needed) -> Iterable[str]:
            for region in sorted(needed & with_status(aws.client("ec2", account, home), NOT_ENABLED)):
                mine = (account, region) in wanted
                found.add((account, region))
                whose = "" if mine else ", which publishes to targets there"
                yield (
                    f"The Region {region} is not enabled in account {account}{whose}; enable it in the account's"
                    f" settings, or remove the targets in {region}."
                )

        answers.ask("Regions", f"account {account}", told, "enabled")
    return found


def with_status(ec2: Any, status: str) -> frozenset[str]:
    """Returns the Regions that stand so in the client's account: `NOT_ENABLED` or `ENABLED`."""
    listed = ec2.describe_regions(AllRegions=True)["Regions"]
    return frozenset(region["RegionName"] for region in listed if region.get("OptInStatus") == status)
