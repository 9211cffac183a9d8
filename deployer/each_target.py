"""The same work in many places at once, a bounded number of them at a time."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Final, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from deployer.aws import refusal
from deployer.errors import DeployerError, RefusedError
from deployer.stack_set_plan import Target

CONNECTIONS: Final = 8
T = TypeVar("T")


@dataclass
class Done(Generic[T]):
    """What came of the work by account and Region: its result, or a sentence that says why it failed."""

    results: dict[Target, T] = field(default_factory=dict)
    failures: dict[Target, str] = field(default_factory=dict)

    def told(self) -> list[str]:
        """Returns a sentence for each failure, in the order of accounts and Regions."""
        return sentences(self.failures)


class Pause:
    """Waiting that ends with the command: an interrupted command does not wait for what its threads wait for."""

    def __init__(self) -> None:
        self._over = Event()

    def __call__(self, seconds: float) -> None:
        """Waits; raises RefusedError where the command was interrupted."""
        if self._over.wait(seconds):
            raise RefusedError("The command was interrupted.")

    def end(self) -> None:
        """Ends all waiting."""
        self._over.set()


def each(targets: Iterable[Target], work: Callable[[Target], T], pause: Pause | None = None) -> Done[T]:
    """Does the work for all targets, some at a time; where AWS refuses it for one, the others go on.

    Work that waits does so by `pause`.
    """
    done: Done[T] = Done()

    def one(target: Target) -> None:
        try:
            done.results[target] = work(target)
        except ClientError as error:
            done.failures[target] = refusal(error)
        except (BotoCoreError, DeployerError) as error:
            done.failures[target] = str(error)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            list(pool.map(one, sorted(targets)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            if pause is not None:
                pause.end()
            raise
    return done


def sentences(failures: dict[Target, str]) -> list[str]:
    """Returns failures as sentences that name their account and Region, in that order."""
    return [f"{account} {region}: {reason}" for (account, region), reason in sorted(failures.items())]
