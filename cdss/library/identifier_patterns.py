"""What identifiers look like, most certain first: where two patterns overlap, the one that comes first counts."""

import re
from collections.abc import Callable
from typing import NamedTuple

from cdss.library.identifier_dates import AGES, DATES, is_date, is_old_age
from cdss.library.identifier_numbers import ANY_CASE, AS_WRITTEN, INSTITUTIONS, PLACES, WEAK_INSTITUTION
from cdss.library.names import lexicon

OLDEST_AGE = 90
PARTICLE = r"(?:(?:van|von|der|den|de|del|della|di|da|dos|la|le|bin|ibn|al|el|ten|ter)\s+){0,2}"
NAME_WORD = (
    r"(?!(?:The|This|That|There|He|She|They|It|His|Her|Was|Is|On|In|At|A|An|And|With|No|Who|For|From|By|To|"
    r"Chest|Brain|Axial|Coronal|Sagittal|History|Exam|Findings|Diagnosis|Department|Hospital|Clinic|Patient|"
    r"Male|Female|Age|Aged|Unknown|Anonymous|Name|None|Date|Phone|Fax|Sex|Today|Presented|Presents|Practitioner"
    r"|Specialist|Examination|Office|Visit|"
    r"Dr|Mr|Mrs|Ms|Miss|Prof)\b)"
    r"(?:[^\W\d_a-z][a-zà-ÿĀ-ſ]*['’])?(?:Mc|Mac|De|La|Le"
    r"|Du)?[A-ZÀ-ÖØ-ÞĀ-ſ][a-zà-öø-ÿĀ-ſ]+(?:-[A-ZÀ-ÖØ-ÞĀ-ſ][a-zà-öø-ÿĀ-ſ]+)?"
)
INITIAL = r"[A-Z]\.(?:\s?[A-Z]\.)?"
CAPITALS = r"[A-ZÀ-ÖØ-ÞĀ-ſ][A-ZÀ-ÖØ-ÞĀ-ſ'’-]{2,}"
NAME_PART = rf"(?:{INITIAL}|{PARTICLE}{NAME_WORD})"
NAME = rf"{NAME_PART}(?:[ \t]{{1,2}}{NAME_PART}){{0,3}}"
FULL_NAME = rf"{NAME_PART}(?:[ \t]{{1,2}}{NAME_PART}){{1,3}}"
LABELLED_NAME = (
    rf"(?:{CAPITALS}[\^,][ \t]?{CAPITALS}(?:[\^ ][A-Z]\b\.?|[\^ ]{CAPITALS})?|{NAME_WORD},[ \t]?{NAME}|{FULL_NAME}"
    rf"|{CAPITALS}(?:[ \t]+(?:[A-Z]\.?|{CAPITALS})){{1,2}})"
)
STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|"
    "OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
)
CITY = r"[A-ZÀ-Þ][a-zà-ÿ]+(?:[ -][A-ZÀ-Þ][a-zà-ÿ]+){0,2}"
UK_AREAS = (
    "AB|AL|BA|BB|BD|BH|BL|BN|BR|BS|BT|CA|CB|CF|CH|CM|CO|CR|CT|CV|CW|DA|DD|DE|DG|DH|DL|DN|DT|DY|EC|EH|EN|EX|FK|FY|GL|"
    "GU|HA|HD|HG|HP|HR|HS|HU|HX|IG|IP|IV|KA|KT|KW|KY|LA|LD|LE|LL|LN|LS|LU|ME|MK|ML|NE|NG|NN|NP|NR|NW|OL|OX|PA|PE|PH|"
    "PL|PO|PR|RG|RH|RM|SA|SE|SG|SK|SL|SM|SN|SO|SP|SR|SS|ST|SW|SY|TA|TD|TF|TN|TQ|TR|TS|TW|UB|WA|WC|WD|WF|WN|WR|WS|WV|"
    "YO|ZE|B|E|G|L|M|N|S|W"
)
STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Way|Place|Terrace|Close|Crescent|Square|"
    "Highway|Hwy|Parkway|Pkwy"
)
IDENTIFIER = r"(?=[A-Z0-9./-]*\d[A-Z0-9./-]*\d)[A-Z0-9](?:[A-Z0-9./-]{1,28}[A-Z0-9])"
PERSON_IN_URL = re.compile(
    r"~\w|/(?:in|users?|people|person|profiles?|patients?|staff|authors?)/\w"
    r"|[?&](?:name|user|patient|patientid|mrn|dob)=\w|(?:facebook|linkedin|instagram|twitter)\.com/\w",
    re.IGNORECASE,
)
NUMBER_WORD = r"(?:\s*(?:number|numbers|no\.?|num\.?|nr\.?|#|id|code))?"


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def is_nhs_number(text: str) -> bool:
    value = digits(text)
    check = 11 - sum(int(digit) * weight for digit, weight in zip(value, range(10, 1, -1), strict=False)) % 11
    return len(value) == 10 and check % 11 == int(value[9]) and check != 10


