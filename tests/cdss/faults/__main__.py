"""Runs one of the programs of this folder on the site that CDSS_HOME names: python -m tests.cdss.faults NAME …"""

import importlib
import sys

import django

if __name__ == "__main__":
    django.setup()
    importlib.import_module(f"tests.cdss.faults.{sys.argv[1]}").main(*sys.argv[2:])
