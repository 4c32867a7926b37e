"""The gate: a statement is shown as a fact only when its citation says it."""

from cdss.reasoning.gate.judge import Verdict
from cdss.reasoning.gate.statements import check_statement, find_support

__all__ = ["Verdict", "check_statement", "find_support"]