def is_long_number(text: str) -> bool:
    return 8 <= len(digits(text)) <= 15


def has_unknown_word(text: str) -> bool:
    return any(lexicon.is_unknown(word) for word in re.findall(r"[^\W\d_]{3,}", text) if word[0].isupper())


def names_a_person(url: str) -> bool:
    return PERSON_IN_URL.search(url) is not None


class Pattern(NamedTuple):
    """`x` in the expression is what goes; without it, all of the match does."""

    kind: str
    expression: re.Pattern[str]
    accept: Callable[[re.Match[str]], bool] = lambda match: True
    tag: str = ""


def pattern(
    kind: str, expression: str, *, ignore_case: bool = False, test: Callable[[str], bool] | None = None, tag: str = ""
) -> Pattern:
    accept: Callable[[re.Match[str]], bool] = (lambda match: test(match.group())) if test else (lambda match: True)
    return Pattern(kind, re.compile(expression, re.IGNORECASE if ignore_case else 0), accept, tag)


PATTERNS: tuple[Pattern, ...] = (
    pattern("email", r"\b[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[A-Za-z]{2,}\b"),
    pattern("url", r"\b(?:https?://|www\.)[^\s<>\"]*[^\s<>\".,;:)]", ignore_case=True, test=names_a_person),
    pattern("ssn", r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"),
    pattern(
        "ssn",
        rf"\b(?:SSN|social security){NUMBER_WORD}\s*[:#]?\s*(?P<x>\d{{3}}[- ]?\d{{2}}[- ]?\d{{4}})\b",
        ignore_case=True,
    ),
    pattern("nhs", rf"\bNHS{NUMBER_WORD}\s*[:#]?\s*(?P<x>\d{{3}}[- ]?\d{{3}}[- ]?\d{{4}})\b", ignore_case=True),
    pattern("nhs", r"(?<![\d.,-])\d{3} \d{3} \d{4}(?![\d.,]\d)", test=is_nhs_number),
    pattern(
        "insurance",
        r"\b(?:insurance|policy|member|subscriber|beneficiary|medicare|medicaid|group)"
        r"\s*(?:(?:number|no\.?|id|#)\s*(?:is\b)?\s*[:#]?|#)\s*(?P<x>" + IDENTIFIER + r")",
        ignore_case=True,
    ),
    pattern(
        "record", rf"\b(?:MRN|URN|CHI){NUMBER_WORD}\s*(?:is\b|was\b)?\s*[:#=]?\s*(?P<x>{IDENTIFIER})", ignore_case=True
    ),
    pattern("record", rf"\bMR\s?#\s*:?\s*(?P<x>{IDENTIFIER})"),
    pattern(
        "record",
        r"\b(?:(?:medical |hospital |patient |health |case )?(?:record|chart|file|account|accession|acc\.?|registration"
        r"|hospital|patient|specimen|encounter|visit|order|study|serial)\s*(?:(?:number|no\.|no:|id\b|#)\s*"
        r"(?:is\b|was\b)?\s*[:#=]?|#\s*:?)|accession\s*:|patient\s?id\s*[:=]?)\s*(?P<x>" + IDENTIFIER + r")",
        ignore_case=True,
    ),
    pattern(
        "fax",
        r"\b(?:fax|facsimile)(?:\s*(?:number|no\.?))?\s*[:.#]?\s*(?P<x>\+?\(?\d[\d ().-]{5,18}\d)",
        ignore_case=True,
    ),
    pattern(
        "phone",
        r"\b(?:tel|telephone|phone|cell ?phone|mobile (?:phone|number)|pager|beeper|contact number)"
        r"(?:\s*(?:number|no\.?))?\s*(?:is\b|at\b)?\s*[:.#]?\s*(?P<x>\+?\(?\d[\d ().-]{2,18}\d"
        r"(?:\s*(?:x|ext\.?)\s*\d{1,6})?)",
        ignore_case=True,
    ),
    pattern(
        "phone",
        r"(?<![\w.+-])(?:\+?1[ .-])?(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?:\s*(?:x|ext\.?)\s*\d{1,6})?"
        r"(?![\w-])",
    ),
    pattern("phone", r"(?<![\w.+-])\d{3} \d{3} \d{4}(?![\w-])"),
    pattern(
        "phone",
        r"(?<![\w+])\+\d{1,3}[ .-]?(?:\(0\)[ .-]?)?\(?\d{1,5}\)?(?:[ .-]?\d{2,5}){1,4}(?![\w-])",
        test=is_long_number,
    ),
    pattern("phone", r"(?<![\w.+-])\(?0\d{2,4}\)?[ -]\d{3,4}[ -]\d{3,4}(?![\w-])"),
    *(pattern(kind, expression, ignore_case=True) for kind, expression in ANY_CASE),
    *(Pattern("date", re.compile(expression), is_date) for expression in DATES),
    *(
        Pattern("age", re.compile(expression, re.IGNORECASE), is_old_age, f"{OLDEST_AGE} or older")
        for expression in AGES
    ),
    pattern(
        "address",
        rf"(?<![\d.,/-])\b\d{{1,5}}[A-Za-z]?,?[ \t]+(?:[NSEW]\.?[ \t]+)?(?:(?:\d{{1,3}}(?:st|nd|rd|th)|"
        rf"[A-Z][a-z'’]+)[ \t]+){{1,3}}(?:{STREET})\b\.?"
        rf"(?:,?[ \t]+(?:Apt|Apartment|Suite|Ste|Unit|Flat|#)\.?[ \t]*\w+)?"
        rf"(?:,?[ \t\n]+{CITY},?[ \t]+(?:{STATES})(?:[ \t]+\d{{5}}(?:-\d{{4}})?)?\b)?",
    ),
    pattern("address", r"\bP\.?\s?O\.?\s+Box\s+\d+", ignore_case=True),
    pattern("address", r"\b[A-ZÄÖÜ][a-zäöüß-]*(?:straße|strasse|gasse|platz|allee|weg)[ \t]+\d{1,4}[a-z]?\b"),
    pattern("address", rf"\b{CITY},?[ \t]+(?:{STATES})[ \t]+\d{{5}}(?:-\d{{4}})?\b"),
    *(pattern(kind, expression) for kind, expression in AS_WRITTEN),
    *(pattern("institution", expression) for expression in INSTITUTIONS),
    pattern("institution", WEAK_INSTITUTION, test=has_unknown_word),
    *(pattern("place", expression) for expression in PLACES),
    pattern("postcode", rf"\b[A-Z][a-z]+,?[ \t]+(?P<x>(?:{UK_AREAS})\d[A-Z\d]?[ \t]\d[ABD-HJLNP-UW-Z]{{2}})\b"),
    pattern("postcode", r"\b(?:D|A|CH|F)-(?P<x>\d{4,5})[ \t]+[A-ZÄÖÜ][a-zäöüß]+"),
    pattern(
        "name",
        rf"\b(?:Dr|Drs|Mr|Mrs|Ms|Mx|Miss|Prof|Professor|Doctor|Nurse|Rev|Sgt|Capt)\b\.?(?:\s+(?:Dr|med)\b\.?)?"
        rf"[ \t]+(?P<x>{NAME}(?:[ \t]+(?:and|&)[ \t]+{NAME})?|{CAPITALS}\b)",
    ),
    pattern("name", rf"\b(?:DR|MR|MRS|PROF)\.[ \t]+(?P<x>(?!THE\b|CT\b|MRI\b|IMAG){CAPITALS}(?:[ \t]+{CAPITALS})?)\b"),
    pattern(
        "name",
        r"\b(?:[Pp]atient|[Mm]an|[Ww]oman|[Bb]oy|[Gg]irl|[Gg]entleman|[Ll]ady|[Cc]hild|[Ii]nfant|[Bb]aby|[Mm]ale"
        rf"|[Ff]emale)[ \t]+(?:is[ \t]+)?(?:named|called)[ \t]+(?P<x>{NAME}|{CAPITALS}(?:[ \t]+{CAPITALS})?)",
    ),
    pattern(
        "name",
        rf"(?m)^[ \t]*(?i:patient|pt)[ \t]*:[ \t]*(?P<x>{LABELLED_NAME})[ \t]*"
        r"(?=$|[,;(|\t\d]|[ \t]{2}|\s(?:DOB|MRN|ID)\b)",
    ),
    pattern(
        "name",
        r"(?:(?<![^\n,;|])[ \t]*(?i:name|author|contributor)"
        r"|\b(?i:patient(?:['’]s)?[ ]name|(?:full|first|last|given|maiden|mother['’]s|father['’]s)[ ]name|surname"
        r"|next[ ]of[ ]kin|(?:referring|attending|ordering|primary|consulting)[ ]"
        r"(?:physician|doctor|provider|clinician)|radiologist|consultant|surgeon|physician|dictated[ ]by|reported[ ]by"
        r"|read[ ]by|transcribed[ ]by|signed[ ]by|verified[ ]by|reviewed[ ]by))[ \t]*(?::|\bis\b)[ \t]*"
        rf"(?P<x>{LABELLED_NAME}|{NAME}|{CAPITALS}\b)",
    ),
    pattern("name", rf"\b(?i:electronically signed by|dictated by|transcribed by)[ \t]+(?P<x>{LABELLED_NAME}|{NAME})"),
    pattern(
        "name",
        rf"\b(?P<x>{FULL_NAME}),?[ \t]+(?:M\.D\.|MD|D\.O\.|Ph\.?D\.?|FRCR|FRCS|FACR|MBBS|MBChB|RN)(?![\w-])",
    ),
)
