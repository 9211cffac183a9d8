"""Links with which somebody of a target's account makes the execution role there, which the publisher may not reach.

Where the credentials read the account, the template is fetched with their rights; elsewhere the artifact bucket holds
it and its policy admits the account, which is all that can be seen from outside.
"""

from dataclasses import dataclass, replace

from deployer import console_links, releases
from deployer.aws import Aws, partition_of
from deployer.context import Context
from deployer.deployment import publisher_of, step, with_members
from deployer.each_target import each
from deployer.errors import UsageError
from deployer.foundation import TARGET_STACK, Publisher, has_role, other_accounts, target_parameters
from deployer.launching import Link, Links, Wish, check, gathered, reader_of, store_of
from deployer.readable_objects import READ, Packaged, Store, bucket_policy, unreadable
from deployer.releases import Release
from deployer.resource_policies import admits
from deployer.stack_set_plan import Target as Place
from generator import foundation_parameters as f
from generator.stacks.foundation import TARGET_FILE


def role_links(context: Context, wish: Wish) -> Links:
    """Returns a link for each target's account that may lack the execution role, and names those that have it.

    Raises UsageError where the stack set takes CloudFormation's own roles, RefusedError where nothing is packaged.
    """
    check(wish)
    if context.settings.stack_set.service_managed:
        raise UsageError(
            "A service-managed stack set acts with CloudFormation's own roles: its targets need no execution role."
        )
    context = replace(context, settings=with_members(context)[0]).looked_around()
    release = step(context, "Release", lambda: releases.standing(context))
    launcher = context.aws.as_role(wish.role_arn) if wish.role_arn else context.aws
    publisher = publisher_of(context)
    work = _RoleLinks(context, release, publisher, launcher, store_of(context, release.bucket))
    home = publisher.home_region
    wanted = [account for account in other_accounts(publisher) if wish.only.partition("/")[0] in ("", account)]
    have = [account for account in wanted if work.has_role(account)]
    lacking = [(account, home) for account in wanted if account not in have]
    done = step(context, "Links", lambda: each(lacking, work.made))
    url = release.package.urls[TARGET_FILE]
    return replace(gathered(url, done), settled=tuple(f"Account {account} has its execution role." for account in have))


@dataclass(frozen=True)
class _RoleLinks:
    context: Context
    release: Release
    publisher: Publisher
    launcher: Aws
    store: Store

    def has_role(self, account: str) -> bool:
        """Returns whether an account has the role, as far as that can be read."""
        if not self.context.aws.reaches(account):
            return False
        client = self.context.aws.client("iam", account, self.publisher.home_region)
        return has_role(client, self.publisher.stack_set.execution_role_name)

    def made(self, place: Place) -> Link | tuple[str, ...]:
        """Returns an account's link, or the sentences for which it would fail."""
        account, region = place
        key, text = self._template()
        defaults = {parameter.name: parameter.default for parameter in f.TARGET}
        values = target_parameters(self.publisher, self.release.bucket)
        parameters = {name: value for name, value in values.items() if value != (defaults[name] or "")}
        url = self.release.package.urls[TARGET_FILE]
        link = console_links.quick_create(partition_of(region), region, url, TARGET_STACK, parameters)
        if self.launcher.reaches(account):
            reader = reader_of(self.launcher, self.context, account)
            findings = unreadable(self.store, reader, [Packaged(TARGET_FILE, key, text)])
            return tuple(findings) or Link(account, region, "", link, reader.name, f"fetched as {reader.name}.")
        if not self.store.bucket.holds(key):
            return (f"{TARGET_FILE} is not in the artifact bucket: run `python build.py package`.",)
        document = bucket_policy(self.store)
        if document is not None and not admits(document, account, self.store.organization, [READ]):
            closed = (
                f"The policy of the bucket {self.store.bucket.name} does not allow account {account} {READ}: run"
                " `python build.py package`, which admits the targets."
            )
            return (closed,)
        said = f"not fetched: whoever opens it needs {READ} on {self.store.templates}; the bucket admits the account."
        return Link(account, region, "", link, "", said, "observed")

    def _template(self) -> tuple[str, str]:
        found = next(one for one in self.release.package.artifacts if one.file == TARGET_FILE)
        return found.key, found.text
