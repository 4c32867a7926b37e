"""How many false claims the gate catches and how many true ones it refuses, by kind."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cdss.proportions import wilson
from cdss.reasoning.gate import Verdict, check_statement, find_support
from cdss.reasoning.perturb import Perturbed, Truth, altered_quote, bad_claims, good_claims
from cdss.reasoning.perturb.picking import chosen
from cdss.reasoning.perturb.sampling import Sample, samples_of
from cdss.reasoning.types import CitationDraft, EvidenceText, StatementDraft

Check = Callable[[str, str], Verdict]
ALL, REWORDINGS = "all", "rewordings"
# True claims in the words of their source, which flatter the figure of all.
_IN_ITS_WORDS = frozenset(("verbatim", "cited", "framed"))
# The reasons that name each kind of flaw. "partly" counts as named only with one of them.
NAMED = {
    "negation": ("negation",),
    "laterality": ("laterality", "order"),
    "number": ("number",),
    "unit": ("unit", "number"),
    "disease": ("not-in-quote", "subject"),
    "certainty": ("certainty", "quantifier", "not-in-quote"),
    "quantifier": ("quantifier", "certainty"),
    "superlative": ("quantifier", "not-in-quote"),
    "antonym": ("antonym", "laterality", "order", "negation", "not-in-quote"),
    "swapped": ("antonym", "laterality", "order", "number"),
    "comparison": ("antonym", "order", "number", "not-in-quote"),
    "cause": ("order", "not-in-quote"),
    "advice": ("negation", "antonym", "not-in-quote"),
    "population": ("antonym", "not-in-quote", "order"),
    "time": ("antonym", "order", "not-in-quote", "number"),
    "modality": ("not-in-quote", "antonym", "order"),
    "body-part": ("not-in-quote", "antonym", "order"),
    "recombined": ("not-in-", "order", "antonym", "negation", "number", "subject"),
    "addition": ("not-in-quote", "number", "negation"),
    "same-document": ("not-in-",),
    "elsewhere": ("not-in-",),
    "citation-moved": ("not-in-",),
    "quote-altered": ("quote-",),
}


@dataclass(slots=True)
class Figures:
    """One row. Of good claims `right` is how many are supported, of bad ones how many are not."""

    kind: str
    truth: Truth
    verdicts: Counter[str] = field(default_factory=Counter)
    named: int = 0

    @property
    def count(self) -> int:
        return self.verdicts.total()

    @property
    def supported(self) -> float:
        return self.verdicts["supported"] / self.count

    @property
    def left_out(self) -> float:
        """Unsupported: never shown."""
        return self.verdicts["unsupported"] / self.count

    @property
    def caught(self) -> float:
        """Not supported, for whatever reason."""
        return 1 - self.supported

    @property
    def caught_by_name(self) -> float:
        """Unsupported, or partly with a reason that names the flaw."""
        return self.named / self.count

    @property
    def right(self) -> int:
        held = self.verdicts["supported"]
        return held if self.truth == "good" else self.count - held

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the share that is right."""
        return wilson(self.right, self.count)


def measure_gate(
    documents: Sequence[tuple[str, str]],
    names: Sequence[str],
    *,
    per_document: int = 2,
    check: Check = find_support,
) -> list[Figures]:
    """The gate's figures on any library: (id, text) of its documents, and names of its diseases in lower case."""
    return measure(samples_of(documents, names, per_document=per_document), check=check)


def measure(samples: Iterable[Sample], *, check: Check = find_support) -> list[Figures]:
    """The figures of each kind, a row "all" for the good and one for the bad, and "rewordings" of the good alone."""
    table: dict[tuple[str, Truth], Figures] = {}
    for sample in samples:
        for one, verdict in judged(sample, check):
            reworded = one.truth == "good" and one.kind not in _IN_ITS_WORDS
            for kind in (one.kind, ALL, *((REWORDINGS,) if reworded else ())):
                row = table.setdefault((kind, one.truth), Figures(kind, one.truth))
                row.verdicts[verdict.support] += 1
                row.named += verdict.support == "unsupported" or (
                    verdict.support == "partly" and _names(one.kind, verdict.reasons)
                )
    return sorted(table.values(), key=lambda row: (row.truth, row.kind))


def judged(sample: Sample, check: Check = find_support) -> Iterator[tuple[Perturbed, Verdict]]:
    for one in (*good_claims(sample.sentence, sample.around), *bad_claims(sample.sentence, sample.around)):
        yield one, check(one.claim, sample.passage)
    yield from _cited(sample)


def _cited(sample: Sample) -> Iterator[tuple[Perturbed, Verdict]]:
    """The sentence itself with a citation that is right, that has a word exchanged, and that points elsewhere."""
    start = sample.passage.find(sample.sentence)
    if start < 0:
        return
    citation = CitationDraft("E1", sample.sentence, start, start + len(sample.sentence))
    yield Perturbed(sample.sentence, "cited", "good"), _statement(sample, citation)
    if quote := altered_quote(sample.sentence):
        altered = CitationDraft("E1", quote, start, start + len(quote))
        yield Perturbed(sample.sentence, "quote-altered", "bad"), _statement(sample, altered)
    elsewhere = [one for one in sample.around.passage if one != sample.sentence]
    if moved := chosen(elsewhere, sample.sentence):
        at = sample.passage.find(moved)
        citation = CitationDraft("E1", moved, at, at + len(moved))
        yield Perturbed(sample.sentence, "citation-moved", "bad"), _statement(sample, citation)


def _statement(sample: Sample, citation: CitationDraft) -> Verdict:
    evidence = EvidenceText("E1", "literature", "", "", sample.passage, 1.0)
    draft = StatementDraft(sample.sentence, "for", [citation])
    found = check_statement(statement=draft, evidence={"E1": evidence}, case=None)
    return Verdict(found.support, tuple(found.reasons))


def _names(kind: str, reasons: Sequence[str]) -> bool:
    return any(reason.startswith(NAMED.get(kind, ())) for reason in reasons)
