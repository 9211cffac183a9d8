"""A deployment from settings to verified runtimes; each step is safe to repeat and says when it changed nothing."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from deployer import (
    foundation,
    gateway_targets,
    image_supply,
    local,
    organization,
    preflight,
    read_back,
    runtimes,
    surveying,
    tool_contract,
)
from deployer.artifact_bucket import ArtifactBucket
from deployer.aws import refusal
from deployer.context import Context
from deployer.convergence import Converged, converge
from deployer.deployed_tools import DeployedTools
from deployer.errors import RefusedError
from deployer.evaluating import root_file
from deployer.events import Step
from deployer.foundation import Foundation
from deployer.image_supply import Supply
from deployer.images import Registries
from deployer.lint_verdicts import lint_once
from deployer.neighbours import reconciled
from deployer.packaging import ImageReference, Package, ToolSchema, UploadResult, packaged, upload
from deployer.preflight import hosted_zones
from deployer.preflight.rows import Table
from deployer.proving import SETTLING_SECONDS, all_passed, verify_all
from deployer.runtimes import Runtime
from deployer.settings import Settings
from deployer.stack_set_plan import SELF_MANAGED, SERVICE_MANAGED, Overrides, StackSet, Units, Wanted
from deployer.stack_set_plan import Target as Place
from deployer.synchronized_tools import SynchronizedTools
from deployer.timeline import Recorder, Span, Timeline, Timelines, timeline
from deployer.verification import Row
from generator import parameters as p
from generator.evaluation import Deployment
from generator.pinned_schema import UnpinnableError, pinned_document
from generator.stacks import catalog, template_dicts, templates
from generator.stacks.foundation import TARGET_FILE
from generator.stacks.runtime import PARENT_FILE
from generator.tool_catalogue import Catalogue


@dataclass
class Result:
    """What a deployment did and found."""

    changed: bool = False
    uploaded: int = 0
    template_url: str = ""
    image_digest: str = ""
    runtimes: list[Runtime] = field(default_factory=list)
    verification: dict[str, list[Row]] = field(default_factory=dict)
    preflight: Table = field(default_factory=lambda: Table(()))
    """What was looked at before anything was changed."""
    tasks: str = ""
    """In local mode what runs the tasks."""
    timeline: Timeline | None = None
    """What took how long, of the slowest target that was followed; None where none changed."""

    def as_data(self) -> dict[str, Any]:
        """Returns the result as plain data."""
        return {
            "changed": self.changed,
            "uploaded": self.uploaded,
            "preflight": self.preflight.as_data(),
            "template_url": self.template_url,
            "image_digest": self.image_digest,
            "targets": [vars(runtime) for runtime in self.runtimes],
            "verification": {name: [vars(row) for row in rows] for name, rows in self.verification.items()},
            "timeline": self.timeline.as_data() if self.timeline else None,
            **({"tasks": self.tasks} if self.tasks else {}),
        }

    @property
    def passed(self) -> bool:
        """Whether no row of any verified target failed."""
        return all_passed(self.verification)


def deploy(context: Context) -> Result:
    """Deploys every target of the settings and verifies those whose account can be read.

    Raises UsageError before anything changed, RefusedError where AWS or a check said no. A failed verification is no
    exception: the result says so.
    """
    result = Result()
    recorder = Recorder(context.reporter)
    context = dataclasses.replace(context, reporter=recorder)
    texts = step(context, "Lint", lambda: linted(context))
    (context, targets, units), settled, checked = step(context, "Preflight", lambda: looked_at(context))
    result.preflight = step(
        context, "Readiness", lambda: surveying.before_changes(_subject(context, lambda: settled), checked)
    )
    ground = _foundation(context, texts)
    image = step(context, "Image", lambda: _image(context, settled, ground))
    result.image_digest = image.digest
    package, uploaded = step(context, "Package", lambda: _package(context, ground.bucket, image))
    root = root_file(context.settings)
    result.template_url, result.uploaded = package.urls[root], len(uploaded.uploaded)
    wanted = Wanted(
        stack_set_of(context.settings, package, image, ground),
        targets,
        units,
        context.settings.stack_set.canary,
    )
    sets = context.recording_in(ground.bucket)
    converged = converge(context, sets, wanted)
    result.changed = not converged.steps.empty
    result.runtimes = runtimes.read(context.aws, converged.after)
    if result.changed:
        step(context, "Read-back", lambda: _read_back(context, converged, wanted, package.texts[root], result.runtimes))
    _synchronize(context, result.runtimes, ground.bucket)
    _keep(context, recorder.spans, ground.bucket)
    result.timeline = timeline(recorder.spans, _waiting(wanted))
    result.verification = verify_all(context, result.runtimes, SETTLING_SECONDS)
    if context.local:
        result.tasks = local.tasks(context.aws.access.endpoint_url)
    return result


def package(context: Context) -> tuple[str, UploadResult]:
    """Deploys the foundation and uploads the templates; returns the root template's URL and what was uploaded."""
    settings, ground, image = _ground_and_image(context)
    found, uploaded = step(context, "Package", lambda: _package(context, ground.bucket, image))
    return found.urls[root_file(settings)], uploaded


