"""The roles that a self-managed stack set acts with: there, trusting each other, and allowed to make a runtime.

CloudFormation user guide, "Grant self-managed permissions": the administration role assumes the execution role of the
target account, which must trust it by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from deployer.aws import partition_of
from deployer.context import Context
from deployer.foundation import ACCOUNT_STACK, TARGET_STACK, Publisher, target_parameters
from deployer.preflight.permissions import verdict
from deployer.preflight.rows import Row, failed, passed, unchecked
from deployer.preflight.simulation import Simulated, needs, simulate
from deployer.preflight.sites import DENIED
from deployer.stacks import describe, parameters_of
from generator import foundation_parameters as f
from generator.evaluation import Template
from generator.stacks.foundation import TARGET_FILE

CHECK: Final = "execution role"
HOW: Final = f"launch templates/{TARGET_FILE} there (`python build.py launch-url --execution-roles` prints a link)"
NO_BUCKET: Final = "artifact-bucket-that-deploy-makes"


@dataclass(frozen=True)
class Roles:
    """What the checks of one publisher's roles share; `bucket` is the artifact bucket, or empty."""

    context: Context
    publisher: Publisher
    bucket: str
    templates: Mapping[str, Template]

    @property
    def name(self) -> str:
        """The execution role's name."""
        return self.publisher.stack_set.execution_role_name

    def arn(self, account: str, name: str) -> str:
        """Returns a role's ARN."""
        return f"arn:{partition_of(self.publisher.home_region)}:iam::{account}:role/{name}"

    def rows(self, account: str) -> Iterator[Row]:
        """Yields what an account's execution role lacks, or that it lacks nothing."""
        where = f"account {account}"
        if not self.context.aws.reaches(account):
            yield unchecked(CHECK, where, f"these credentials do not read it; if it has none, {HOW}")
            return
        try:
            role = self._role(account, self.name)
            yield from self._missing(account) if role is None else self._standing(account, role)
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            yield unchecked(CHECK, where, f"{error.operation_name} is denied")

    def administration(self) -> Row:
        """Returns whether the administration role is there, or will be."""
        account, name = self.publisher.account, self.publisher.stack_set.administration_role_name
        check, where = "administration role", f"account {account}"
        try:
            role = self._role(account, name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in DENIED:
                raise
            return unchecked(check, where, f"{error.operation_name} is denied")
        if role is not None:
            return passed(check, where, f"{name} is there")
        makes = self.publisher.stack_set.create_administration_role
        if makes and not self._made(account, ACCOUNT_STACK, f.CREATE_ADMINISTRATION_ROLE.name):
            return passed(check, where, "deploy makes it")
        why = (
            f"is gone, though the stack {ACCOUNT_STACK} made it: make it again by hand as"
            " templates/foundation-account.yaml has it"
            if makes
            else "does not exist: make it, or set stack_set.create_administration_role to true"
        )
        return failed(check, where, "missing", f"The role {self.arn(account, name)} {why}.")

    def _role(self, account: str, name: str) -> Mapping[str, Any] | None:
        client = self.context.aws.client("iam", account, self.publisher.home_region)
        try:
            role: Mapping[str, Any] = client.get_role(RoleName=name)["Role"]
        except client.exceptions.NoSuchEntityException:
            return None
        return role

    def _made(self, account: str, stack: str, switch: str = "") -> bool:
        """Returns whether a foundation's stack stands that should have made a role: it is not made a second time."""
        client = self.context.aws.client("cloudformation", account, self.publisher.home_region)
        found = describe(client, stack)
        return found is not None and (not switch or parameters_of(found).get(switch) == "on")

    def _missing(self, account: str) -> Iterator[Row]:
        where, arn = f"account {account}", self.arn(account, self.name)
        own = account == self.publisher.account
        stack = ACCOUNT_STACK if own else TARGET_STACK
        if own and not self.publisher.stack_set.create_execution_role:
            remedy = f"The role {arn} does not exist: make it, or set stack_set.create_execution_role to true."
            yield failed(CHECK, where, "missing", remedy)
        elif self._made(account, stack, f.CREATE_EXECUTION_ROLE.name if own else ""):
            advice = (
                "make it again by hand as templates/foundation-account.yaml has it"
                if own
                else "delete that stack and run the same command again, or make the role by hand"
            )
            yield failed(
                CHECK, where, "missing", f"The role {arn} is gone, though the stack {stack} made it: {advice}."
            )
        else:
            yield passed(CHECK, where, "deploy makes it")

    def _standing(self, account: str, role: Mapping[str, Any]) -> Iterator[Row]:
        where, arn = f"account {account}", str(role["Arn"])
        administration = self.arn(self.publisher.account, self.publisher.stack_set.administration_role_name)
        if not trusts(role["AssumeRolePolicyDocument"], administration):
            remedy = (
                f"The role {arn} does not trust {administration}, so that the stack set cannot take it: let its trust"
                " policy allow that role sts:AssumeRole."
            )
            yield failed(CHECK, where, "does not trust the publisher", remedy)
            return
        yield passed(CHECK, where, "there, and trusts the administration role")
        bucket = self.bucket or NO_BUCKET
        values = {parameter.name: parameter.default or "" for parameter in f.TARGET}
        values |= target_parameters(self.publisher, bucket)
        place = (account, self.publisher.home_region)
        client = self.context.aws.client("iam", *place)
        found = simulate(client, arn, needs(self.templates, TARGET_FILE, values, place))
        reads = [one for one in found.denied if one[0] == "s3:GetObject" and f":::{bucket}/" in one[1]]
        if reads and self.bucket:
            remedy = f"The role {arn} may not read the nested templates: allow it s3:GetObject on {reads[0][1]}."
            yield failed("templates readable", where, "s3:GetObject denied", remedy)
        rest = Simulated(tuple(one for one in found.denied if one not in reads), found.decided, found.undecided)
        yield verdict(
            "permissions of the execution role",
            where,
            rest,
            f"{arn} lacks",
            f"give it what templates/{TARGET_FILE} has",
        )


def trusts(document: Mapping[str, Any], role: str) -> bool:
    """Returns whether a trust policy lets a role, or its whole account, assume the role that it is of."""
    account = role.split(":")[4]
    accepted = {"*", account, ":".join([*role.split(":")[:5], "root"]), role}
    return any(
        accepted & _named(statement.get("Principal", {}))
        for statement in _listed(document.get("Statement"))
        if statement.get("Effect") == "Allow"
        and {str(action).lower() for action in _listed(statement.get("Action"))} & {"sts:assumerole", "sts:*", "*"}
    )


def _named(principal: Any) -> set[str]:
    return set(map(str, _listed(principal.get("AWS")) if isinstance(principal, Mapping) else _listed(principal)))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value is not None else []
