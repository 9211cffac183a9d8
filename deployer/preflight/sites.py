"""One target as the preflight sees it, and what comes of asking about it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from botocore.exceptions import ClientError

from deployer.preflight.rows import Row, failed, passed, unchecked
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
    """What came of asking, a row each: a finding is one sentence."""

    rows: list[Row] = field(default_factory=list)

    @property
    def findings(self) -> list[str]:
        """The sentences of what is wrong."""
        return [row.remedy for row in self.rows if row.passed is False]

    @property
    def unchecked(self) -> list[str]:
        """What could not be asked because the credentials may not."""
        return [f"{row.check} of {row.where} ({row.detail})" for row in self.rows if row.passed is None]

    def ask(self, check: str, where: str, findings: Callable[[], Iterable[str]], detail: str = "as configured") -> None:
        """Takes the findings of a check, and `detail` where there are none; where a call of it is denied, it is
        unchecked. Lets other errors pass.
        """
        try:
            found = list(findings())
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            self.rows.append(unchecked(check, where, f"{error.operation_name} is denied"))
            return
        self.rows += [failed(check, where, "not as configured", sentence) for sentence in found]
        if not found:
            self.rows.append(passed(check, where, detail))

    def add(self, others: "Answers") -> None:
        """Takes what another has."""
        self.rows += others.rows
