"""A deployment from settings to verified runtimes; each step is safe to repeat and says when it changed nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer import foundation, gateway_targets, images, runtimes, source_image, zones
from deployer.aws import Aws
from deployer.errors import RefusedError, UsageError
from deployer.events import Reporter, Step
from deployer.linting import lint
from deployer.network import Network
from deployer.packaging import ImageReference, UploadResult, packaged, upload
from deployer.runtimes import Runtime
from deployer.settings import Settings, Target
from deployer.stack_sets import Instance, OperationFailedError, Overrides, Plan, StackSet, StackSets, plan
from deployer.verification import Row, verify
from deployer.watching import TargetWatcher
from generator import parameters as p
from generator.stacks import template_dicts, templates
from generator.stacks.runtime import PARENT_FILE

ROOT = Path(__file__).resolve().parent.parent
SETTLING_SECONDS = 90.0
"""A service without a desired count is steady with one task; scaling starts the others right after."""
OCI_ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}


@dataclass(frozen=True)
class Context:
    """Everything that a deployment acts with."""

    settings: Settings
    aws: Aws
    network: Network
    reporter: Reporter
    local: bool
    poll: float

    @property
    def account(self) -> str:
        """The administrator's account, which publishes."""
        return self.settings.stack_set.administration_account or self.aws.identity()

    @property
    def stack_sets(self) -> StackSets:
        """The stack set, through the administrator's account and home Region."""
        client = self.aws.client("cloudformation", self.account, self.settings.stack_set.home_region)
        return StackSets(client, self.settings.stack_set.name, self.reporter, self.poll)


@dataclass
class Result:
    """What a deployment did and found."""

    changed: bool = False
    uploaded: int = 0
    template_url: str = ""
    image_digest: str = ""
    runtimes: list[Runtime] = field(default_factory=list)
    verification: dict[str, list[Row]] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Returns the result as plain data."""
        return {
            "changed": self.changed,
            "uploaded": self.uploaded,
            "template_url": self.template_url,
            "image_digest": self.image_digest,
            "targets": [vars(runtime) for runtime in self.runtimes],
            "verification": {name: [vars(row) for row in rows] for name, rows in self.verification.items()},
        }

    @property
    def passed(self) -> bool:
        """Whether no row of any verified target failed."""
        return all_passed(self.verification)


def all_passed(verification: Mapping[str, Sequence[Row]]) -> bool:
    """Returns whether no row failed; a row that was not tried, since there is no endpoint, is no failure."""
    return not any(row.passed is False for rows in verification.values() for row in rows)


def deploy(context: Context) -> Result:
    """Deploys every target of the settings and verifies those whose account can be read.

    Raises UsageError before anything changed, RefusedError where AWS or a check said no. A failed verification is no
    exception: the result says so.
    """
    result = Result()
    texts = _step(context, "Lint", lambda: _linted(context.settings))
    overrides = _step(context, "Preflight", lambda: _overrides(context))
    ground = foundation.deploy(context.aws, _publisher(context), texts, context.reporter, context.poll)
    image = _step(context, "Image", lambda: _image(context, ground.repository))
    result.image_digest = image.digest
    package, uploaded = _step(context, "Package", lambda: _package(context, ground.bucket, image))
    result.template_url, result.uploaded = package, len(uploaded.uploaded)
    wanted = StackSet(
        name=context.settings.stack_set.name,
        template_url=package,
        parameters=_parameters(context.settings, image),
        administration_role_arn=ground.administration_role_arn,
        execution_role_name=ground.execution_role_name,
    )
    steps, before = _converge(context, wanted, overrides)
    result.changed = not steps.empty
    result.runtimes = runtimes.read(context.aws, context.stack_sets.instances())
    _synchronize(context, result.runtimes, before if steps.update_set else {})
    result.verification = verify_all(context, result.runtimes, SETTLING_SECONDS)
    return result


def package(context: Context) -> tuple[str, UploadResult]:
    """Deploys the foundation and uploads the templates; returns the root template's URL and what was uploaded."""
    texts = _step(context, "Lint", lambda: _linted(context.settings))
    ground = foundation.deploy(context.aws, _publisher(context), texts, context.reporter, context.poll)
    image = _step(context, "Image", lambda: _image(context, ground.repository))
    found: tuple[str, UploadResult] = _step(context, "Package", lambda: _package(context, ground.bucket, image))
    return found


