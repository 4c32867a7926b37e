"""Runs the default lane on PostgreSQL: python -m tests.run_on_postgres [pytest's own arguments]."""

import os
import subprocess
import sys

from tests.postgres import postgres


def main() -> int:
    with postgres() as url:
        command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
