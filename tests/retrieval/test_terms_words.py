import time

import pytest

from retrieval.terms import expand, fold, normalise_name, singular, stem, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A 3.5 cm mass and a 3.5cm mass", ["3.5cm", "mass", "3.5cm", "mass"]),
        ("T2-weighted images", ["t2weighted", "t2", "weighted", "image"]),
        ("herniation at L4-5 and L4-L5", ["herniation", "l4-5", "l4", "l5", "l4-5", "l4", "l5"]),
        ("α-fetoprotein", ["alphafetoprotein", "alpha", "fetoprotein"]),
        ("Crohn's disease on CT and MR", ["crohn", "disease", "ct", "mr"]),
        ("Oedematous tumours, haemorrhages", ["edematous", "tumor", "hemorrhage"]),
        ("1,200 patients, 30 %", ["1200", "patient", "30%"]),
        ("", []),
        ("of the and", []),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_british_and_american_spelling_give_the_same_tokens() -> None:
    british = "Paediatric leukaemia with oesophageal ischaemia, anaemia, diarrhoea, dyspnoea and a tumour in the caecum"
    american = "Pediatric leukemia with esophageal ischemia, anemia, diarrhea, dyspnea and a tumor in the cecum"
    assert tokens(british) == tokens(american)


@pytest.mark.parametrize(
    ("plural", "one"),
    [
        ("masses", "mass"),
        ("vertebrae", "vertebra"),
        ("metastases", "metastasis"),
        ("diagnoses", "diagnosis"),
        ("biopsies", "biopsy"),
        ("lenses", "lens"),
        ("pus", "pus"),
        ("pelvis", "pelvis"),
        ("abscess", "abscess"),
        ("women", "woman"),
        ("headaches", "headache"),
    ],
)
def test_singular(plural: str, one: str) -> None:
    assert singular(plural) == one


@pytest.mark.parametrize(
    "family",
    [
        ("enhance", "enhances", "enhancing", "enhancement", "enhanced"),
        ("calcified", "calcification", "calcifications"),
        ("metastasis", "metastases", "metastatic"),
        ("haemorrhage", "hemorrhagic", "haemorrhages"),
        ("infection", "infected", "infectious"),
        ("cyst", "cystic", "cysts"),
    ],
)
def test_a_family_of_words_has_one_stem(family: tuple[str, ...]) -> None:
    assert len({stem(word) for word in family}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anterior", "posterior"),
        ("hypertension", "hypotension"),
        ("artery", "vein"),
        ("mass", "massive"),
        ("test", "testis"),
        ("different", "differentiate"),
    ],
)
def test_words_that_mean_different_things_keep_their_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_fold_leaves_words_that_only_look_british() -> None:
    assert [fold(word) for word in ("aerobic", "analysis", "metastasis", "does")] == [
        "aerobic",
        "analysis",
        "metastasis",
        "does",
    ]


def test_expand_adds_long_and_short_forms_once() -> None:
    assert expand(tokens("GBM")) == ["gbm", "glioblastoma"]
    assert expand(tokens("pulmonary embolism, PE")) == ["pulmonary", "embolism", "pe"]
    assert expand(["nodule"]) == ["nodule"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Left Renal Cell Carcinomas (RCC)", "renal cell carcinoma"),
        ("GBM", "glioblastoma"),
        ("Crohn's disease", "crohn disease"),
        ("Probable haemangioma", "hemangioma"),
        ("Right heart failure", "right heart failure"),
        ("Tetralogy of Fallot", "tetralogy of fallot"),
        ("(Sarcoidosis)", "sarcoidosis"),
        ("", ""),
    ],
)
def test_normalise_name(name: str, expected: str) -> None:
    assert normalise_name(name) == expected


def test_tokens_are_fast() -> None:
    text = "A 3.5 cm T2-hyperintense haemorrhagic mass of the left kidney is seen without calcification. " * 4000
    tokens(text[:1000])
    started = time.process_time()
    tokens(text)
    assert len(text) / (time.process_time() - started) > 0.5e6
