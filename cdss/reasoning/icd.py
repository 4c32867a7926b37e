"""How near two codes of ICD-10-CM are in its hierarchy."""

from functools import lru_cache

SAME, SAME_CATEGORY, SAME_BLOCK, SAME_CHAPTER, NOTHING = 1.0, 0.75, 0.5, 0.25, 0.0
CATEGORY_CHARACTERS = 3


@lru_cache(maxsize=20_000)
def icd_credit(code: str, gold: str) -> float:
    """1 for the same code or a refinement of it, .75 for the same category (its first three characters), .5 for the
    same block of categories, .25 for the same chapter, else 0. A code that is not of ICD-10-CM has no credit."""
    import simple_icd_10_cm as icd

    if not (icd.is_valid_item(code) and icd.is_valid_item(gold)):
        return NOTHING
    if code == gold or code in icd.get_descendants(gold) or gold in icd.get_descendants(code):
        return SAME
    if code[:CATEGORY_CHARACTERS] == gold[:CATEGORY_CHARACTERS]:
        return SAME_CATEGORY
    shared = set(icd.get_ancestors(code)) & set(icd.get_ancestors(gold))
    if any(icd.is_block(item) for item in shared):
        return SAME_BLOCK
    return SAME_CHAPTER if shared else NOTHING
