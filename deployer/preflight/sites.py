"""One target as the preflight sees it, and what comes of asking about it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.exceptions import ClientError

from deployer.target_checks import host_name, key_of
from generator.parameters import RootParameter

DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
"""Error codes with which services say that the caller may not make a call (EC2's is the last)."""


@dataclass(frozen=True)
class Site:
    """One target with the value of every root parameter there, by name."""

    account: str
    region: str
    values: Mapping[str, str]

    @property
    def where(self) -> str:
        """How sentences name the target."""
        return f"the target {self.account} {self.region}"

    @property
    def host(self) -> str:
        """The runtime's host name; empty without an endpoint."""
        return host_name(self.values, self.account, self.region)

    def value(self, parameter: RootParameter) -> str:
        """Returns the value of a root parameter."""
        return self.values[parameter.name]

    def items(self, parameter: RootParameter) -> tuple[str, ...]:
        """Returns the items of a root parameter that is a list."""
        return tuple(item for item in self.value(parameter).split(",") if item)

    def says(self, parameter: RootParameter) -> str:
        """Returns a setting as the configuration has it, such as network.zones = 3."""
        return f"{key_of(parameter)} = {self.value(parameter)}"


@dataclass
class Answers:
    """Findings, each one sentence, and what could not be asked because the credentials may not."""

    findings: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)

    def ask(self, what: str, findings: Callable[[], Iterable[str]]) -> None:
        """Takes the findings of a check; where a call of it is denied, `what` is unchecked. Lets other errors pass."""
        try:
            self.findings += findings()
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            self.unchecked.append(f"{what} ({error.operation_name} is denied)")

    def add(self, others: "Answers") -> None:
        """Takes what another has."""
        self.findings += others.findings
        self.unchecked += others.unchecked
