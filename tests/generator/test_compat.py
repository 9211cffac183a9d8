"""Each correction of troposphere is still needed: a test here fails once upstream has caught up."""

import inspect

import pytest
from troposphere import elasticloadbalancingv2 as elbv2

from generator import compat

CORRECTED = {"ListenerAction", "Listener"}


def test_every_correction_is_tested_here() -> None:
    defined = {name for name, item in inspect.getmembers(compat, inspect.isclass) if item.__module__ == compat.__name__}
    assert defined == CORRECTED


def test_upstream_refuses_token_validation_in_a_listener() -> None:
    action = elbv2.Action(Type="jwt-validation", JwtValidationConfig=_validation())
    with pytest.raises(ValueError, match=r"Action\.Type must be one of"):
        action.to_dict()
    # Once this no longer raises: remove ListenerAction and Listener from generator/compat.py and use troposphere's.


def test_upstream_listener_takes_only_its_own_actions() -> None:
    assert elbv2.Listener.props["DefaultActions"] == ([elbv2.Action], True)


def test_corrected_listener_validates_tokens() -> None:
    action = compat.ListenerAction(Type="jwt-validation", Order=1, JwtValidationConfig=_validation())
    listener = compat.Listener("Listener", LoadBalancerArn="arn", Port=443, DefaultActions=[action])
    assert listener.to_dict()["Properties"]["DefaultActions"][0]["Type"] == "jwt-validation"


def _validation() -> elbv2.JwtValidationConfig:
    return elbv2.JwtValidationConfig(Issuer="https://issuer.example", JwksEndpoint="https://issuer.example/keys")
