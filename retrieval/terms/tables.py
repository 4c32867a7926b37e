"""Hand-made word tables of radiology English. Lower case, American spelling, singular."""


def word_set(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


STOP_WORDS = word_set(
    """a an and any are as at be been being by can could did do does doing done each for from had has have having he
    her hers him his how i if in into is it its itself may me might more most my nor of on or our ours out over own
    s shall she should so some such t than that the their theirs them then there these they this those through to too
    under until up very was we were what when where which while who whom why will with within would you your yours
    no not also however but about above after again all am because before below between both during few further here
    just off once only other same against down without via per etc eg ie versus vs"""
)

# British stem -> American stem; applied inside words, longest first.
SPELLING = {
    "haem": "hem", "aemi": "emi", "aemo": "emo", "oedem": "edem", "oesoph": "esoph", "oestr": "estr", "paed": "ped",
    "caec": "cec", "faec": "fec", "gynaec": "gynec", "aetio": "etio", "anaesth": "anesth", "caesar": "cesar",
    "rrhoea": "rrhea", "pnoea": "pnea", "foet": "fet", "coeli": "celi", "homoeo": "homeo", "amoeb": "ameb",
    "tumour": "tumor", "colour": "color", "behaviour": "behavior", "favour": "favor", "labour": "labor",
    "neighbour": "neighbor", "odour": "odor", "rumour": "rumor", "humour": "humor", "armour": "armor",
    "vapour": "vapor", "centre": "center", "fibre": "fiber", "litre": "liter", "metre": "meter", "calibre": "caliber",
    "grey": "gray", "sulph": "sulf", "leuco": "leuko", "orthopaed": "orthoped", "mould": "mold", "manoeuv": "maneuv",
    "localis": "localiz", "visualis": "visualiz", "characteris": "characteriz", "generalis": "generaliz",
    "recognis": "recogniz", "organis": "organiz", "hospitalis": "hospitaliz", "catheteris": "catheteriz",
    "immunis": "immuniz", "mineralis": "mineraliz", "neutralis": "neutraliz", "stabilis": "stabiliz",
    "minimis": "minimiz", "optimis": "optimiz", "vascularis": "vasculariz", "ionis": "ioniz", "utilis": "utiliz",
    "emphasis": "emphasiz", "summaris": "summariz", "embolis": "emboliz", "randomis": "randomiz",
    "stabilisation": "stabilization", "analys": "analyz", "paralys": "paralyz", "dilatat": "dilat", "ageing": "aging",
    "judgement": "judgment", "labelled": "labeled", "programme": "program", "tyre": "tire", "whilst": "while",
    "amongst": "among", "practise": "practice", "defence": "defense", "licence": "license", "skilful": "skillful",
}  # fmt: skip
# Words that a stem above would wrongly change.
SPELLING_KEPT = word_set("emphasis metastasis analysis paralysis dialysis organism embolism metres")

IRREGULAR_PLURALS = {
    "vertebrae": "vertebra", "bullae": "bulla", "pleurae": "pleura", "fistulae": "fistula", "bursae": "bursa",
    "costae": "costa", "valvulae": "valvula", "trabeculae": "trabecula", "maculae": "macula", "papillae": "papilla",
    "nuclei": "nucleus", "bronchi": "bronchus", "thrombi": "thrombus", "emboli": "embolus", "foci": "focus",
    "loci": "locus", "radii": "radius", "gyri": "gyrus", "sulci": "sulcus", "calculi": "calculus", "rami": "ramus",
    "alveoli": "alveolus", "villi": "villus", "humeri": "humerus", "menisci": "meniscus", "fungi": "fungus",
    "stimuli": "stimulus", "bacilli": "bacillus", "diverticula": "diverticulum", "septa": "septum",
    "bacteria": "bacterium", "criteria": "criterion", "phenomena": "phenomenon", "ganglia": "ganglion",
    "ova": "ovum", "hila": "hilum", "atria": "atrium", "crania": "cranium", "sequestra": "sequestrum",
    "women": "woman", "men": "man", "children": "child", "feet": "foot", "teeth": "tooth", "people": "person",
    "lungs": "lung", "lenses": "lens", "biopsies": "biopsy", "indices": "index", "appendices": "appendix",
    "cortices": "cortex", "matrices": "matrix", "apices": "apex", "calyces": "calyx", "calices": "calyx",
    "cervices": "cervix", "carcinomata": "carcinoma", "stigmata": "stigma", "foramina": "foramen",
    "lumina": "lumen", "series": "series", "species": "species", "pus": "pus", "diabetes": "diabetes",
    "herpes": "herpes", "rabies": "rabies", "caries": "caries", "scabies": "scabies", "facies": "facies",
    "biceps": "biceps", "triceps": "triceps", "quadriceps": "quadriceps", "forceps": "forceps",
    "leaves": "leaf", "halves": "half", "calves": "calf", "lives": "life", "aids": "aids", "does": "do",
    "metastases": "metastasis", "bases": "base", "axes": "axis", "testes": "testis", "pelves": "pelvis",
    "aorta": "aorta", "phalanges": "phalanx", "meninges": "meninx", "larynges": "larynx", "os": "os",
    "aches": "ache", "headaches": "headache", "backaches": "backache", "earaches": "earache",
    "stomachaches": "stomachache", "toothaches": "toothache", "pneumothoraces": "pneumothorax",
    "hemothoraces": "hemothorax", "thoraces": "thorax",
}  # fmt: skip

# Abbreviation -> long forms. The first is the usual one in imaging.
ABBREVIATIONS: dict[str, tuple[str, ...]] = {
    "aaa": ("abdominal aortic aneurysm",), "abpa": ("allergic bronchopulmonary aspergillosis",),
    "acc": ("adenoid cystic carcinoma", "adrenocortical carcinoma"), "acl": ("anterior cruciate ligament",),
    "adem": ("acute disseminated encephalomyelitis",), "adpkd": ("autosomal dominant polycystic kidney disease",),
    "aml": ("angiomyolipoma", "acute myeloid leukemia"), "ards": ("acute respiratory distress syndrome",),
    "asd": ("atrial septal defect",), "avf": ("arteriovenous fistula",), "avm": ("arteriovenous malformation",),
    "avn": ("avascular necrosis",), "bph": ("benign prostatic hyperplasia",),
    "cabg": ("coronary artery bypass graft",), "cad": ("coronary artery disease",),
    "ccam": ("congenital cystic adenomatoid malformation",), "cf": ("cystic fibrosis",),
    "chf": ("congestive heart failure",), "cmv": ("cytomegalovirus",), "cns": ("central nervous system",),
    "copd": ("chronic obstructive pulmonary disease",), "cpa": ("cerebellopontine angle",),
    "crp": ("c-reactive protein",), "csf": ("cerebrospinal fluid",), "ct": ("computed tomography",),
    "cta": ("computed tomography angiography",), "cva": ("cerebrovascular accident",), "cxr": ("chest radiograph",),
    "dcis": ("ductal carcinoma in situ",), "ddh": ("developmental dysplasia of the hip",),
    "dish": ("diffuse idiopathic skeletal hyperostosis",), "dnet": ("dysembryoplastic neuroepithelial tumor",),
    "dsa": ("digital subtraction angiography",), "dvt": ("deep vein thrombosis",),
    "dwi": ("diffusion weighted imaging",),
    "ebv": ("epstein barr virus",), "eg": ("eosinophilic granuloma",),
    "ercp": ("endoscopic retrograde cholangiopancreatography",),
    "esrd": ("end stage renal disease",), "fap": ("familial adenomatous polyposis",), "fdg": ("fluorodeoxyglucose",),
    "flair": ("fluid attenuated inversion recovery",), "fnh": ("focal nodular hyperplasia",),
    "gbm": ("glioblastoma",), "gct": ("giant cell tumor",), "gerd": ("gastroesophageal reflux disease",),
    "gi": ("gastrointestinal",), "gist": ("gastrointestinal stromal tumor",), "gu": ("genitourinary",),
    "hcc": ("hepatocellular carcinoma",), "hiv": ("human immunodeficiency virus",), "hsv": ("herpes simplex virus",),
    "ibd": ("inflammatory bowel disease",), "ich": ("intracranial hemorrhage", "intracerebral hemorrhage"),
    "ild": ("interstitial lung disease",), "ipf": ("idiopathic pulmonary fibrosis",),
    "ipmn": ("intraductal papillary mucinous neoplasm",), "ivc": ("inferior vena cava",),
    "jna": ("juvenile nasopharyngeal angiofibroma",), "kub": ("kidneys ureters bladder",),
    "lad": ("left anterior descending", "lymphadenopathy"), "lam": ("lymphangioleiomyomatosis",),
    "lch": ("langerhans cell histiocytosis",), "lll": ("left lower lobe",), "llq": ("left lower quadrant",),
    "lul": ("left upper lobe",), "luq": ("left upper quadrant",), "mcl": ("medial collateral ligament",),
    "mfh": ("malignant fibrous histiocytoma",), "mi": ("myocardial infarction",), "mr": ("magnetic resonance",),
    "mra": ("magnetic resonance angiography",), "mrcp": ("magnetic resonance cholangiopancreatography",),
    "mri": ("magnetic resonance imaging",), "ms": ("multiple sclerosis",), "nec": ("necrotizing enterocolitis",),
    "nf1": ("neurofibromatosis type 1",), "nf2": ("neurofibromatosis type 2",), "nhl": ("non-hodgkin lymphoma",),
    "nsclc": ("non-small cell lung cancer",), "nsip": ("nonspecific interstitial pneumonia",),
    "oa": ("osteoarthritis",), "pcl": ("posterior cruciate ligament",), "pcos": ("polycystic ovary syndrome",),
    "pcp": ("pneumocystis pneumonia",), "pda": ("patent ductus arteriosus",),
    "pe": ("pulmonary embolism",), "pet": ("positron emission tomography",),
    "pid": ("pelvic inflammatory disease",), "pml": ("progressive multifocal leukoencephalopathy",),
    "pnet": ("primitive neuroectodermal tumor",), "pres": ("posterior reversible encephalopathy syndrome",),
    "psa": ("prostate specific antigen",), "ptld": ("posttransplant lymphoproliferative disorder",),
    "pvns": ("pigmented villonodular synovitis",), "ra": ("rheumatoid arthritis",), "rcc": ("renal cell carcinoma",),
    "rll": ("right lower lobe",), "rlq": ("right lower quadrant",), "rml": ("right middle lobe",),
    "rul": ("right upper lobe",), "ruq": ("right upper quadrant",), "sah": ("subarachnoid hemorrhage",),
    "sbo": ("small bowel obstruction",), "scfe": ("slipped capital femoral epiphysis",),
    "sclc": ("small cell lung cancer",), "sdh": ("subdural hematoma",), "edh": ("epidural hematoma",),
    "sega": ("subependymal giant cell astrocytoma",), "sle": ("systemic lupus erythematosus",),
    "sma": ("superior mesenteric artery",), "smv": ("superior mesenteric vein",), "svc": ("superior vena cava",),
    "tb": ("tuberculosis",), "tbi": ("traumatic brain injury",), "tia": ("transient ischemic attack",),
    "tof": ("tetralogy of fallot",), "tsc": ("tuberous sclerosis complex",), "uip": ("usual interstitial pneumonia",),
    "upj": ("ureteropelvic junction",), "us": ("ultrasound",), "uti": ("urinary tract infection",),
    "uvj": ("ureterovesical junction",), "vhl": ("von hippel lindau",), "vsd": ("ventricular septal defect",),
    "vur": ("vesicoureteral reflux",), "xgp": ("xanthogranulomatous pyelonephritis",),
}  # fmt: skip