def provide_image(context: Context) -> ImageReference:
    """Deploys the foundation and builds the image where it must be; returns it once every Region holds it."""
    return _ground_and_image(context)[2]


def _ground_and_image(context: Context) -> tuple[Settings, Foundation, ImageReference]:
    texts = step(context, "Lint", lambda: linted(context))
    context = dataclasses.replace(context, settings=with_members(context)[0]).looked_around()
    settled = step(context, "Preflight", lambda: _settled(context))
    ground = _foundation(context, texts)
    image: ImageReference = step(context, "Image", lambda: _image(context, settled, ground))
    return context.settings, ground, image


def step(context: Context, name: str, work: Callable[[], Any]) -> Any:
    """Does the work of a step, and tells when it begins and how it ends."""
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
    if isinstance(result, Table):
        return ("failed" if result.red else "done"), result.told()
    if isinstance(result, list):
        return "done", f"{len(result)} stack{'s' if len(result) != 1 else ''} as deployed"
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], UploadResult):
        count = len(result[1].uploaded)
        return ("done", f"{count} files uploaded") if count else ("unchanged", "every template was there already")
    return "done", ""


def linted(context: Context) -> dict[str, str]:
    """Returns the templates, found clean, and sees that the server in this tree keeps the tool contract."""
    texts = templates()
    tools_of(context)
    found = lint_once(texts, context.settings.regions)
    if found:
        first = found[0]
        raise RefusedError(
            f"Linting found {len(found)} problems in the templates, the first in {first.template}:"
            f" {first.rule} {first.message}; run lint to see them all."
        )
    return texts


def publisher_of(context: Context) -> foundation.Publisher:
    """Returns who publishes and who receives, those among them that stand and are configured no longer."""
    settings, standing = context.settings, context.standing | context.neighbours.targets
    # What stands goes on launching; who may read it, says the configuration that publishes.
    products = context.neighbours.products
    readers = {*settings.catalog.share_accounts, *(() if settings.catalog.provider else chain(*products.values()))}
    organization = settings.stack_set.organization_id or context.neighbours.organization
    return foundation.Publisher(
        account=context.account,
        repository=settings.image.repository,
        stack_set=dataclasses.replace(settings.stack_set, organization_id=organization),
        target_accounts=tuple(sorted({target.account for target in settings.targets} | {one for one, _ in standing})),
        target_regions=tuple(
            sorted({*settings.regions, *settings.catalog.regions, *products, *(region for _, region in standing)})
        ),
        builds_images=image_supply.needs_project(settings),
        kms_key=settings.image.kms_key_arn,
        permissions_boundary=settings.security.permissions_boundary,
        readers=tuple(sorted(readers)),
    )


def _foundation(context: Context, texts: Mapping[str, str]) -> Foundation:
    publisher = publisher_of(context)
    values = reconciled(foundation.parameters(publisher), context.neighbours, bool(context.standing))
    return foundation.deploy(context.aws, publisher, values, texts, context.reporter, context.poll)


