"""The data plane as a whole: what runs, for which account and Region, and how its parts find each other."""

import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from emulator import bridge_data_plane as bridge
from emulator import bridge_ecs, bridge_entrances, kms_keys
from emulator.bridge import client
from emulator.data_plane import cognito
from emulator.data_plane.actions import BalancerActions
from emulator.data_plane.agentcore import Scope
from emulator.data_plane.agentcore_store import Record as AgentCoreRecord
from emulator.data_plane.agentcore_store import Store
from emulator.data_plane.authority import Authority, LeafCertificate
from emulator.data_plane.balancers import Action, LoadBalancer, Target, TargetGroup, read_listener, read_target_group
from emulator.data_plane.choice import Programs
from emulator.data_plane.container_runtime import Containers, Registry
from emulator.data_plane.egress import Egress
from emulator.data_plane.front import Front
from emulator.data_plane.gateway import GatewayFront
from emulator.data_plane.health import HealthMonitor
from emulator.data_plane.inner import InnerServer
from emulator.data_plane.names import Endpoint, NameNotFound, Record, Resolver
from emulator.data_plane.outbound import Outbound, OutboundError
from emulator.data_plane.processes import ProcessLedger
from emulator.data_plane.programs import ProcessProgram
from emulator.data_plane.routing import Surroundings
from emulator.data_plane.scheduler import ServiceScheduler
from emulator.data_plane.server_tasks import MetadataServer
from emulator.data_plane.signatures import Key
from emulator.data_plane.tokens import TokenCheck

_POLL_SECONDS = 0.5
_SETTLING_SECONDS = 45.0
_GATEWAY_HOST = re.compile(r"([0-9a-z-]+-[0-9a-z]{10})\.gateway\.bedrock-agentcore\.([a-z0-9-]+)\.amazonaws\.com")


class AccountPlatform:
    """What AgentCore asks of its account, answered by ministack (``agentcore.Platform``) in the current scope."""

    def __init__(self, account: str, region: str) -> None:
        self._scope = (account, region)

    def role_trusts_gateway(self, role_arn: str, gateway_arn: str) -> bool | None:
        """Whether AgentCore may assume the role for this gateway; None when there is no such role."""
        context = {"aws:sourceaccount": self._scope[0], "aws:sourcearn": gateway_arn}
        with bridge.scope(*self._scope):
            return bridge.role_trusts(role_arn, "bedrock-agentcore.amazonaws.com", context)

    def role_allows(self, role_arn: str, action: str, resource: str) -> bool:
        """Whether the role's own policies allow an action."""
        with bridge.scope(*self._scope):
            return bridge.role_allows(role_arn, action, resource)

    def decrypts(self, role_arn: str, secret_arn: str) -> bool:
        """Whether the role may decrypt a secret with the key that encrypts it."""
        with bridge.scope(*self._scope):
            return kms_keys.decrypts(role_arn, secret_arn)

    def secret(self, secret_id: str) -> str | None:
        """Return a secret's string, None when it does not exist."""
        with bridge.scope(*self._scope):
            return bridge.secret_string(secret_id)

    def put_secret(self, name: str, value: str) -> str:
        """Make or replace a secret; return its ARN."""
        with bridge.scope(*self._scope):
            return bridge.put_secret(name, value)

    def delete_secret(self, arn: str) -> None:
        """Remove a secret at once."""
        with bridge.scope(*self._scope):
            bridge.delete_secret(arn)

    def entrance_refusal(self, resource: Mapping[str, Any]) -> str:
        """Return why a private endpoint cannot stand where it is to, an empty text where it can."""
        with bridge.scope(*self._scope):
            return bridge_entrances.refusal(resource)

    def entrance_closed(self, resource: Mapping[str, Any], balancer: str) -> str:
        """Return why nothing passes from a private endpoint to a load balancer, an empty text where it does."""
        with bridge.scope(*self._scope):
            return bridge_entrances.closed(resource, balancer)

    def enter(self, resource: Mapping[str, Any]) -> str:
        """Place a private endpoint's interfaces; return the ARN of their resource gateway."""
        with bridge.scope(*self._scope):
            bridge_entrances.enter(resource)
            return bridge_entrances.resource_gateway(resource)

    def leave(self, resource: Mapping[str, Any], remaining: Sequence[Mapping[str, Any]]) -> None:
        """Let a private endpoint's interfaces go, unless a remaining one shares them."""
        with bridge.scope(*self._scope):
            bridge_entrances.leave(resource, remaining)

    def read_object(self, bucket: str, key: str, owner: str) -> bytes | None:
        """Return an object of S3, None where it is not there or its bucket is another account's than ``owner``."""
        expected = {"ExpectedBucketOwner": owner} if owner else {}
        with bridge.scope(*self._scope):
            try:
                answer = client("s3").get_object(Bucket=bucket, Key=key, **expected)
                return bytes(answer["Body"].read())
            except ClientError:
                return None


