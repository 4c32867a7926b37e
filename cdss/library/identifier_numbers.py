"""Numbers, machines, institutions and places that name a person: most of them behind a word that says what they are."""

LABEL_END = r"(?:\s*(?:number|numbers|no\.?|num\.?|nr\.?|id|code|plate))?\s*(?:is\b|was\b)?\s*[:#=,]?\s*"
CODE = r"(?=[A-Z0-9./-]*\d[A-Z0-9./-]*\d)[A-Z0-9](?:[A-Z0-9./-]{1,28}[A-Z0-9])"
PLATE = r"(?=[A-Z0-9 -]*\d)(?=[A-Z0-9 -]*[A-Z])[A-Z0-9]{1,7}(?:[ -][A-Z0-9]{2,5}){0,2}"
OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
NOT_A_REFERENCE = (
    r"(?<!PMID: )(?<!PMID )(?<!PMCID: )(?!NCT|PMC|PMID|ISRCTN|OMIM|ORPHA|SNOMED|HP-?\d|CPT|ICD|RRID|DOI|COVID|SARS|FDG)"
)
UNITS = r"(?!\s?(?:cells|copies|cfu|CFU|IU|units?|/|mm|mg|ml|mL|people|persons|patients|cases|women|men|years|%))"

# Expressions by kind; `x` is what goes. Those that hold for any case of letters are apart.
ANY_CASE = (
    (
        "insurance",
        rf"\b(?:insurance|policy|member|subscriber|beneficiary|group|health ?plan)\s*(?:number|no\.?|id|#)?\s*[:#]?\s+"
        rf"(?P<x>(?-i:(?=[A-Z-]*\d{{4}}){CODE}))",
    ),
    (
        "licence",
        rf"\b(?:driver['’]?s?|driving|medical|nursing|DEA)\s+(?:licen[cs]e|registration){LABEL_END}(?P<x>{CODE})",
    ),
    ("plate", rf"\b(?:licen[cs]e|number|registration) plate{LABEL_END}(?P<x>(?-i:{PLATE}))"),
    ("plate", rf"\b(?:vehicle|car|licen[cs]e) (?:registration|reg\.?|tag|plates?){LABEL_END}(?P<x>(?-i:{PLATE}))"),
    (
        "device",
        rf"(?:\b(?:serial|device|implant|generator|UDI|lot)\s*(?:number|no\.?|id|#)|\bS/N|\bSN\b)\s*(?:is\b"
        rf"|was\b)?\s*[:#]?\s*"
        rf"(?P<x>(?-i:{CODE}))",
    ),
    (
        "account",
        rf"\b(?:account|acct|billing account|invoice|claim|receipt|bank account|IBAN)\.?{LABEL_END}(?P<x>(?-i:{CODE}))",
    ),
    ("record", rf"\b(?:unit|MPI|episode|case|requisition)\s*(?:number|no\.?|#)\s*[:#]?\s*(?P<x>(?-i:{CODE}))"),
    (
        "phone",
        r"\b(?:bleep|beep|extension|ext\.?|pager|direct line|hotline|whatsapp)\s*(?:number|no\.?)?\s*[:#]?\s*"
        r"(?P<x>\+?\(?\d[\d ().-]{1,18}\d)",
    ),
)  # fmt: skip
AS_WRITTEN = (
    ("ip", rf"(?<![\d.])(?:{OCTET}\.){{3}}{OCTET}(?!\.?\d)"),
    ("ip", r"(?<![\w:])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:])"),
    ("ip", r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])"),
    ("identifier", rf"(?<![\w./-]){NOT_A_REFERENCE}[A-Z]{{1,4}}[- ]?\d{{6,12}}[A-Z]?(?![\w-])"),
    ("identifier", rf"(?<!PMID: )(?<!PMID )(?<![\w.,/+-])\d{{7,14}}(?![\w-])(?!\.\d){UNITS}"),
    ("identifier", rf"(?<![\w.,/+-])\d{{3}}-\d{{2,3}}-\d{{3,4}}(?![\w-]){UNITS}"),
    ("phone", r"(?<![\w.+-])0\d{2,4} \d{3,4} \d{3,4}(?![\w-])"),
)

