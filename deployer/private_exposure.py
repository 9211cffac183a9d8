"""What a control plane tells of a private runtime: nothing outside its VPC can call the load balancer to find out.

Each function returns one sentence of what it observed, and raises RefusedError with one where it is not as it must be.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deployer.errors import RefusedError
from deployer.preflight.certificates import covers

HTTPS_PORT: Final = 443


def certificate(elbv2: Any, acm: Any, load_balancer: str, host: str) -> str:
    """Observes that the certificate of the HTTPS listener is issued, and for the host name."""
    listeners = elbv2.describe_listeners(LoadBalancerArn=load_balancer)["Listeners"]
    arns = [one["CertificateArn"] for each in listeners for one in each.get("Certificates", ())]
    if not arns:
        raise RefusedError("The load balancer has no listener with a certificate.")
    found = acm.describe_certificate(CertificateArn=arns[0])["Certificate"]
    names = sorted({found["DomainName"], *found.get("SubjectAlternativeNames", ())})
    if found["Status"] != "ISSUED":
        raise RefusedError(f"The certificate {arns[0]} is {found['Status']}.")
    if not covers(names, host.lower()):
        raise RefusedError(f"The certificate {arns[0]} is for {', '.join(names)}, not for {host}.")
    return f"The listener's certificate is issued for {', '.join(names)}."


def closed_to_strangers(elbv2: Any, ec2: Any, load_balancer: str, entering: tuple[str, ...]) -> str:
    """Observes that the load balancer is internal and its groups admit nobody but those of the private endpoint.

    `entering` are the groups of the gateway's private endpoint; without a target there are none, and then any single
    group may be admitted.
    """
    (found,) = elbv2.describe_load_balancers(LoadBalancerArns=[load_balancer])["LoadBalancers"]
    if found["Scheme"] != "internal":
        raise RefusedError(f"The load balancer is {found['Scheme']}, not internal.")
    own = found.get("SecurityGroups") or []
    if not own:
        raise RefusedError("The load balancer has no security group of its own.")
    rules = list(_rules(ec2.describe_security_groups(GroupIds=own)["SecurityGroups"]))
    admitted = {source for source, _ in rules}
    strangers = admitted - set(entering) if entering else {one for one in admitted if not one.startswith("sg-")}
    if strangers:
        raise RefusedError(f"The load balancer's security groups admit {', '.join(sorted(strangers))}.")
    wide = {ports for _, ports in rules if ports != (HTTPS_PORT, HTTPS_PORT)}
    if wide:
        raise RefusedError(f"The load balancer's security groups open more than port {HTTPS_PORT}.")
    told = ", ".join(sorted(admitted)) or "nobody"
    return f"The load balancer is internal, and its security groups admit {told} alone, on port {HTTPS_PORT}."


def _rules(groups: list[Mapping[str, Any]]) -> Iterator[tuple[str, tuple[Any, Any]]]:
    sources = (
        ("UserIdGroupPairs", "GroupId"),
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
    )
    for group in groups:
        for rule in group.get("IpPermissions", ()):
            for kind, name in sources:
                for source in rule.get(kind, ()):
                    yield str(source[name]), (rule.get("FromPort"), rule.get("ToPort"))


def entering_groups(agentcore: Any, gateway: str, target: str) -> tuple[str, ...]:
    """Returns the security groups of a gateway target's private endpoint; none where there is no target."""
    if not target:
        return ()
    found = agentcore.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    return tuple(_resource(found).get("securityGroupIds") or ())


def endpoint(agentcore: Any, gateway: str, target: str, load_balancer_name: str) -> str:
    """Observes that the gateway's target is ready, through a private endpoint that leads to the load balancer."""
    found = agentcore.get_gateway_target(gatewayIdentifier=gateway, targetId=target)
    if found["status"] != "READY":
        reasons = "; ".join(found.get("statusReasons") or ()) or "AWS gave no reason"
        raise RefusedError(f"The gateway's target is {found['status']}: {reasons.rstrip('.')}.")
    resource = _resource(found)
    if not resource:
        raise RefusedError("The gateway's target has no private endpoint, without which it does not reach the VPC.")
    domain = str(resource.get("routingDomain") or "no name")
    if domain.lower() != load_balancer_name.lower():
        raise RefusedError(f"The gateway's private endpoint leads to {domain}, not to {load_balancer_name}.")
    count = len(resource["subnetIds"])
    return f"The target is ready and enters {resource['vpcIdentifier']} through {count} subnets, to {domain}."


def _resource(target: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (target.get("privateEndpoint") or {}).get("managedVpcResource") or {}
    return found
