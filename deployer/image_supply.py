"""Where the image comes from: a digest that the configuration pins, an image that is there for the same source, a
builder of this machine, or the foundation's image builder; in local mode the source itself.

What is needed is settled by `settle`, before anything is changed; `supply` then builds where something must be built.
The same source is built once: its tag is the hash of what it is built from, and tags never move.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deployer import build_context, builders, codebuild, source_image
from deployer.artifact_bucket import ArtifactBucket
from deployer.build_context import BuildContext
from deployer.builders import BUILDERS, Builder, Login
from deployer.errors import RefusedError, UsageError
from deployer.images import Registries, provide
from deployer.packaging import ImageReference
from deployer.sections import AUTOMATIC, REMOTE
from deployer.settings import Settings
from generator import parameters as p

ROOT: Final = Path(__file__).resolve().parent.parent
OCI_ARCHITECTURES: Final = {"X86_64": "amd64", "ARM64": "arm64"}


@dataclass(frozen=True)
class Supply:
    """What was settled: the digest where it is known, else what to build, and with which builder of this machine.

    Without a builder the foundation's image builder builds; `stand_in` means that the source itself is pushed.
    """

    digest: str = ""
    context: BuildContext | None = None
    builder: Builder | None = None
    stand_in: bool = False


def wanted_architectures(settings: Settings) -> dict[str, str]:
    """Returns the OCI architecture of each target, by `account Region`."""
    return {
        f"{target.account} {target.region}": OCI_ARCHITECTURES[settings.effective(target)[p.CPU_ARCHITECTURE.name]]
        for target in settings.targets
    }


def needs_project(settings: Settings) -> bool:
    """Returns whether the foundation is to have an image builder: unless a builder of this machine is asked for.

    It depends on the configuration alone, so that two people with different machines do not undo each other's work.
    """
    return settings.image.builder in (AUTOMATIC, REMOTE)


def settle(
    settings: Settings,
    registries: Registries,
    local: bool,
    root: Path = ROOT,
    known: Mapping[str, Builder] = BUILDERS,
) -> Supply:
    """Returns where the image comes from; asks the registry and the builders, and changes nothing.

    Raises UsageError where targets of two architectures would need one image, where the source cannot be read, or where
    the builder that the configuration names does not answer and something must be built.
    """
    if settings.image.digest:
        return Supply(digest=settings.image.digest)
    choice = settings.image.builder
    if local and choice == AUTOMATIC:
        return Supply(stand_in=True)
    wanted = wanted_architectures(settings)
    if len(set(wanted.values())) > 1:
        raise UsageError(
            "The targets run on both amd64 and arm64, but what is built here is for one of them; build an image for"
            " both platforms and give its digest as image.digest, or set one compute.cpu_architecture."
        )
    context = build_context.read(root, next(iter(wanted.values())))
    present = registries.home.tagged(context.tag)
    if present:
        return Supply(digest=present, context=context)
    if choice == REMOTE:
        return Supply(context=context)
    if choice == AUTOMATIC:
        return Supply(context=context, builder=builders.first_that_answers(known))
    builder = known[choice]
    if not builder.answers():
        raise UsageError(
            f"image.builder is {choice}, but it does not answer on this machine; start or install it, or set"
            f' image.builder to "{REMOTE}" to build remotely.'
        )
    return Supply(context=context, builder=builder)


def known_digest(settings: Settings, settled: Supply) -> str:
    """Returns the digest of the image that was settled, without making anything; empty where only building it tells."""
    if not settled.stand_in:
        return settled.digest
    return source_image.build(ROOT, next(iter(wanted_architectures(settings).values()))).digest


def supply(settings: Settings, settled: Supply, registries: Registries, bucket: str, project: str) -> ImageReference:
    """Builds and pushes where something must be, and returns the image once every Region that needs it holds it.

    `bucket` and `project` are the foundation's artifact bucket and image builder. Raises RefusedError where a step
    fails; no runtime has been changed then.
    """
    digest, fresh = settled.digest, False
    if settled.stand_in:
        architecture = OCI_ARCHITECTURES[settings.parameters()[p.CPU_ARCHITECTURE.name]]
        image = source_image.build(ROOT, architecture)
        source_image.push(registries.home, image)
        registries.say("the source itself stands in for a built image; image.builder builds one")
        return provide(registries, image.digest, _regions(settings), {}, fresh=True)
    if not digest:
        assert settled.context is not None
        digest, fresh = _built(settled.context, settled.builder, registries, bucket, project), True
    elif settled.context is not None:
        registries.say(f"{settled.context.tag} is built already")
    return provide(registries, digest, _regions(settings), wanted_architectures(settings), fresh)


def _regions(settings: Settings) -> set[str]:
    """Returns where the image must be: the Regions of the targets, and those where the product is offered."""
    return {*(target.region for target in settings.targets), *settings.catalog.regions}


def _built(context: BuildContext, builder: Builder | None, registries: Registries, bucket: str, project: str) -> str:
    """Builds and pushes the image and returns its digest."""
    home = registries.home
    try:
        if builder is not None:
            registries.say(f"{builder.program} builds {context.tag}")
            builder.build_and_push(context, registries.repository, _login(registries), registries.say)
        else:
            _build_remotely(context, registries, bucket, project)
    except RefusedError:
        # Somebody else may have pushed the same source meanwhile; its tag cannot be pushed twice.
        pushed = home.tagged(context.tag)
        if pushed:
            return pushed
        raise
    digest = home.tagged(context.tag)
    if not digest:
        raise RefusedError(
            f"The build of {context.tag} ended well, but the repository {registries.repository} in"
            f" {registries.home_region} does not hold that tag; run the same command again."
        )
    return digest


def _build_remotely(context: BuildContext, registries: Registries, bucket: str, project: str) -> None:
    def client(service: str) -> object:
        return registries.aws.client(service, registries.account, registries.home_region)

    say: Callable[[str], None] = registries.say
    say(f"CodeBuild builds {context.tag}")
    artifacts = ArtifactBucket(client("s3"), bucket, registries.account)
    remote = codebuild.Remote(client("codebuild"), client("logs"), artifacts, project, registries.poll, say)
    codebuild.build(remote, context)


def _login(registries: Registries) -> Login:
    """Returns how to push to the home Region's registry, with a password that ECR gives for twelve hours."""
    answer = registries.home.client.get_authorization_token()["authorizationData"][0]
    password = base64.b64decode(answer["authorizationToken"]).decode().partition(":")[2]
    if registries.aws.emulated:
        # The emulator serves every account and Region under one name, and tells them by the path.
        host = urlsplit(registries.aws.access.endpoint_url).netloc
        return Login(host, password, f"{registries.account}/{registries.home_region}/", insecure=True)
    return Login(urlsplit(answer["proxyEndpoint"]).netloc, password)
