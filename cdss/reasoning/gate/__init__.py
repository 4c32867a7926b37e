"""The gate: a statement is shown as a fact only when its citation says it."""

from cdss.reasoning.gate.judge import Verdict
from cdss.reasoning.gate.statements import check_statement, find_support
from cdss.reasoning.gate.vote import Likelihood

__all__ = ["Likelihood", "Verdict", "check_statement", "find_support"]
