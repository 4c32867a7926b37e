import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdss.library.deidentify import PATIENT_NUMBERS, deidentify

REMOVED = [
    # names
    ("Seen by Dr. John Smith in clinic.", "Seen by Dr. [name] in clinic.", {"name": 1}),
    ("Dr Smith and Mrs O'Brien agreed.", "Dr [name] and Mrs [name] agreed.", {"name": 2}),
    ("Referred by Prof. van der Berg.", "Referred by Prof. [name].", {"name": 1}),
    ("Drs. Smith and Jones operated.", "Drs. [name] operated.", {"name": 1}),
    ("Mr. J. K. McDonald's wife", "Mr. [name]'s wife", {"name": 1}),
    ("Ms Müller-Lüdenscheidt was seen.", "Ms [name] was seen.", {"name": 1}),
    ("Miss SMITH was seen.", "Miss [name] was seen.", {"name": 1}),
    ("A patient named Maria Lopez came.", "A patient named [name] came.", {"name": 1}),
    ("A man called Ahmed fell.", "A man called [name] fell.", {"name": 1}),
    ("Patient: SMITH^JOHN", "Patient: [name]", {"name": 1}),
    ("Patient: Smith, John\nAge: 58", "Patient: [name]\nAge: 58", {"name": 1}),
    ("Patient: John Smith, 58 years", "Patient: [name], 58 years", {"name": 1}),
    ("Patient name: Jane Doe", "Patient name: [name]", {"name": 1}),
    ("Name: Smith, John A.", "Name: [name]", {"name": 1}),
    ("Referring physician: Jane Roe", "Referring physician: [name]", {"name": 1}),
    ("Electronically signed by Jane Roe", "Electronically signed by [name]", {"name": 1}),
    ("Reported by: J. Roe", "Reported by: [name]", {"name": 1}),
    ("Jane Roe, MD, read the film.", "[name], MD, read the film.", {"name": 1}),
    ("John Q. Public M.D.", "[name] M.D.", {"name": 1}),
    # dates
    ("Seen 2020-01-31.", "Seen [date].", {"date": 1}),
    ("Taken 2020-01-31T12:30:00Z", "Taken [date]", {"date": 1}),
    ("CT on 3/15/2019 and 04-22-18.", "CT on [date] and [date].", {"date": 2}),
    ("CT on 15.03.2019", "CT on [date]", {"date": 1}),
    ("Study 20190315 done", "Study [date] done", {"date": 1}),
    ("On January 5, 2020 he fell.", "On [date] he fell.", {"date": 1}),
    ("On 5 January 2020 he fell.", "On [date] he fell.", {"date": 1}),
    ("On the 5th of March he fell.", "On the [date] he fell.", {"date": 1}),
    ("Since Aug 12th he coughs.", "Since [date] he coughs.", {"date": 1}),
    ("In November 2004 a CT", "In [date] a CT", {"date": 1}),
    ("12-Mar-2020 and 12MAR2020", "[date] and [date]", {"date": 2}),
    ("since 03/2015", "since [date]", {"date": 1}),
    ("seen on 4/12 for pain", "seen on [date] for pain", {"date": 1}),
    ("DOB: 1/2/1950", "DOB: [date]", {"date": 1}),
    # ages
    ("A 92-year-old woman", "A 90 or older woman", {"age": 1}),
    ("92 y/o man", "90 or older man", {"age": 1}),
    ("92 yo M with cough", "90 or older M with cough", {"age": 1}),
    ("She is 101 years old.", "She is 90 or older.", {"age": 1}),
    ("aged 95 years", "aged 90 or older", {"age": 1}),
    ("a 93F with cough", "a 90 or older F with cough", {"age": 1}),
    # contact
    ("Call (555) 123-4567.", "Call [phone].", {"phone": 1}),
    ("Call 555-123-4567 x12", "Call [phone]", {"phone": 1}),
    ("+44 20 7946 0958", "[phone]", {"phone": 1}),
    ("020 7946 0958", "[phone]", {"phone": 1}),
    ("Tel: 0721 608-1234", "Tel: [phone]", {"phone": 1}),
    ("pager 4711", "pager [phone]", {"phone": 1}),
    ("Fax: 555-123-4567", "Fax: [fax]", {"fax": 1}),
    ("Mail jane.roe+x@uni-clinic.example.org now", "Mail [email] now", {"email": 1}),
    ("See https://example.org/~jroe/index.html.", "See [url].", {"url": 1}),
    ("See www.example.org/patients/4711 there", "See [url] there", {"url": 1}),
    # numbers
    ("MRN 1234567", "MRN [record]", {"record": 1}),
    ("MRN: A-12345", "MRN: [record]", {"record": 1}),
    ("MR# 12345", "MR# [record]", {"record": 1}),
    ("Medical record number is 00-12-34", "Medical record number is [record]", {"record": 1}),
    ("Accession number ACC20201234", "Accession number [record]", {"record": 1}),
    ("Accession: 12.34567", "Accession: [record]", {"record": 1}),
    ("Hospital no. H123456", "Hospital no. [record]", {"record": 1}),
    ("Patient ID: PX-0042", "Patient ID: [record]", {"record": 1}),
    ("SSN 123-45-6789", "SSN [ssn]", {"ssn": 1}),
    ("social security number: 123456789", "social security number: [ssn]", {"ssn": 1}),
    ("NHS number 943 476 5919", "NHS number [nhs]", {"nhs": 1}),
    ("number 943 476 5919 given", "number [nhs] given", {"nhs": 1}),
    ("Insurance number: AB1234567", "Insurance number: [insurance]", {"insurance": 1}),
    ("Policy # 99887766", "Policy # [insurance]", {"insurance": 1}),
    ("Medicare number 1EG4-TE5-MK73", "Medicare number [insurance]", {"insurance": 1}),
    # places
    ("lives at 12 Main Street, Springfield, IL 62701", "lives at [address]", {"address": 1}),
    ("lives at 540 Gaither Road", "lives at [address]", {"address": 1}),
    ("Hauptstraße 5", "[address]", {"address": 1}),
    ("P.O. Box 123", "[address]", {"address": 1}),
    ("from Rockville, MD 20850", "from [address]", {"address": 1}),
    ("from London SW1A 1AA", "from London [postcode]", {"postcode": 1}),
]

