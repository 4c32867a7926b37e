"""What stands before and after the name of a person, and what looks like a name and is none."""

import re


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
PARTICLES = _set("""
    van von der den de del della di da dos do das du la le los las el al bin ibn ben ten ter zu zum st y e
""")
TITLES = _set("""
    dr drs mr mrs ms mx miss prof professor doctor nurse rev sgt capt
""")
CREDENTIALS = _set("""
    MD DO RN NP PA PHD FRCR FRCS FRCP FACR MRCP MBBS MBCHB BSC LPN CRNP APRN PT DPT DDS DPM MSW LCSW JR SR
""")
LONGEST = 5
_PART = r"(?:Mc|Mac|De|Di|Du|La|Le|Van|Von|Fitz|Ja|Da)?[A-ZÀ-ÖØ-ÞĀ-ſ][a-zß-öø-ÿĀ-ſ]+"
CAPITALISED = re.compile(rf"(?:[A-Z]['’])?{_PART}(?:-(?:[A-Z]['’])?{_PART}|-[a-z]{{2}}-{_PART}|['’]{_PART}|['’]s?)*")
SAINT = frozenset(("st", "ste"))
MONTHS = _set("""
    jan april may june august
""")
PLACE_WORDS = _set("""
    san santa santo los las new north south east west fort mount saint port lake el upper lower
""")
# A journal and its year, a heading, one of several abbreviations.
REFERENCE_AFTER = re.compile(r"^(?::|/|\.?,?\s*(?:19|20)\d\d\b|\s+(?:Med|Surg|J|Am|Clin|Int|Rev|Radiol)\b)")
TITLE = re.compile(
    # MR and MS in capitals are a scan and a disease, unless a full stop says otherwise.
    r"(?:\b(?!MR\b[^.]|MS\b[^.]|DR\b[^.])(?i:drs?|doctors?|mr|mrs|ms|mx|miss|mister|misses|prof|professor|nurse|rev"
    r"|reverend|sgt"
    r"|capt|dra|herr|frau|mme|señora?)\b\.?|\b(?i:cc|attn)[.:]?)(?:\s+(?:[Dd]r|med)\b\.?)?[ \t]+$"
)
LABEL = re.compile(
    r"(?:(?:^|[\n,;|(]|\bpatient|\bfull)[ \t]*name[ \t]*:[ \t]*|\b(?:re|to|from|cc|patient|pt|on call|on duty"
    r"|surname|attending|consultant|signed|by|kin|contact|attention|attn|radiologist"
    r"|registrar|resident|fellow|physician|provider|surgeon|referrer|referring doctor|gp|pcp|nurse|technologist|author|"
    r"reader|interpreter|guardian|carer|caregiver|transcriptionist|transcribed|dictated|reviewer"
    r"|requested)[ \t]*:[ \t]*"
    r"|\b(?:signed|verified|dictated|transcribed|authenticated|approved|read|reported|interpreted) by:?[ \t]+"
    r"|\b(?:first|last|middle|maiden|given|family)[ ]name[ \t]*[:=][ \t]*)$",
    re.IGNORECASE,
)
_OF_THE_FAMILY = (
    r"(?:daughters?|sons?|wife|husband|mother|father|sisters?|brothers?|partner|spouse|niece|nephew|aunt|uncle"
    r"|cousin|grandson"
    r"|granddaughter|grandmother|grandfather|friend|neighbou?r|roommate|fianc[eé]e?|guardian|caregiver|carer|boyfriend"
    r"|girlfriend|stepmother|stepfather|twin)"
)
RELATIVE = rf"(?:\b(?:his|her|their|the|a|an|patient['’]s)|['’]s)\s+(?:\w+[ -])?{_OF_THE_FAMILY}"
RELATIVE_BEFORE = re.compile(rf"{RELATIVE},?\s+$", re.IGNORECASE)
# Whoever comes now is a person.
PERSON_BEFORE = re.compile(
    r"(?:\b(?:discuss(?:ed|ion)|sp(?:oke|oken|eaking)|talk(?:ed|ing)|confer(?:red)?|met|meeting|reviewed)"
    r"(?: \w+){0,4}? (?:with|to)|\b(?:seen|examined|evaluated|treated|followed|referred|reviewed|performed|placed"
    r"|arranged"
    r"|notified|brought in|accompanied|witnessed|requested|ordered|called|reported|paged|checked|interrogated"
    r"|consented|"
    r"interpreted|translated|obtained|assisted|supervised|signed|dictated|operated on|cared for)(?: \w+){0,2}? (?:by"
    r"|to)"
    r"|\b(?:called|communicated|conveyed|telephoned|relayed|told|explained|given|informed|handed over)(?: \w+){0,4}? to"
    r"|\b(?:under )?the care of|\bconsult(?:ed)?|\b(?:i|we) (?:saw|met|examined|reviewed|thank|called)|\battention"
    rf"|{RELATIVE},?"
    r"|\b(?:named|called)|\bper|\b(?:i|we) (?:have )?(?:informed|counsel?led|advised)|\bdear|\bregards,|\bsincerely,"
    r"|\bfaithfully,"
    r"|\bthank(?:s| you),)\s+$",
    re.IGNORECASE,
)
NAME_LABEL = re.compile(
    r"\b(?:(?:first|last|middle|maiden|given|family|full|patient)[ ]name|surname|forenames?)[ \t]*[:=][ \t]*$"
    r"|\bDrs\.?[ ][^.\n]{2,40}(?: and|,| &) $",
    re.IGNORECASE,
)
# Whoever comes now has two names, or a frequent one.
NOUN_BEFORE = re.compile(
    r"\b(?:man|woman|boy|girl|lady|gentleman|male|female|\d+[ ]?[mf]|infant|patient|pt|child),?(?: (?:is|was))?\s+$",
    re.IGNORECASE,
)
# Here a single name has to be a frequent given name.
MAYBE_BEFORE = re.compile(r"\b(?:with|to|by|from|and|for|of|that|per|because|when|while|but|so|,)\s+$", re.IGNORECASE)
CREDENTIAL = re.compile(
    r"^,?[ \t]+(?:M\.D\.|MD|D\.O\.|DO|Ph\.?D\.?|FRCR|FRCS|FRCP|FACR|MRCP|MBBS|MBChB|MBBCh|BSc|RN|R\.N\.|NP|PA-C|PA"
    r"|CRNP|"
    r"APRN|LPN|RT\(R\)|LCSW|MSW|DPM|DDS|PharmD|PT|DPT|OTR)(?![\w-])"
)
ROLE_AFTER = re.compile(
    r"^(?:\s*\((?:\w+ )?(?:social worker|case manager|nurse|interpreter|resident|fellow|attending|daughter|son|wife|"
    r"husband|mother|father|sister|brother|partner|friend|carer|caregiver|guardian|surgeon|physician|radiologist|DOB"
    r"|MRN|"
    r"\+?[(\d])|\s*\n\s*(?:consultant|specialist|attending|staff|senior|chief|clinical|resident|fellow|professor)\b"
    rf"|, (?:his|her|their|the|a) (?:\w+ )?{_OF_THE_FAMILY}\b"
    r"|,? (?:DOB|MRN|date of birth)\b|,? (?:is )?an? \d+[- ]?(?:y|m|d|w))",
    re.IGNORECASE,
)
PERSON_VERB = re.compile(
    r"^\s+(?:\w+ly\s+)?(?:denie[sd]|reports?|reported|says?|said|states?|stated|complain(?:s|ed)|present(?:s|ed)"
    r"|lives?|lived"
    r"|works|returns|returned|admits|describes?|recalls?|endorses|smokes|drinks|attend(?:s|ed)|tells|told|agreed"
    r"|agrees|"
    r"arranged|called|vomited|fell|phoned|visited|went|came|moved|retired|sees|saw|takes|took|uses|wishes|wants"
    r"|feels|felt|"
    r"noticed|was (?:also )?(?:told|advised|informed|notified|asked|counsel\w+|paged|"
    r"consulted|reassured|brought|present|accompanied)|will (?:follow|drive|call|return|see|be)|can be reached"
    r"|recommends|recommended|advised|asked|refused|"
    r"declined|accompanied|woke|got|walks|understands|tolerated)\b"
)
EPONYM_AFTER = re.compile(
    r"^(?:['’]s?)?[ -](?:[\w-]+ )?(?:disease|syndrome|sign|test|fracture|lymphoma|sarcoma|tumou?r|palsy|cyst|node"
    r"|nodes|"
    r"nodule|criteria|classification|score|scale|grade|type|stage|procedure|operation|incision|maneu?ver|catheter"
    r"|line|tube"
    r"|drain|stain|body|bodies|cell|cells|reflex|phenomenon|triad|triangle|ligament|canal|duct|gland|space|pouch|point|"
    r"area|index|ratio|law|effect|esophagus|oesophagus|diverticulum|hernia|deformity|contracture|lesion|lesions"
    r"|colitis|"
    r"ileitis|thyroiditis|arteritis|anemia|anaemia|anomaly|malformation|crisis|chorea|ataxia|dystrophy|nephropathy|"
    r"method|technique|view|position|nail|plate|screw|prosthesis|valve|shunt|bypass|anastomosis|unit|units|virus|"
    r"modulus|blue|red|solution|medium|agar|trial|study|formula|equation|curve|rule|sequence|ring|lines?|stripe|hump|"
    r"abscess(?:es)?|pupils?|rats?|mice|fever|gangrene|facies|nail|encephalopathy|neuropathy|granulomatosis"
    r"|macroglobulinemia|hyperplasia|perthes)\b",
    re.IGNORECASE,
)
NO_NAME = _set("""
    the this that there he she they it his her was is on in at a an and with no who for from by to chest brain
    axial coronal sagittal history exam findings diagnosis department hospital clinic patient male female age
    aged unknown anonymous name none date phone fax sex today presented presents practitioner specialist
    examination office visit ct mri mr us xr dr mrs ms miss prof mrn dob id ed er icu normal see above below
    same yes not n/a clinical healthy radiology medical records surgery oncology referring attending consultant
    impression technique comparison indication images image spectroscopy angiography emergency impaired deceased
""")
NUMBER_BEFORE = re.compile(r"\d\s*$")
SPOKEN = re.compile(
    r"\b(?:[Dd]octor|[Dd]r|[Nn]urse|[Mm]ister|[Mm]isses|[Mm]issus|[Mm]iss|[Mm]r|[Mm]rs|[Mm]s|[Pp]rofessor"
    r"|[Pp]rof)\b\.?[ \t]+$"
    r"|\bdictat(?:ing|ion|ed)\b[^\n]{0,30}\b(?:on|for|regarding|about|re)\s+(?:patient\s+)?$"
)
