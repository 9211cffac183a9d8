"""Values that vary with the `Preset` parameter or with a parameter's allowed value, as CloudFormation mappings.

The `development` preset is the original architecture's cost table: one NAT gateway, two tasks of 0.25 vCPU and 0.5 GB,
seven days of logs.
"""

from dataclasses import dataclass
from typing import Final

from generator.serving import COLLECTOR_MEMORY_MIB

PRESET: Final = "preset"
"""The value of an overridable parameter that means: take the preset's."""


@dataclass(frozen=True)
class Mapping:
    """A CloudFormation mapping: `name` as in the template, `rows` by first key, then by second key."""

    name: str
    rows: dict[str, dict[str, str]]


PRESETS: Final = Mapping(
    "Presets",
    {
        "development": {
            "NatGateways": "single",
            "TaskSize": "256-512",
            "LogRetentionDays": "7",
            "Firewall": "off",
            "RequestsPerPrincipal": "0",
            "RequestsPerTool": "0",
            "DeletionProtection": "off",
            "FlowLogTraffic": "REJECT",
            "ContainerInsights": "disabled",
        },
        "production": {
            "NatGateways": "per-zone",
            "TaskSize": "1024-2048",
            "LogRetentionDays": "365",
            "Firewall": "on",
            "RequestsPerPrincipal": "3000",
            "RequestsPerTool": "6000",
            "DeletionProtection": "on",
            "FlowLogTraffic": "ALL",
            "ContainerInsights": "enhanced",
        },
    },
)

FARGATE_MEMORY_BY_CPU: Final[dict[int, tuple[int, ...]]] = {
    256: (512, 1024, 2048),
    512: (1024, 2048, 3072, 4096),
    1024: (2048, 3072, 4096, 5120, 6144, 7168, 8192),
    2048: (4096, 8192, 12288, 16384),
    4096: (8192, 16384, 24576, 30720),
}
"""Pairs of CPU units and MiB that Fargate has (ECS service model, `RegisterTaskDefinition.cpu`); of the two largest
sizes only some of the memory steps, to keep the form short."""

TASK_SIZES: Final = tuple(f"{cpu}-{memory}" for cpu, memories in FARGATE_MEMORY_BY_CPU.items() for memory in memories)


def _by_task_size(name: str, part: int, less: int = 0) -> Mapping:
    def value(size: str) -> str:
        return str(int(size.split("-")[part]) - less)

    def row(size: str) -> dict[str, str]:
        return dict.fromkeys(PRESETS.rows, value(size))

    preset = {preset: value(values["TaskSize"]) for preset, values in PRESETS.rows.items()}
    return Mapping(name, {PRESET: preset} | {size: row(size) for size in TASK_SIZES})


TASK_CPU: Final = _by_task_size("TaskCpu", 0)
"""CPU units by task size and preset. `Fn::FindInMap` takes no `Fn::If` as a key, so the preset is a key too."""
TASK_MEMORY: Final = _by_task_size("TaskMemory", 1)
"""MiB of memory by task size and preset."""
TASK_MEMORY_BESIDE_COLLECTOR: Final = _by_task_size("TaskMemoryBesideCollector", 1, COLLECTOR_MEMORY_MIB)
"""MiB of memory that the server has where a collector of traces shares its task."""

SPOT_SHARES: Final = Mapping(
    "SpotShares",
    {
        "0": {"OnDemandWeight": "1", "SpotWeight": "0"},
        "25": {"OnDemandWeight": "3", "SpotWeight": "1"},
        "50": {"OnDemandWeight": "1", "SpotWeight": "1"},
        "75": {"OnDemandWeight": "1", "SpotWeight": "3"},
    },
)

SERVER_TOKEN_CHECKS: Final = Mapping(
    "ServerTokenChecks",
    {
        "auto": {"MadeIssuer": "on", "ExistingIssuer": "off"},
        "on": {"MadeIssuer": "on", "ExistingIssuer": "on"},
        "off": {"MadeIssuer": "off", "ExistingIssuer": "off"},
    },
)
"""Whether the server checks tokens, by the user's choice and by whose issuer it is."""

BURN_RATES: Final = Mapping(
    "BurnRates",
    {
        "99": {"Fast": "14.4", "Slow": "6"},
        "99.5": {"Fast": "7.2", "Slow": "3"},
        "99.9": {"Fast": "1.44", "Slow": "0.6"},
        "99.95": {"Fast": "0.72", "Slow": "0.3"},
    },
)
"""Percent of failed calls at which a budget of 30 days burns 14.4 and 6 times too fast, by availability objective."""

LOG_RETENTION_DAYS: Final = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""Retentions that CloudWatch Logs has (`PutRetentionPolicy`), up to ten years."""

TASK_COUNTS: Final = tuple(range(2, 11))
"""Task counts that the form offers. Rules cannot compare numbers, so the counts are a list."""
