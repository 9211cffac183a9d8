"""Target health as the load balancer judges it.

The proxy's own checks know no thresholds and no list of accepted codes, and would end the ALB's fail-open behaviour, so
the targets are probed here and the proxy is given only those that may be routed to. Facts: "Health checks for
Application Load Balancer target groups" (Elastic Load Balancing user guide): a new target must pass one check to be
healthy; thresholds count consecutive results; with no healthy target all are routed to.
Intervals are shortened to half a second; nothing else is.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from emulator.data_plane.balancers import HealthCheck, Target, TargetGroup

_LONGEST_INTERVAL = 0.5


@dataclass(frozen=True)
class TargetState:
    """What DescribeTargetHealth says of a target; ``answered`` tells whether it ever answered a check at all."""

    state: str
    reason: str = ""
    description: str = ""
    answered: bool = False

    @property
    def healthy(self) -> bool:
        """Whether requests are routed to the target."""
        return self.state == "healthy"


_INITIAL = TargetState("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
_UNUSED = TargetState(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)


class _Probe:
    """Checks one target until stopped."""

    def __init__(self, target: Target, check: HealthCheck, changed: Callable[[], None]) -> None:
        self.check = check
        self.state = _INITIAL
        self._target = target
        self._changed = changed
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name=f"health-{target.port}", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        passed = failed = 0
        port = self._target.port if self.check.port == "traffic-port" else int(self.check.port)
        url = f"http://{self._target.address}:{port}{self.check.path}"
        with httpx.Client(trust_env=False, timeout=self.check.timeout) as client:
            while not self._stopped.is_set():
                failure, answered = self._probe(client, url)
                passed, failed = (0, failed + 1) if failure else (passed + 1, 0)
                self._judge(passed, failed, failure, answered or self.state.answered)
                self._stopped.wait(min(self.check.interval, _LONGEST_INTERVAL))

    def _probe(self, client: httpx.Client, url: str) -> tuple[TargetState | None, bool]:
        try:
            status = client.get(url, headers={"user-agent": "ELB-HealthChecker/2.0"}).status_code
        except httpx.TimeoutException:
            return TargetState("unhealthy", "Target.Timeout", "Request timed out"), False
        except httpx.HTTPError:
            return TargetState("unhealthy", "Target.FailedHealthChecks", "Health checks failed"), False
        if self.check.accepts(status):
            return None, True
        text = f"Health checks failed with these codes: [{status}]"
        return TargetState("unhealthy", "Target.ResponseCodeMismatch", text), True

    def _judge(self, passed: int, failed: int, failure: TargetState | None, answered: bool) -> None:
        before = self.state.state
        needed = 1 if before == "initial" else self.check.healthy_threshold
        if failure is None and passed >= needed:
            self.state = TargetState("healthy", answered=True)
        elif failure is not None and failed >= self.check.unhealthy_threshold:
            self.state = TargetState("unhealthy", failure.reason, failure.description, answered)
        elif before == "initial":
            text = "Initial health checks in progress"
            self.state = TargetState("initial", "Elb.InitialHealthChecking", text, answered)
        if self.state.state != before:
            self._changed()


class HealthMonitor:
    """Probes every registered target of the groups it is given; ``changed`` is called when a verdict changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._probes: dict[tuple[str, Target], _Probe] = {}
        self._lock = threading.Lock()

    def watch(self, groups: Mapping[str, TargetGroup]) -> None:
        """Probe exactly the targets of ``groups`` (by ARN)."""
        wanted = {(arn, target): group.check for arn, group in groups.items() for target in group.targets}
        with self._lock:
            for key in [key for key, probe in self._probes.items() if wanted.get(key) != probe.check]:
                self._probes.pop(key).stop()
            for key, check in wanted.items():
                if key not in self._probes:
                    self._probes[key] = _Probe(key[1], check, self._changed)

    def state(self, group: str, target: Target) -> TargetState:
        """Return the verdict on one target; ``unused`` when it is not probed."""
        with self._lock:
            probe = self._probes.get((group, target))
        return probe.state if probe else _UNUSED

    def routable(self, group: TargetGroup) -> Sequence[Target]:
        """Return the targets that requests go to: the healthy ones, all of them when none is healthy."""
        healthy = [target for target in group.targets if self.state(group.arn, target).healthy]
        return healthy or group.targets

    def stop(self) -> None:
        """End every probe."""
        self.watch({})