def table_of(context: Context) -> Table:
    """Returns the whole preflight as a table; changes nothing."""
    context = dataclasses.replace(context, settings=with_members(context)[0]).looked_around()
    subject = _subject(context, lambda: _settled(context))
    found: Table = step(context, "Preflight", lambda: surveying.survey(subject))
    return found


def _subject(context: Context, settle: Callable[[], Supply]) -> surveying.Subject:
    return surveying.Subject(context, publisher_of(context), registries_of(context), settle)


Prepared = tuple[Context, dict[Place, Overrides], Units]
"""The context with every target known, the targets' overrides, and the units that hold them."""


def looked_at(context: Context) -> tuple[Prepared, Supply, preflight.Checked]:
    """Returns what a deployment acts with, where the image comes from, and what was looked at."""
    prepared, checked = _prepared(context)
    return prepared, _settled(prepared[0]), checked


def _prepared(context: Context) -> tuple[Prepared, preflight.Checked]:
    settings, members = with_members(context)
    context = dataclasses.replace(context, settings=settings).looked_around()
    checked = preflight.check(context)
    context.reporter.emit(Step("Targets", "done", checked.told()))
    zones = hosted_zones.looked_up(context)
    overrides: dict[Place, Overrides] = {
        (target.account, target.region): tuple(
            settings.overrides(target, zones.get((target.account, target.region))).items()
        )
        for target in settings.targets
    }
    of = {(target.account, target.region): target.unit for target in settings.targets if target.unit}
    return (context, overrides, Units(of, members)), checked


def with_members(context: Context) -> tuple[Settings, Mapping[str, frozenset[str]]]:
    """Returns the settings with organizational units made into accounts, and all accounts by unit."""
    settings = context.settings
    if not settings.units:
        return settings, {}
    home = settings.stack_set.home_region
    cloudformation = context.aws.client("cloudformation", context.account, home)
    organization.require_access(cloudformation, settings.stack_set.delegated_administrator)
    client = context.aws.client("organizations", context.account, home)
    members = organization.members(client, (target.unit for target in settings.units))
    return settings.with_members(members), members


def registries_of(context: Context) -> Registries:
    """Returns the publisher's registries, of the home Region and of the targets' Regions."""
    publisher = publisher_of(context)
    return Registries(
        aws=context.aws,
        account=publisher.account,
        repository=publisher.repository,
        home_region=publisher.home_region,
        accounts=publisher.admitted,
        organization=publisher.stack_set.organization_id,
        poll=context.poll,
        say=lambda line: context.reporter.emit(Step("Image", "started", line)),
        kms_key=publisher.kms_key,
    )


def _settled(context: Context) -> Supply:
    return image_supply.settle(context.settings, registries_of(context), context.local)


def _image(context: Context, settled: Supply, ground: Foundation) -> ImageReference:
    registries = registries_of(context)
    return image_supply.supply(context.settings, settled, registries, ground.bucket, ground.image_builder)


def tools_of(context: Context) -> tuple[Catalogue, str]:
    """Returns the tool contract, and its document for pinned targets; empty where no target needs what cannot be said.

    Raises RefusedError where the contract is not what the server lists, or a pinned target cannot be told of a tool.
    """
    catalogue = tool_contract.current(progress=lambda what: context.reporter.emit(Step("Lint", "started", what)))
    try:
        return catalogue, pinned_document(catalogue)
    except UnpinnableError as error:
        if context.settings.chosen(p.TOOL_LISTING) & {"pinned"}:
            raise RefusedError(str(error)) from error
        return catalogue, ""


def package_of(context: Context, bucket: str, image: ImageReference) -> Package:
    """Returns the templates as they lie in the artifact bucket once they are uploaded."""
    document = tools_of(context)[1]
    schema = ToolSchema(document, bucket, context.account) if document else None
    base_url = context.aws.bucket_url(bucket, context.settings.stack_set.home_region)
    beside: tuple[str, ...] = () if context.settings.stack_set.service_managed else (TARGET_FILE,)
    beside += (catalog.FILE, catalog.RECIPIENT_FILE) if context.settings.catalog.provider else ()
    return packaged(template_dicts(), base_url, image, schema, beside)