class GatewayAccess:
    """The IAM decisions of gateways, by ministack's evaluator (``gateway.Access``)."""

    def key(self, access_key: str) -> Key | None:
        """Return the secret of an access key, None when there is no such key."""
        found = bridge.credential(access_key)
        return Key(*found) if found else None

    def principal(self, access_key: str) -> str:
        """Return the ARN of the key's principal, nothing when there is none."""
        return bridge.principal_arn(access_key)

    def may_invoke(self, access_key: str, gateway_arn: str, owner: str, policy: str | None) -> str:
        """Return an empty string when the key's principal may call the gateway, else who is refused."""
        with bridge.scope(owner, gateway_arn.split(":")[3]):
            return bridge.denied_principal(access_key, "bedrock-agentcore:InvokeGateway", gateway_arn, owner, policy)


class DataPlane:
    """Server processes, HTTPS front, gateway and name resolution of one emulator.

    They run for one account and Region: that of the first service or gateway target made, until neither is left.
    ``state`` is the folder that keeps what must survive, ``process`` the server without a container, ``endpoint``
    ministack's URL, ``environment`` that of the person, in which container runtimes run.
    """

    def __init__(self, state: Path, process: ProcessProgram, endpoint: str, environment: Mapping[str, str]) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self._authority = Authority(state)
        self._ledger = ProcessLedger(state / "processes")
        self._owner_file = state / "data_plane.json"
        self._owner = self._read_owner()
        self._owner_lock = threading.Lock()
        self._resolver = Resolver(self)
        self._outbound = Outbound(self._resolver, self._authority.path)
        self._store = Store(state / "agentcore.json")
        self._cognito = cognito.CognitoHosts(endpoint)
        self._metadata = MetadataServer()
        self._health = HealthMonitor(self.network_changed)
        actions = BalancerActions(self._find_action, TokenCheck(self._read_keys), _note)
        gateway = GatewayFront(self._find_gateway, GatewayAccess(), _note)
        egress = Egress(self._outbound).answer
        self._inner = InnerServer(
            (actions.answer, actions.decide, self._cognito.answer, gateway.answer, self._metadata.answer, egress)
        )
        self._front = Front(state / "front", self._ledger, self._authority, self._inner.url)
        registry = Registry(urlsplit(endpoint).netloc, bridge.registry_password)
        self._containers = Containers(state, environment, registry, lambda: urlsplit(self._inner.url).port or 0)
        self._programs = Programs(process, self._containers.program)
        self.scheduler = ServiceScheduler(
            self, self._programs, self._ledger, self._metadata, self._health, self.apply_network
        )
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._network_lock = threading.Lock()
        self._poller = threading.Thread(target=self._poll, name="data-plane-network", daemon=True)

    @property
    def authority_path(self) -> Path:
        """Return the certificate that clients must trust, PEM."""
        return self._authority.path

    @property
    def gateway_base(self) -> str:
        """Return the plain form's base URL: ``<base>/gateways/<gateway id>/mcp``."""
        return self._inner.url

    def start(self) -> None:
        """End what a killed run left behind, take ministack's scheduling over and listen on loopback."""
        self._ledger.sweep()
        self._containers.sweep()
        bridge_ecs.install(self.scheduler)
        self._metadata.base = self._inner.url
        self._inner.start()

    def resume(self) -> None:
        """Run what the restored records say should run, and wait for it a while: a resumed machine answers as before.
        Call it after ministack's state was loaded.
        """
        if self._owner is not None:
            with bridge.scope(*self._owner):
                for group in bridge.target_groups():
                    for target in group["Targets"]:
                        if target["Id"] == "127.0.0.1":
                            bridge.deregister_target(group["TargetGroupArn"], target["Id"], target["Port"])
        self.scheduler.start()
        self._poller.start()
        self.scheduler.settle(_SETTLING_SECONDS)
        self.apply_network()

    def stop(self) -> None:
        """End every process and stop listening."""
        self._stopped.set()
        self._changed.set()
        self.scheduler.stop()
        self._health.stop()
        self._front.stop()
        self._inner.stop()
        self._outbound.close()
        self._cognito.close()
        # What a request that was still running has started.
        self._ledger.sweep()
        self._containers.sweep()

    def tasks(self) -> dict[str, object]:
        """Return what the running tasks are, and why they are no containers."""
        return {"running": self.scheduler.kinds(), "reason": self._programs.reason}

    # Whose data plane it is.

    def owner(self) -> tuple[str, str] | None:
        """Return the account and Region that it runs for, None while it runs for none."""
        return self._owner

    def claim(self, account: str, region: str) -> bool:
        """Run for this account and Region unless it runs for another; return whether it runs for this one."""
        with self._owner_lock:
            if self._owner is None:
                self._write_owner((account, region))
            return self._owner == (account, region)

    def release_if_idle(self) -> None:
        """Run for nobody when neither a service nor a gateway target of the owner is left."""
        with self._owner_lock:
            if self._owner is None:
                return
            active = any(
                (account, region) == self._owner and record.get("status") == "ACTIVE"
                for (account, region, _), record in bridge_ecs.services().items()
            )
            if not active and not any(self._store.region(*self._owner).targets.values()):
                self._write_owner(None)
        self.apply_network()

    def _write_owner(self, owner: tuple[str, str] | None) -> None:
        self._owner = owner
        self._owner_file.write_text(json.dumps({"owner": owner}))

    def _read_owner(self) -> tuple[str, str] | None:
        if not self._owner_file.exists():
            return None
        owner = json.loads(self._owner_file.read_text()).get("owner")
        return (str(owner[0]), str(owner[1])) if owner else None

    # Names (names.Directory).

    def records(self) -> Iterator[Record]:
        """Yield the Route 53 records of all accounts: public DNS knows no accounts."""
        for record in bridge.dns_records():
            alias = (record.get("AliasTarget") or {}).get("DNSName") or ""
            values = tuple(str(value) for value in record.get("ResourceRecords") or ())
            yield Record(str(record["Name"]).rstrip("."), str(record["Type"]), str(alias), values)

    def load_balancer(self, dns_name: str) -> Endpoint | None:
        """Return where a load balancer is served here."""
        return self._front.endpoint(dns_name)

    def service(self, name: str) -> Endpoint | None:
        """Return where one of AWS's own host names is served here."""
        gateway = _GATEWAY_HOST.fullmatch(name)
        served = cognito.is_served(name)
        if gateway:
            served = self._store.gateway_owner(gateway[1], gateway[2]) is not None
        return self._front.service_endpoint(name) if served else None

    def resolve(self, name: str, account: str | None = None) -> tuple[int, dict[str, object]]:
        """Answer ``/_emulator/resolve`` with an HTTP status and a body. Public names do not depend on ``account``."""
        try:
            return 200, self._resolver.resolve(name).as_json()
        except NameNotFound as error:
            return 404, {"message": str(error), "chain": list(error.chain)}

    # The network.

    def network_changed(self) -> None:
        """Look at the load balancers soon."""
        self._changed.set()

    def apply_network(self) -> None:
        """Bring front and health checks in step with the owner's load balancers before returning."""
        with self._network_lock:
            owner = self._owner
            if owner is None or self._stopped.is_set():
                balancers: Sequence[LoadBalancer] = ()
                groups: dict[str, TargetGroup] = {}
                names: dict[str, list[str]] = {}
            else:
                with bridge.scope(*owner):
                    balancers, groups = _read_network()
                    arns = {arn for lb in balancers for item in lb.listeners for arn in item.certificates}
                    names = {arn: bridge.certificate_names(arn) for arn in arns}
            self._health.watch(groups)
            self._front.apply(balancers, lambda inner: self._surroundings(groups, names, inner))

    def _surroundings(self, groups: dict[str, TargetGroup], names: dict[str, list[str]], inner: str) -> Surroundings:
        def routable(arn: str) -> Sequence[Target]:
            return self._health.routable(groups[arn]) if arn in groups else ()

        def certificate(arn: str) -> LeafCertificate | None:
            return self._authority.leaf(names[arn]) if names.get(arn) else None

        return Surroundings(routable, certificate, inner)

    def _poll(self) -> None:
        while not self._stopped.is_set():
            self._changed.wait(_POLL_SECONDS)
            self._changed.clear()
            if self._stopped.is_set():
                return
            try:
                self.apply_network()
            except Exception as error:
                # The front must go on following later changes; the reason is on standard error.
                _note(f"the HTTPS front could not follow the load balancers: {error}")

    def _find_action(self, action_id: str) -> Action | None:
        return self._front.action(action_id)

    def _read_keys(self, url: str) -> bytes:
        response = self._outbound.request("GET", url)
        if response.status_code != 200:
            raise OutboundError(f"{url} answered with HTTP status {response.status_code}")
        return response.content

    # AgentCore.

    def agentcore(self, account: str, region: str) -> Scope:
        """Return AgentCore's scope for an account and Region."""
        return Scope(
            account=account,
            region=region,
            store=self._store,
            platform=AccountPlatform(account, region),
            outbound=self._outbound,
            connects=lambda: self._connects(account, region),
        )

    def _connects(self, account: str, region: str) -> bool:
        mine = self.claim(account, region)
        if mine:
            self.apply_network()
        return mine

    def _find_gateway(self, gateway_id: str) -> tuple[Scope, AgentCoreRecord] | None:
        region = self._store.gateway_region(gateway_id)
        account = self._store.gateway_owner(gateway_id, region) if region else None
        if region is None or account is None:
            return None
        scope = self.agentcore(account, region)
        return scope, scope.records.gateways[gateway_id]


def _read_network() -> tuple[list[LoadBalancer], dict[str, TargetGroup]]:
    groups = {item["TargetGroupArn"]: read_target_group(item, item["Targets"]) for item in bridge.target_groups()}
    balancers = [
        LoadBalancer(
            arn=item["LoadBalancerArn"],
            name=item["LoadBalancerName"],
            dns_name=item["DNSName"],
            listeners=tuple(read_listener(listener, listener["Rules"]) for listener in item["Listeners"]),
            private=bridge_entrances.private_address(item),
        )
        for item in bridge.load_balancers()
        if item.get("Type", "application") == "application"
    ]
    return balancers, groups


def _note(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