CAPITAL = r"(?:Ste?\b\.?|[A-ZÀ-ÖØ-ÞĀ-ſ][\w'’-]{1,40})"
GENERIC = (
    r"(?!(?:The|This|Our|Your|Local|Outside|Emergency|Pain|Primary|Care|Outpatient|Inpatient|Fracture|Day|Walk|Urgent|"
    r"Surgery|Surgical|Cardiology|Oncology|Neurology|Orthop[a]?edic|Dental|Eye|Chest|Breast|Memory|Stroke|Trauma"
    r"|Referring|"
    r"Regional|District|Community|Teaching|Tertiary|General|Specialist|Radiology|Infusion|Sleep|Cancer|Children['’]?s?|"
    r"Psychiatric|Mental|Private|Public|Acute|Skilled|Long|Nursing|Any|Another|Same|In|At|From|Head|Medical|Military|"
    r"Veterans|VA|Field|Hospital|Clinic)\s+(?:Hospital|Clinic|Center|Centre|Home|Hospice|Infirmary|Department"
    r"|Medical|Health|"
    r"Care|Surgery|Practice|Service|Unit|Ward|Nursing|General|Facility))"
)
KIND_OF_PLACE = (
    r"(?:(?:Regional |General |Memorial |Community |University |Royal |Children['’]s |Women['’]s |Men['’]s |County "
    r"|District "
    r"|City |Family |Medical |Veterans |Imaging |Rehabilitation |Nursing |Care |Health |Cancer |Heart |Surgical "
    r"|Military |"
    r"Army |Teaching |Eye |Maternity |Psychiatric |Walk-in |Urgent |Primary )*"
    r"(?:Hospitals?|Infirmary|Medical Cent(?:er|re)|Health (?:Cent(?:er|re)|System)|Healthcare|Hospice|Clinics?"
    r"|Nursing Home|"
    r"Care Home|Care Cent(?:er|re)|Rehabilitation Cent(?:er|re)|Imaging (?:Cent(?:er|re)|Associates|Partners)|"
    r"Radiology (?:Associates|Partners|Group|Cent(?:er|re))|Sanatorium|Polyclinic|Klinikum|Krankenhaus"
    r"|Foundation Trust|"
    r"NHS Trust|Fire Department|Police Department|High School|Elementary School))"
)
# What also ends the name of an operation, a journal or a department: some word of it has to be no word.
WEAK_PLACE = (
    r"(?:Associates|Institute|Academy|College|Pharmacy|Surgery|Imaging|Practice|Rehab|Health|Care|Group|Ltd|Inc|LLC)"
)
NAMED = rf"{CAPITAL}(?: (?:of|and|&|the|{CAPITAL})){{0,4}}"
NO_MONTH = r"(?!(?:January|February|March|April|May|June|July|August|September|October|November|December)\b)"
NOT_A_CITY = (
    r"(?!Hospital|Course|Admission|Stay|Day|Number|No\b|ID\b|Record|Physician|Staff|Discharge|Clinic|Medical|Anxiety"
    r"|Level|Center|Centre)"
)
INSTITUTIONS = (
    rf"\b(?:University|Universit[ée]|Royal|Klinikum|Krankenhaus|H[ôo]pital|Hospital|Clinic|Clinica) (?:Hospital "
    rf"|Medical Cent(?:er|re) |"
    rf"College )?(?:of |de |di |du |at )?{NOT_A_CITY}(?:Sankt )?{CAPITAL}(?: {CAPITAL}){{0,2}}",
    rf"\b{GENERIC}{NAMED} {KIND_OF_PLACE}\b(?: (?:of|at|in) (?:the )?{NO_MONTH}{CAPITAL}(?: {NO_MONTH}{CAPITAL})?)?",
    rf"\b[Ww]ork(?:s|ed|ing)? (?:for|at) (?:the )?(?P<x>{CAPITAL}(?: {CAPITAL}){{0,3}})",
    rf"\b[Ee]mploy(?:ed|ee|er)(?:,? (?:by|at|with|of|is))? (?:the )?(?P<x>{CAPITAL}(?: {CAPITAL}){{0,3}})",
)
WEAK_INSTITUTION = rf"\b{NAMED} {WEAK_PLACE}\b"
PLACES = (
    rf"\b(?:lives?|lived|living|born|raised|resid(?:es|ing|ed)|moved(?: here)?|native|resident|grew up|settled"
    rf"|relocated|"
    rf"hometown|flew|drove|commutes) (?:in|of|from|to|near|outside|is) "
    rf"(?P<x>(?!(?:The|United|North|South|East|West|Central|New Zealand|Africa|India|China|Mexico|Asia|Europe|America|"
    rf"Canada|Australia|Germany|France|Italy|Spain|Poland|Russia|Ukraine|Japan|Korea|Vietnam|Brazil|Egypt|Nigeria"
    rf"|Kenya|"
    rf"England|Scotland|Wales|Ireland|Turkey|Iran|Iraq|Syria|Pakistan|Bangladesh|ICU|OR|ED|ER|CT|MRI|PACU)\b)"
    rf"{CAPITAL}(?: {CAPITAL}){{0,2}})",
)  # fmt: skip
