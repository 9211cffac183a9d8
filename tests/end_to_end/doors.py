"""A runtime that somebody launched, whatever the door: its resources as their own services tell them."""

from dataclasses import dataclass
from functools import cache, partial

from generator.stacks import template_dicts, templates
from tests.end_to_end import read_back
from tests.end_to_end.read_back import Account, ReadBack
from tests.end_to_end.readers import EXCEPTIONS, READERS
from tests.end_to_end.running import Project


@dataclass(frozen=True)
class Launched:
    """A root stack of an account and Region, by its id or name, made from a root template's file."""

    project: Project
    account: str
    region: str
    stack: str
    root: str = "runtime.yaml"

    def read_back(self) -> ReadBack:
        """Returns a comparison with the templates under the stack's own values, which reads everything anew."""
        client = cache(partial(self.project.client, region=self.region, account=self.account))
        resources = read_back.made(client("cloudformation"), self.stack)
        deployment = read_back.evaluated(client("cloudformation"), template_dicts(), self.root, self.stack)
        ids = frozenset(resource.physical_id for resource in resources.values())
        return ReadBack(deployment, resources, Account(client, ids, templates()), READERS, EXCEPTIONS)

    def parameters(self) -> dict[str, str]:
        """Returns the root stack's values by name."""
        client = self.project.client("cloudformation", self.region, self.account)
        (stack,) = client.describe_stacks(StackName=self.stack)["Stacks"]
        return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}