CLINICAL = """\
A 3.2 x 4 cm mass in the left upper lobe with minimal contrast enhancement.
T2/FLAIR hyperintensity in the right temporal lobe, DWI negative.
L4-5 and L5-S1 disc protrusions; C5/6 foraminal stenosis on the left.
12/20 lymph nodes were positive; mitoses 5/10 HPF.
Strength 5/5 in both arms and 4/5 in the left leg, reflexes 2+ and symmetric.
Blood pressure 120/80 mmHg, pulse 88, temperature 38.5 C, SpO2 94% on room air.
Fever to 102 F and WBC 17,000/mm3 with 85% neutrophils.
Tc 99m MDP bone scintigraphy and In-111 WBC scan were positive.
58 yo man with neck pain; a 6 YO female with right eye pain.
An 89-year-old man with Paget disease of the pelvis.
Crohn disease, Hodgkin lymphoma, Wilms tumor and Ewing sarcoma were considered.
Osler-Weber-Rendu syndrome with pulmonary AVM.
Legg-Calvé-Perthes disease of the left hip.
Von Hippel-Lindau and Sturge-Weber were excluded.
Positive McMurray test, negative Lachman test, Murphy sign present.
Sister Mary Joseph nodule at the umbilicus.
Gleason 4+3=7 adenocarcinoma, PSA 12.4 ng/mL.
Ibuprofen 400 mg every 6-8 hours, prednisone 60 mg/day tapered over 4 weeks.
Amoxicillin 500 mg 3x/day for 7-10 days, then 1/2 tablet.
MR Spectroscopy shows an NAA/Cr ratio of 1.2 and a choline peak at 3.2 ppm.
MR. Axial images show the lesion.
Lt Kidney 11.2 cm, Rt Kidney 10.9 cm.
Grade III/IV astrocytoma; WHO grade 2; BI-RADS 4B; Fleischner criteria apply.
Chromosome 12 q13-q15, t(11;22)(q24;q12) in most cases.
Incidence is 1/2000 live births; 1 in 10,000 adults.
The lesion measures 10-12-15 mm in three planes.
Attenuation of 20-30 HU before and 90 HU after contrast.
TE 90 msec, TR 2500 ms, flip angle 15 degrees, b 1000 s/mm2.
Glasgow coma scale 14/15, later 8/15.
INR 2.3, Hb 9.8 g/dL, platelets 150-400, creatinine 1.2.
CD4 count of 120 cells/mm3, viral load 45,000 copies/mL.
Lesions at T10-T12 and a hemangioma at L1, spared S2-4.
FIGO stage IIB, TNM T3N1M0, Ann Arbor stage 3.
The patient is female and healthy, with no 12-cm mass.
Patient: 58 year old male with chest pain.
Patient: Healthy until last week.
History: male, smoker with 40 pack-years, quit in 1998.
Diagnosed in 2004 and operated on in 2005; recurrence after 3 years.
He may 5 days later have pain; symptoms march over weeks.
Visual acuity 20/20 right and 20/400 left.
Pain rated 7/10 on a scale, on 5/10 after therapy.
CT w/contrast (IV), 5 mm slices, kVp 120, mAs 200.
Ranson score 3/11, APACHE II 12, Child-Pugh B7.
The nidus is <1.5 cm, as in 75-90% of osteoid osteomas.
Schmorl nodes at T11-12; Baker cyst 2 x 3 x 5 cm.
Kaposi sarcoma, Kaplan-Meier survival 5 years.
Salter-Harris type II fracture of the distal radius; Colles fracture.
No fat or calcification is evident; popcorn calcification is absent.
Hepatitis C, genotype 1a; AFP 1,200 ng/mL; lesion in segment 5/8.
IL-6 and TNF-alpha were raised, CA 19-9 was 340 U/mL, CA-125 normal.
Neoplasm Name: Pilocytic Astrocytoma
Left Main Coronary stenosis 70%, LAD 50%, RCA 90%.
EF 35-40%, E/A 0.8, aortic root 4.5 cm, QTc 480 ms.
The mass is at 12 o'clock, 3 cm from the nipple.
Echogenic focus 9/10 mm with twinkle; RI 0.72, PSV 230 cm/s.
Miller Fisher variant, Guillain-Barré syndrome, Lyme titer 1:256.
CSF: 12 WBC/mm3, protein 95 mg/dL, glucose 60.
Lane-Hamilton syndrome, Court of arterioles and Circle of Willis are seen.
2 Grade IV lesions; 3 Stage II Hodgkin patients; 4 Close margins.
Aged 45 years, 90 kg, BMI 31.2; it recurs by age 90 years in most, see http://www.example.org/a?id=7.""".splitlines()