def verify_deployed(context: Context) -> dict[str, list[Row]]:
    """Verifies every deployed runtime that can be read; raises RefusedError where nothing is deployed."""
    sets = context.stack_sets
    if sets.describe() is None:
        raise RefusedError(f"There is no stack set {sets.name} to verify; deploy first.")
    return verify_all(context, runtimes.read(context.aws, sets.instances()))


def verify_all(context: Context, found: list[Runtime], patience: float = 0.0) -> dict[str, list[Row]]:
    """Returns the rows of the layered truth test by `account/region`, for every runtime whose account can be read.

    `patience` is for how many seconds a runtime's tasks may still be starting.
    """
    rows: dict[str, list[Row]] = {}
    for runtime in found:
        if runtime.readable:
            name = f"Verify {runtime.account} {runtime.region}"
            context.reporter.emit(Step(name, "started"))
            tested = verify(
                runtime.outputs,
                context.aws,
                context.network,
                context.local,
                runtime.account,
                runtime.region,
                runtime.parameters,
                patience,
            )
            failed = [row.layer for row in tested if row.passed is False]
            context.reporter.emit(
                Step(name, "failed" if failed else "done", f"failed at: {failed[0]}" if failed else "")
            )
            rows[f"{runtime.account}/{runtime.region}"] = tested
    return rows


def _step(context: Context, name: str, work: Callable[[], Any]) -> Any:
    context.reporter.emit(Step(name, "started"))
    try:
        result = work()
    except Exception:
        context.reporter.emit(Step(name, "failed"))
        raise
    context.reporter.emit(Step(name, *_outcome(result)))
    return result


def _outcome(result: Any) -> tuple[Any, str]:
    if isinstance(result, ImageReference):
        return "done", f"{result.repository}@{result.digest[:19]}…"
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], UploadResult):
        count = len(result[1].uploaded)
        return ("done", f"{count} templates uploaded") if count else ("unchanged", "every template was there already")
    return "done", ""


def _linted(settings: Settings) -> dict[str, str]:
    texts = templates()
    found = lint(texts, sorted({target.region for target in settings.targets}))
    if found:
        first = found[0]
        raise RefusedError(
            f"Linting found {len(found)} problems in the templates, the first in {first.template}:"
            f" {first.rule} {first.message}; run lint to see them all."
        )
    return texts


def _publisher(context: Context) -> foundation.Publisher:
    settings = context.settings
    return foundation.Publisher(
        account=context.account,
        repository=settings.image.repository,
        stack_set=settings.stack_set,
        target_accounts=tuple(sorted({target.account for target in settings.targets})),
        target_regions=tuple(sorted({target.region for target in settings.targets})),
    )


def _overrides(context: Context) -> dict[tuple[str, str], Overrides]:
    """Returns each target's overrides, with the hosted zone looked up where the settings leave it out."""
    common = context.settings.parameters()
    return {
        (target.account, target.region): tuple(sorted(_with_zone(context, target, common).items()))
        for target in context.settings.targets
    }


def _with_zone(context: Context, target: Target, common: Mapping[str, str]) -> dict[str, str]:
    own = context.settings.overrides(target)
    values = {**common, **own}
    domain = values.get(p.PARENT_DOMAIN.name, "")
    if not domain or values.get(p.HOSTED_ZONE_ID.name) or values.get(p.CERTIFICATE_ARN.name):
        return own
    if not context.aws.reaches(target.account):
        raise UsageError(
            f"The hosted zone of {domain} in account {target.account} cannot be looked up with these credentials; give"
            f" its id as an override of address.hosted_zone_id for the target {target.account} {target.region}."
        )
    client = context.aws.client("route53", target.account, target.region)
    find = zones.ensure_zone if context.local else zones.zone_of
    return {**own, p.HOSTED_ZONE_ID.name: find(client, domain, target.account)}


