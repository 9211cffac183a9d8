"""Reading back what a deployment changed: that every instance really has what it was given."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from deployer.aws import Aws
from deployer.runtimes import Runtime
from deployer.stack_set_plan import Instance, Plan, Target, Wanted


def unreached(wanted: Wanted, left: Plan, after: Mapping[Target, Instance], operations: Iterable[str]) -> list[str]:
    """Returns one sentence for each target that the stack set does not hold as it should, by its own word.

    `left` is what a new plan would still call, `after` the instances as they are listed, and `operations` the ids of
    what this command did; an instance that it changed must have one of them as its last operation.
    """
    behind = {target for group in (*left.update, *left.create) for target in group.targets}
    sentences = []
    for target in sorted(wanted.targets):
        instance = after.get(target)
        if instance is None:
            sentences.append(f"{target[0]} {target[1]} is not an instance of the stack set.")
        elif target in behind or not instance.current:
            sentences.append(f"{target[0]} {target[1]} is {instance.status}: {instance.detail or 'no reason given'}.")
        elif instance.operation not in operations:
            sentences.append(f"{target[0]} {target[1]} was not reached by this command's operations.")
    return sentences


def differing(
    aws: Aws, runtimes: Iterable[Runtime], parameters: Mapping[Target, Mapping[str, str]], template: str
) -> Iterator[str]:
    """Yields a sentence for each runtime whose own stack is not what was deployed, where its account can be read.

    `parameters` are the values by target, and `template` is the root template's text. A root that is the same has the
    same children: it names them by the hash of their content.
    """
    expected = yaml.safe_load(template)
    for runtime in runtimes:
        target = (runtime.account, runtime.region)
        if not runtime.readable or target not in parameters:
            continue
        # After a failed update was rolled back, a stack that is as wanted again gets no update: it keeps that status.
        if not runtime.status.endswith("_COMPLETE") or runtime.status == "ROLLBACK_COMPLETE":
            yield f"The stack of {runtime.account} {runtime.region} is {runtime.status}."
            continue
        for name, value in sorted(parameters[target].items()):
            found = runtime.parameters.get(name)
            if found != value:
                yield f"The stack of {runtime.account} {runtime.region} has {name} = {found!r} instead of {value!r}."
        client = aws.client("cloudformation", runtime.account, runtime.region)
        if _template(client, runtime.stack_id) != expected:
            yield f"The stack of {runtime.account} {runtime.region} has another template than the one deployed."


def _template(client: Any, stack_id: str) -> Any:
    body = client.get_template(StackName=stack_id, TemplateStage="Original")["TemplateBody"]
    return yaml.safe_load(body) if isinstance(body, str) else body