@pytest.mark.parametrize(("text", "expected", "removed"), REMOVED)
def test_identifiers_are_replaced_by_tags_and_counted(text: str, expected: str, removed: dict[str, int]) -> None:
    found = deidentify(text)
    assert (found.text, dict(found.removed)) == (expected, removed)


def test_there_are_sixty_clinical_sentences() -> None:
    assert len(CLINICAL) == 60


@pytest.mark.parametrize("sentence", CLINICAL)
def test_clinical_content_stays(sentence: str) -> None:
    found = deidentify(sentence)
    assert (found.text, dict(found.removed), found.spans) == (sentence, {}, ())


def test_spans_are_in_the_original_text() -> None:
    text = "Dr. Smith saw him on 2020-01-31."
    assert [(text[start:end], kind) for start, end, kind in deidentify(text).spans] == [
        ("Smith", "name"),
        ("2020-01-31", "date"),
    ]


@pytest.mark.parametrize("text", [text for text, _, _ in REMOVED])
def test_a_second_pass_finds_nothing(text: str) -> None:
    assert deidentify(deidentify(text).text).removed == {}


def test_a_published_text_keeps_authors_and_dates_but_no_patient_number() -> None:
    found = deidentify("Dr. Smith, March 2015, MRN 1234567", kinds=PATIENT_NUMBERS)
    assert found.text == "Dr. Smith, March 2015, MRN [record]"


@given(st.text(max_size=200))
def test_every_character_outside_the_spans_stays(text: str) -> None:
    found = deidentify(text)
    kept, at = [], 0
    for start, end, _ in found.spans:
        assert at <= start < end <= len(text)
        kept.append(text[at:start])
        at = end
    position = 0
    for part in [*kept, text[at:]]:
        position = found.text.index(part, position) + len(part)


@pytest.mark.parametrize("piece", ["A", "Aa ", "1", "1-", "1 ", "a.", "Dr. ", "van ", "@a.", "http://", "(0) ", "5/"])
def test_a_long_text_takes_no_long_time(piece: str) -> None:
    started = time.perf_counter()
    deidentify(piece * 20_000)
    assert time.perf_counter() - started < 5
