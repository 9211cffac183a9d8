"""What every command that reaches AWS acts with."""

from dataclasses import dataclass, field, replace

from deployer import neighbours
from deployer.aws import Aws
from deployer.events import Reporter
from deployer.foundation import artifact_bucket
from deployer.neighbours import Neighbours
from deployer.network import Network
from deployer.override_records import OverrideRecords
from deployer.settings import Settings
from deployer.stack_set_plan import Target
from deployer.stack_sets import Preferences, StackSets


@dataclass(frozen=True)
class Context:
    """Everything that a deployment acts with; `poll` is how many seconds lie between two looks at what is running."""

    settings: Settings
    aws: Aws
    network: Network
    reporter: Reporter
    local: bool
    poll: float
    standing: frozenset[Target] = frozenset()
    """The targets that have a runtime, configured or not: what they need of the foundation must stay until they go."""
    neighbours: Neighbours = field(default_factory=Neighbours)
    """The other stack sets on the foundation, which need theirs of it too."""

    @property
    def account(self) -> str:
        """The administrator's account, which publishes."""
        return self.settings.stack_set.administration_account or self.aws.identity()

    @property
    def stack_sets(self) -> StackSets:
        """The stack set, through the administrator's account and home Region."""
        stack_set = self.settings.stack_set
        return StackSets(
            client=self.aws.client("cloudformation", self.account, stack_set.home_region),
            name=stack_set.name,
            reporter=self.reporter,
            poll=self.poll,
            preferences=Preferences(
                concurrency=stack_set.concurrency,
                tolerance=stack_set.failure_tolerance,
                region_order=stack_set.region_order,
                parallel_regions=stack_set.parallel_regions,
            ),
            delegated=stack_set.delegated_administrator,
        )

    def looked_around(self) -> "Context":
        """Returns the context with what stands on the foundation: the set's own runtimes and the other stack sets."""
        sets = self.stack_sets
        return replace(
            self,
            standing=frozenset(sets.listed()) if sets.describe() is not None else frozenset(),
            neighbours=neighbours.read(self.aws, self.account, self.settings.stack_set.home_region, sets),
        )

    def recorded_stack_sets(self) -> StackSets:
        """Returns the stack set with the records of its overrides where there is an artifact bucket."""
        bucket = artifact_bucket(self.aws, self.account, self.settings.stack_set.home_region)
        return self.recording_in(bucket) if bucket else self.stack_sets

    def recording_in(self, bucket: str) -> StackSets:
        """Returns the stack set with the records of its overrides in the artifact bucket."""
        sets = self.stack_sets
        sets.records = OverrideRecords(
            self.aws.client("s3", self.account, self.settings.stack_set.home_region), bucket, self.account
        )
        return sets