def _package(context: Context, bucket: str, image: ImageReference) -> tuple[Package, UploadResult]:
    found = package_of(context, bucket, image)
    s3 = context.aws.client("s3", context.account, context.settings.stack_set.home_region)
    return found, upload(found, ArtifactBucket(s3, bucket, context.account))


def stack_set_of(settings: Settings, package: Package, image: ImageReference, ground: Foundation) -> StackSet:
    """Returns the stack set as it should be."""
    stack_set = settings.stack_set
    defaults = {parameter.name: parameter.default for parameter in p.ALL if parameter.default is not None}
    return StackSet(
        name=stack_set.name,
        template_url=package.urls[root_file(settings)],
        parameters={
            **defaults,
            **settings.shared(),
            **image.parameters,
            **(package.schema.parameters if package.schema else {}),
        },
        administration_role_arn="" if stack_set.service_managed else ground.administration_role_arn,
        execution_role_name="" if stack_set.service_managed else ground.execution_role_name,
        permission_model=SERVICE_MANAGED if stack_set.service_managed else SELF_MANAGED,
        auto_deployment=stack_set.auto_deployment,
        retain_on_leave=stack_set.retain_on_leave,
    )


def _read_back(
    context: Context, converged: Converged, wanted: Wanted, template: str, found: list[Runtime]
) -> list[Runtime]:
    """Returns the changed runtimes; raises RefusedError where a stack is not what was deployed to it."""
    parameters = {
        target: {**wanted.stack_set.parameters, **dict(wanted.targets[target])}
        for target in converged.changed & wanted.targets.keys()
    }
    sentences = list(read_back.differing(context.aws, found, parameters, template))
    if sentences:
        raise RefusedError(" ".join([*sentences, "Run the same command again."]))
    return [runtime for runtime in found if (runtime.account, runtime.region) in parameters]


def _synchronize(context: Context, found: list[Runtime], bucket: str) -> None:
    """Has the tools listed anew of gateway targets that may offer others than their server lists."""
    # What an image that is pinned by its digest lists, this tree does not know.
    tools = "" if context.settings.image.digest else tools_of(context)[0].hash
    s3 = context.aws.client("s3", context.account, context.settings.stack_set.home_region)
    records = SynchronizedTools(s3, bucket, context.account)
    for runtime in found:
        if not runtime.readable:
            continue
        client = context.aws.client("bedrock-agentcore-control", runtime.account, runtime.region)
        target = gateway_targets.read(client, runtime.outputs)
        if target is None:
            continue
        if gateway_targets.is_stale(target, runtime.touched, tools, records):
            name = f"Gateway target {runtime.account} {runtime.region}"
            context.reporter.emit(Step(name, "started"))
            target = gateway_targets.synchronize(client, target, context.poll)
            context.reporter.emit(Step(name, "done", "tools listed anew"))
        gateway_targets.record(target, tools, records)


def _keep(context: Context, spans: Sequence[Span], bucket: str) -> None:
    """Records for the next plan how long things took and which tools are deployed now.

    What was deployed stands without: a record that cannot be written is told, and fails nothing.
    """
    settings = context.settings
    place = (context.aws.client("s3", context.account, settings.stack_set.home_region), bucket, context.account)
    try:
        Timelines(*place, settings.stack_set.name).keep(spans)
        DeployedTools(*place, settings.stack_set.name).keep(None if settings.image.digest else tools_of(context)[0])
    except ClientError as error:
        context.reporter.emit(Step("Records", "failed", f"the next plan knows less: {refusal(error)}"))


def _waiting(wanted: Wanted) -> Callable[[str, str], bool]:
    """Returns whether a resource of the templates waits for another, directly or through others."""
    overrides = next(iter(wanted.targets.values()), ())
    values = {**wanted.stack_set.parameters, **dict(overrides)}
    graph = Deployment(template_dicts(), PARENT_FILE).given(values)

    def waits(title: str, other: str) -> bool:
        both = title != other and title in graph.homes and other in graph.homes
        return both and graph.exists(title) and graph.exists(other) and graph.precedes(other, title)

    return waits
