"""The layered truth test over deployed runtimes, as far as their accounts can be read."""

from collections.abc import Iterable, Mapping, Sequence

from deployer import runtimes
from deployer.context import Context
from deployer.errors import RefusedError
from deployer.events import Step
from deployer.runtimes import Runtime
from deployer.verification import Row, verify

SETTLING_SECONDS = 90.0
"""A service without a desired count is steady with one task; scaling starts the others right after."""


def verify_deployed(context: Context) -> dict[str, list[Row]]:
    """Verifies every deployed runtime that can be read; raises RefusedError where nothing is deployed."""
    sets = context.stack_sets
    if sets.describe() is None:
        raise RefusedError(f"There is no stack set {sets.name} to verify; deploy first.")
    found = runtimes.read(context.aws, sets.listed())
    if not any(runtime.readable for runtime in found):
        accounts = ", ".join(sorted({runtime.account for runtime in found})) or "none"
        raise RefusedError(
            f"No target of the stack set {sets.name} can be verified (accounts: {accounts}); name a role there that the"
            " credentials may assume as stack_set.access_role_name, or choose another profile."
        )
    return verify_all(context, found)


def verify_all(context: Context, found: Iterable[Runtime], patience: float = 0.0) -> dict[str, list[Row]]:
    """Returns the rows of the layered truth test by `account/region`, for every runtime whose account can be read.

    `patience` is for how many seconds a runtime's tasks may still be starting.
    """
    rows: dict[str, list[Row]] = {}
    for runtime in found:
        if runtime.readable:
            name = f"Verify {runtime.account} {runtime.region}"
            context.reporter.emit(Step(name, "started"))
            tested = verify_one(context, runtime, patience)
            failed = failed_row(tested)
            context.reporter.emit(
                Step(name, "failed" if failed else "done", f"failed at: {failed.layer}" if failed else "")
            )
            rows[f"{runtime.account}/{runtime.region}"] = tested
    return rows


def verify_one(context: Context, runtime: Runtime, patience: float = SETTLING_SECONDS) -> list[Row]:
    """Returns the rows of one runtime; `patience` as for `verify_all`."""
    return verify(
        runtime.outputs,
        context.aws,
        context.network,
        context.local,
        runtime.account,
        runtime.region,
        runtime.parameters,
        patience,
    )


def failed_row(rows: Sequence[Row]) -> Row | None:
    """Returns the first layer that failed, or None."""
    return next((row for row in rows if row.passed is False), None)


def all_passed(verification: Mapping[str, Sequence[Row]]) -> bool:
    """Returns whether no row failed; a row that was not tried, since there is no endpoint, is no failure."""
    return not any(failed_row(rows) for rows in verification.values())
