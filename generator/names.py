"""Names that two layers or the outputs need, as expressions over root parameters."""

from troposphere import AWSHelperFn, Join, Ref

from generator import conditions as c
from generator import parameters as p
from generator.composition import Scope


def host_name(scope: Scope) -> AWSHelperFn:
    """Returns the runtime's host name: the given one, or name, labels and parent domain; empty without an endpoint."""
    name, parent = scope.parameter(p.RUNTIME_NAME), scope.parameter(p.PARENT_DOMAIN)
    region, account = Ref("AWS::Region"), Ref("AWS::AccountId")
    made = scope.choose(
        c.LABELS_NOTHING,
        Join(".", [name, parent]),
        scope.choose(
            c.LABELS_REGION,
            Join(".", [name, region, parent]),
            scope.choose(
                c.LABELS_ACCOUNT,
                Join(".", [name, account, parent]),
                Join(".", [name, account, region, parent]),
            ),
        ),
    )
    return scope.choose(c.HAS_ENDPOINT, scope.choose(c.HAS_HOST_NAME, scope.parameter(p.HOST_NAME), made), "")


def bounded_name(scope: Scope) -> AWSHelperFn:
    """Returns the runtime's name and the suffix: at most 29 lower-case characters, for names that AWS requires."""
    return Join("-", [scope.parameter(p.RUNTIME_NAME), scope.suffix])
