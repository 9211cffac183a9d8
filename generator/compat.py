"""Corrections of troposphere where the installed version is behind AWS; each has a test that fails once it is not."""

from typing import Final

from troposphere import elasticloadbalancingv2 as elbv2

TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09"


class ListenerAction(elbv2.Action):
    """A listener's default action that may be of type `jwt-validation`, which troposphere allows in rules only."""

    def validate(self) -> None:
        """Accepts what a listener rule's action accepts."""
        elbv2.ListenerRuleAction.validate(self)


class Listener(elbv2.Listener):
    """A listener whose default actions are `ListenerAction`."""

    props = elbv2.Listener.props | {"DefaultActions": ([ListenerAction], True)}
