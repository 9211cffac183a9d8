"""`rotate-secret`: new secrets for the token clients of the deployed runtimes, while calls go on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployer import runtimes
from deployer.context import Context
from deployer.each_target import Pause, each, sentences
from deployer.errors import RefusedError, UsageError
from deployer.events import Step
from deployer.invocation import chosen
from deployer.proving import failed_row, verify_one
from deployer.runtimes import Runtime
from deployer.secret_rotation import Rotation
from deployer.stack_set_plan import Target
from deployer.tokens import Issuer, client_of, token_by
from generator import parameters as p


@dataclass(frozen=True)
class Rotations:
    """What was done in each target, and why it was not, as sentences."""

    done: Mapping[Target, str]
    failures: Mapping[Target, str]

    def lines(self) -> list[str]:
        """Returns a line for each target, in the order of accounts and Regions."""
        return sentences({**self.done, **{target: f"failed: {why}" for target, why in self.failures.items()}})

    def as_data(self) -> dict[str, dict[str, str]]:
        """Returns both as plain data, by `account/region`."""
        return {
            "done": {"/".join(target): what for target, what in sorted(self.done.items())},
            "failed": {"/".join(target): why for target, why in sorted(self.failures.items())},
        }


def rotate(context: Context, target: str, keep_old: bool) -> Rotations:
    """Rotates the client's secret of every deployed runtime, or of the one that `target` (account/Region) names.

    Where it fails for one runtime, the others go on. Raises RefusedError where nothing is deployed, UsageError where
    the target is not known or a runtime's issuer is not its own; nothing was changed then.
    """
    sets = context.stack_sets
    found = runtimes.read(context.aws, sets.listed()) if sets.describe() else []
    if not found:
        raise RefusedError(f"There is no runtime of the stack set {sets.name} yet; deploy first.")
    wanted = {(one.account, one.region): one for one in ([chosen(found, target)] if target else found)}
    for one in wanted.values():
        _require_own_issuer(one)
    pause = Pause()
    rotated = each(wanted, lambda place: _one(context, wanted[place], keep_old, pause), pause)
    return Rotations(rotated.results, rotated.failures)


def _require_own_issuer(runtime: Runtime) -> None:
    issuer = runtime.parameters.get(p.ISSUER.name, "")
    if issuer:
        raise UsageError(
            f"The tokens of {runtime.account} {runtime.region} are of the issuer {issuer}, which this command does not"
            f" govern; add a secret to the client there, write it to {runtime.outputs.get('ClientSecretArn')} under"
            " client_secret, and delete the old one once calls succeed."
        )


def _one(context: Context, runtime: Runtime, keep_old: bool, pause: Pause) -> str:
    if not runtime.readable:
        raise RefusedError("these credentials do not reach the account; choose another profile.")
    if not runtime.outputs.get("ClientSecretArn"):
        return "has no token client yet; nothing to rotate"
    name = f"Rotate {runtime.account} {runtime.region}"
    context.reporter.emit(Step(name, "started"))
    try:
        said = _rotation(context, runtime, pause).run(keep_old)
    except Exception:
        context.reporter.emit(Step(name, "failed"))
        raise
    context.reporter.emit(Step(name, "done", said))
    return said


def _rotation(context: Context, runtime: Runtime, pause: Pause) -> Rotation:
    manager = context.aws.client("secretsmanager", runtime.account, runtime.region)
    given = Issuer(runtime.outputs["TokenIssuer"], runtime.outputs["ClientSecretArn"], runtime.outputs["TokenScope"])
    text = manager.get_secret_value(SecretId=given.secret_arn).get("SecretString", "")
    issuer = replace(given, client_id=client_of(text, given)[0])

    def prove() -> None:
        failed = failed_row(verify_one(context, runtime, patience=0.0))
        if failed:
            why = f"{failed.layer}: {failed.detail} {failed.remedy}"
            raise RefusedError(f"the runtime does not serve, so that both secrets stay valid: {why}")

    return Rotation(
        issuer=issuer,
        secrets=manager,
        cognito=context.aws.client("cognito-idp", runtime.account, runtime.region),
        try_secret=lambda client_id, secret: token_by(context.network, issuer, client_id, secret),
        prove=prove,
        wait=lambda: pause(context.poll),
    )
