"""Build the site: `python -m scripts.site`, in the project's environment; it is then in `.local/site/html`.

Exits 0 where it was built, 1 where a link, an anchor or the navigation is broken, 2 where the generator could not be
installed.
"""

import sys

from deployer.environments import EnvironmentFailure
from scripts.node_packages import RegistryUnreachable
from scripts.site.building import FOLDER, SiteFailure, build


def main() -> int:
    """Build the site and say where it is; returns the exit status."""
    try:
        page = build(FOLDER)
    except SiteFailure as failure:
        print(f"Error: {failure}", file=sys.stderr)
        return 1
    except (EnvironmentFailure, RegistryUnreachable) as failure:
        print(f"Error: {failure}", file=sys.stderr)
        return 2
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
