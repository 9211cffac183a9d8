"""One run of a command: its options, its way to AWS, its progress and where its result goes.

With JSON output exactly one document is printed on standard output; everything else goes to standard error. What
reaches AWS is imported only by the commands that do.
"""

from __future__ import annotations

import json
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from deployer.errors import UsageError

if TYPE_CHECKING:
    from deployer.context import Context
    from deployer.progress import Progress
    from deployer.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = ROOT / "deployment.toml"
EXAMPLE = ROOT / "deployment.example.toml"
CLEAR = "\x1b[2J\x1b[H"
"""Empties a terminal and goes to its first line (ECMA-48, ED and CUP)."""
T = TypeVar("T")


class Session:
    """What the options of a command amount to; AWS is reached only when the command asks for it."""

    def __init__(self, options: Namespace) -> None:
        self.options = options

    def settings(self) -> Settings:
        """Returns the configuration: the file that was named, else deployment.toml, else in local mode the example."""
        from deployer.settings import in_home_region, load

        file = self.options.config or CONFIGURATION
        if self.options.config is None and self.options.local and not CONFIGURATION.exists():
            file = EXAMPLE
        settings = load(file)
        return in_home_region(settings, self.options.region) if self.options.region else settings

    def file(self) -> Path:
        """Returns the configuration file for what asks nothing of AWS: where there is none, the example."""
        return Path(self.options.config or (CONFIGURATION if CONFIGURATION.exists() else EXAMPLE))

    def prices(self, work: Callable[[Any], T]) -> T:
        """Runs `work` with a client of the AWS Price List, in the credentials' own account."""
        from deployer.aws import Access, Aws, aws_sentences
        from deployer.price_list import REGION

        if self.options.local:
            raise UsageError(
                "--refresh asks AWS for its prices, which the AWS of this machine does not have; leave out --local."
            )
        with aws_sentences():
            aws = Aws(Access(self.options.profile, REGION, self.options.endpoint_url))
            return work(aws.client("pricing", aws.identity(), REGION))

    def target_regions(self) -> set[str]:
        """Returns the Regions of the configured targets; none where there is no configuration yet."""
        if self.options.config is None and not CONFIGURATION.exists():
            return set()
        return set(self.settings().regions)

    def run(self, work: Callable[[Context], T]) -> T:
        """Runs `work` with everything that it acts with, showing progress; what AWS refuses becomes one sentence."""
        from deployer.aws import aws_sentences
        from deployer.progress import progress

        settings = self.settings()
        with progress(sys.stderr, self.options.progress) as shown, aws_sentences():
            return work(self._context(settings, shown))

    def watch(self, look: Callable[[Context], T], show: Callable[[T], None], every: float) -> None:
        """Looks and shows every so many seconds until interrupted, on a terminal in place of what was shown before.

        What AWS refuses for once is told and does not end it.
        """
        from botocore.exceptions import BotoCoreError

        from deployer.aws import aws_sentences
        from deployer.errors import RefusedError
        from deployer.progress import progress

        with progress(sys.stderr, self.options.progress) as shown, aws_sentences():
            context = self._context(self.settings(), shown)
        with suppress(KeyboardInterrupt):
            while True:
                try:
                    with aws_sentences():
                        found = look(context)
                except (RefusedError, BotoCoreError) as error:
                    sys.stderr.write(f"{error}\n")
                    sys.stderr.flush()
                else:
                    if self.options.output == "text" and sys.stdout.isatty():
                        sys.stdout.write(CLEAR)
                    show(found)
                    sys.stdout.flush()
                time.sleep(every)

    def confirm(self, question: str) -> None:
        """Asks before something is removed; raises UsageError where nobody can answer or the answer is no."""
        if self.options.yes:
            return
        if not sys.stdin.isatty():
            raise UsageError("This removes things and nobody is there to be asked; give --yes to go ahead.")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise UsageError("Nothing was changed.")

    def require_one_aws(self) -> None:
        """Raises UsageError where the options name two AWS-compatible endpoints."""
        if self.options.local and self.options.endpoint_url:
            raise UsageError(
                "--local starts an AWS of its own, so that --endpoint-url does not go with it; leave one out."
            )

    def say(self, what: str) -> None:
        """Tells a person what is being waited for, on standard error; nothing where progress is to be JSON."""
        if self.options.progress != "json":
            sys.stderr.write(f"{what}\n")
            sys.stderr.flush()

    def show(self, data: Mapping[str, Any], text: Sequence[str] | Callable[[], None]) -> None:
        """Prints the result: `data` as one JSON document, or `text` as lines or by its own means."""
        if self.options.output == "json":
            # Of documents that follow each other each takes one line.
            indent = None if getattr(self.options, "watch", 0) else 2
            sys.stdout.write(json.dumps(data, indent=indent, default=str) + "\n")
        elif callable(text):
            text()
        else:
            sys.stdout.writelines(f"{line}\n" for line in text)

    def _context(self, settings: Settings, shown: Progress) -> Context:
        from deployer import local
        from deployer.aws import Access, Aws
        from deployer.context import Context
        from deployer.events import Step
        from deployer.network import LocalNetwork, PublicNetwork
        from deployer.stacks import LOCAL_POLL_SECONDS, POLL_SECONDS

        self.require_one_aws()
        home = settings.stack_set.home_region
        if not self.options.local:
            aws = Aws(
                Access(self.options.profile, home, self.options.endpoint_url, settings.stack_set.access_role_name)
            )
            _check_account(settings, aws.identity())
            return Context(settings, aws, PublicNetwork(), shown, local=False, poll=POLL_SECONDS)
        emulator = local.start(local.state_folder(), lambda what: shown.emit(Step("Local AWS", "started", what)))
        shown.emit(Step("Local AWS", "done", emulator.url))
        account = settings.stack_set.administration_account or settings.targets[0].account
        aws = Aws(
            Access(region=home, endpoint_url=emulator.url, emulator_key=emulator.secret_access_key),
            emulated_account=account,
        )
        # Asked before anything is changed, as on AWS: what is wrong with the way there is found out here.
        aws.identity()
        network = LocalNetwork(emulator.url, emulator.authority)
        return Context(settings, aws, network, shown, local=True, poll=LOCAL_POLL_SECONDS)


def _check_account(settings: Settings, account: str) -> None:
    wanted = settings.stack_set.administration_account
    if wanted and wanted != account:
        raise UsageError(
            f"The credentials are of account {account}, but stack_set.administration_account says {wanted}; choose that"
            " account's profile with --profile, or correct the configuration."
        )
