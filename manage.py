#!/usr/bin/env python
import os
import sys


def main() -> None:
    # What it writes is of patients: its owner's alone.
    os.umask(0o077)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdss.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        stop(str(error))
    except (OperationalError, ProgrammingError) as error:
        said = " ".join(str(error).split()).rstrip(".?")
        stop(f"The database cannot be used: {said}. Check DATABASE_URL; on a new site, run manage.py setup_site first.")


def stop(message: str) -> None:
    if "--traceback" in sys.argv:
        raise
    sys.stderr.write(f"{message}\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