def _image(context: Context, repository: str) -> ImageReference:
    settings = context.settings
    source = None
    if context.local and not settings.image.digest:
        architecture = OCI_ARCHITECTURES[settings.parameters()[p.CPU_ARCHITECTURE.name]]
        source = source_image.build(ROOT, architecture)
    return images.provide(
        aws=context.aws,
        image=ImageReference(context.account, repository, settings.image.digest),
        home_region=settings.stack_set.home_region,
        regions={target.region for target in settings.targets},
        source=source,
        poll=context.poll,
    )


def _package(context: Context, bucket: str, image: ImageReference) -> tuple[str, UploadResult]:
    region = context.settings.stack_set.home_region
    package = packaged(template_dicts(), context.aws.bucket_url(bucket, region), image)
    uploaded = upload(package, context.aws.client("s3", context.account, region), bucket)
    return package.urls[PARENT_FILE], uploaded


def _parameters(settings: Settings, image: ImageReference) -> dict[str, str]:
    defaults = {parameter.name: parameter.default for parameter in p.ALL if parameter.default is not None}
    return {
        **defaults,
        **settings.parameters(),
        p.IMAGE_ACCOUNT.name: image.account,
        p.IMAGE_REPOSITORY.name: image.repository,
        p.IMAGE_DIGEST.name: image.digest,
    }


def _refuse_renaming(existing: StackSet, wanted: StackSet) -> None:
    """Raises RefusedError where the runtime would get another name: AgentCore refuses to rename a gateway."""
    name = p.RUNTIME_NAME.name
    if existing.parameters.get(name, wanted.parameters[name]) != wanted.parameters[name]:
        raise RefusedError(
            f"The runtime is named {existing.parameters[name]} and AWS does not let its gateway be renamed; give"
            f" stack_set.name another value to make {wanted.parameters[name]} beside it, or set runtime.name back."
        )


def _converge(
    context: Context, wanted: StackSet, overrides: Mapping[tuple[str, str], Overrides]
) -> tuple[Plan, Mapping[tuple[str, str], Instance]]:
    sets = context.stack_sets
    name = "Stack set"
    context.reporter.emit(Step(name, "started", wanted.name))
    existing = sets.describe()
    if existing is not None:
        sets.join_running()
        _refuse_renaming(existing, wanted)
    before = sets.instances() if existing is not None else {}
    steps = plan(wanted, overrides, existing, before)
    detail = f"{len(overrides)} target{'s' if len(overrides) != 1 else ''}"
    if steps.empty:
        context.reporter.emit(Step(name, "unchanged", detail))
        return steps, before
    watcher = TargetWatcher(
        aws=context.aws,
        reporter=context.reporter,
        stacks={target: instance.stack_id for target, instance in before.items()},
        descriptions=_descriptions(),
    )
    sets.observe = watcher.look
    try:
        sets.apply(steps, wanted)
        # What one failing target made AWS cancel in others is left behind; a second round reaches it.
        rest = plan(wanted, overrides, sets.describe(), sets.instances())
        if not rest.empty:
            sets.apply(rest, wanted)
    except OperationFailedError as error:
        context.reporter.emit(Step(name, "failed"))
        raise error.explained(watcher.causes()) from error
    context.reporter.emit(Step(name, "done", detail))
    return steps, before


def _descriptions() -> dict[str, str]:
    """Returns what the templates say of each resource, by its logical id, which is unique over nested templates."""
    return {
        title: resource["Metadata"]["Description"]
        for template in template_dicts().values()
        for title, resource in template["Resources"].items()
        if "Description" in resource.get("Metadata", {})
    }


def _synchronize(context: Context, found: list[Runtime], updated: Mapping[tuple[str, str], Instance]) -> None:
    for runtime in found:
        if runtime.readable and (runtime.account, runtime.region) in updated:
            client = context.aws.client("bedrock-agentcore-control", runtime.account, runtime.region)
            name = f"Gateway target {runtime.account} {runtime.region}"
            context.reporter.emit(Step(name, "started"))
            gateway_targets.synchronize(client, runtime.outputs, context.poll)
            context.reporter.emit(Step(name, "done", "tools listed anew"))
