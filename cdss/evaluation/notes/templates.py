"""What the invented notes are made of. `{kind.form}` stands for an identifier; everything else has to stay.

`{again.last}` is the patient of the note once more. The sets were written one after the other; no sentence
stands in two. The rules were made with the first two alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Templates:
    heads: tuple[str, ...]
    sentences: tuple[str, ...]
    clinical: tuple[str, ...]
    ends: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _blocks(text: str) -> tuple[str, ...]:
    return tuple(block.strip() for block in text.strip().split("\n---\n"))


DEVELOPMENT = Templates(
    heads=_blocks("""
Patient: {patient.full}
DOB: {date.slash}   MRN: {record.mrn}
Referring physician: Dr. {name.full}
---
PATIENT NAME: {patient.caps}
MEDICAL RECORD NUMBER: {record.mrn}
DATE OF SERVICE: {date.slash}
---
{institution.any}
{address.street}
Phone {phone.us} Fax {fax.us}

RE: {patient.full}, date of birth {date.long}
---
Name: {patient.last_first}
Accession: {record.accession}
Exam date: {date.iso}
SSN: {ssn.plain}
---
Mr. {patient.last} is a {age.old}-year-old man seen on {date.long}.
---
{patient.full} is a 58-year-old retired teacher who presents with chest pain.
---
this is doctor {name.lower} dictating on {patient.lower} seen {date.long}
---
Dear Dr. {name.last},

Thank you for referring Mrs. {patient.last}, whom I saw in clinic on {date.british}.
---
HISTORY: 45 y/o woman, {patient.first} {again.last}, with right upper quadrant pain since {date.month_year}.
"""),
    sentences=_lines("""
Dr. {name.word} saw him on {date.slash} and agreed.
Discussed with {name.full} at {time.any}.
Findings were called to {name.full}, RN, at the time of dictation.
His daughter {name.first} can be reached at {phone.us}.
{again.first} lives with her husband, {name.first}, at {address.full}.
Spoke with {name.first} {name.last} from {institution.any} about transfer.
She was first admitted to {institution.any} on {date.long}.
{again.last} denies fever, chills or weight loss.
Mr. {again.last}'s wife says he has been confused since {date.day_month}.
He moved here from {town.any} and works for {employer.any}.
Account number {account.any} was billed to policy {insurance.any}.
Pacemaker serial number {device.any} was interrogated by Prof. {name.last}.
His car, licence plate {plate.any}, was in the accident on {date.slash}.
Results were e-mailed to {email.any} and posted at {url.portal}.
The request came from host {ip.any}.
Prior CT ({record.accession}) of {date.iso} was reviewed.
Compared with the study of {date.slash_short}.
Her mother died at the age of {age.old}.
NHS number {nhs.any}; next of kin: {name.full}.
Dr {name.last} and Dr {name.word} operated on {date.dots}.
The patient, {again.full}, was informed.
She sees {name.full}, MD, for hypertension.
Pager {pager.any} for the surgical resident, Dr. {name.last}.
Mail to {address.box}, {town.zip}.
Driver's license {licence.any} was copied at registration.
per Nurse {name.last}, the patient fell on {date.day_month}
{name.full} (social worker) will follow up by {date.long}.
The fax of {institution.any} is {fax.us}.
Ms. {name.hyphen} of physical therapy recommends a walker.
dr {name.lower} was paged and recommended heparin
{name.full} was present as interpreter.
The study was requested by {name.last} and read by {name.initial}.
We thank Dr. {name.full} and {name.full}, PA-C, for the referral.
Case reviewed with the fellow ({name.full}).
{again.first} was told to return if pain recurs.
Her sisters {name.first} and {name.first} are healthy.
Attending {name.full} was at the bedside.
Consent was given by {again.full}'s mother, {name.full}.
I, {name.full}, was present for the key portions.
Radiologist on call: {name.last}
"""),
    clinical=_lines("""
Crohn disease was diagnosed in 1998; no Addison crisis since.
CT of the chest shows a 3.2 x 4 cm mass in the left upper lobe.
Colles fracture of the right wrist, Salter-Harris type II on the left.
Parkinson disease and a Baker cyst are known.
Whipple procedure was considered; Murphy sign is positive.
BP 120/80, pulse 88, temperature 38.5 C, SpO2 94% on room air.
T2/FLAIR hyperintensity in the right temporal lobe.
L4-5 and L5-S1 disc protrusions with mild stenosis.
She takes Lisinopril 10 mg, Metformin 500 mg and Coumadin.
Hodgkin lymphoma versus Castleman disease.
Strength 5/5 in both arms, 4/5 in the left leg.
Impression: Acute appendicitis. No free air.
Graves disease, treated with Tapazole; Wilson disease excluded.
The Foley catheter and the Swan-Ganz line are in place.
Gram stain grew Staphylococcus aureus and Escherichia coli.
Technique: Axial images with Omnipaque 350, 100 mL.
He is an 82-year-old smoker with 40 pack-years.
Bell palsy resolved. Young's modulus was not measured.
PSA 12.4 ng/mL, Gleason 4+3=7.
Follow-up MRI in 6 months is recommended.
Past Medical History: Hypertension, Type 2 Diabetes Mellitus, Hyperlipidemia.
"""),
    ends=_blocks("""
Electronically signed by {name.full}, MD on {date.slash} at {time.any}
---
{name.full}, M.D.
{institution.any}
Tel: {phone.us}
---
Dictated by: {name.initial}
Transcribed by: {name.full}
D: {date.slash_short} T: {date.slash_short}
---
Sincerely,

{name.full}
Consultant Radiologist
---
cc: Dr. {name.full}, Dr. {name.last}
---
Reported by Dr {name.last}
---
Signed: {name.caps}, FRCR
"""),
)
SECOND = Templates(
    heads=_blocks("""
PATIENT: {patient.caps_comma}
UNIT NO: {record.mrn}   ADMITTED: {date.slash}
ATTENDING: {name.caps}, M.D.
---
Patient Name: {patient.full}    Hospital number: {record.mrn}
Date of birth: {date.british}
Consultant: Dr {name.full}
---
{institution.any}, Department of Radiology
{address.full}
T: {phone.us}  F: {fax.us}

Re: {patient.full} (MRN {record.mrn})
---
Surname: {patient.last}   First name: {again.first}
Accession number {record.accession}, performed {date.dots}
---
Mrs. {patient.last}, {age.old} years old, was brought in by ambulance on {date.day_month}.
---
{patient.full}, a 63-year-old man, was admitted on {date.long} with dyspnea.
---
dictation by doctor {name.lower} regarding {patient.lower} date of visit {date.long}
---
To: Dr. {name.full}
From: Dr. {name.last}
Many thanks for sending Mr {patient.last}, who attended on {date.long}.
---
CLINICAL INFORMATION: 39F, {patient.first} {again.last}, headache since {date.month_year}.
"""),
    sentences=_lines("""
Dr. {name.word} reviewed the films on {date.iso}.
The case was discussed with Dr. {name.full} by telephone.
{name.full}, NP, was notified at {time.any} on {date.slash}.
Her son {name.first} ({phone.us}) holds power of attorney.
{again.first} {again.last} lives alone at {address.full}.
Transferred from {institution.any} under the care of {name.full}.
He underwent bypass surgery at {institution.any} in {date.month_year}.
{again.last} reports worsening cough and night sweats.
Mrs. {again.last}'s brother, {name.full}, was present.
She was born in {town.any} and is employed by {employer.any}.
Billing account {account.any}, insurance ID {insurance.any}.
The implanted device (S/N {device.any}) was checked by {name.full}.
Vehicle registration {plate.any} was noted by the police on {date.long}.
Please write to {email.any}; images are at {url.portal}.
The upload from {ip.any} failed twice.
Comparison: radiograph of {date.slash}, accession {record.accession}.
Seen previously in the clinic {date.slash_short} and {date.slash_short}.
A maternal aunt reached {age.old} years of age.
NHS No: {nhs.any}. Emergency contact: {name.full}, {phone.us}.
Drs. {name.last} and {name.last} performed the biopsy on {date.british}.
I explained the result to {again.full} and to {name.first}, his partner.
He is followed by {name.full}, DO, in endocrinology.
Bleep {pager.any} if Dr {name.last} is needed.
Correspondence: {address.box}, {town.zip}.
Driving licence number {licence.any} is on file.
according to Nurse {name.last} he vomited twice on {date.day_month}
{name.full} (case manager) arranged placement for {date.long}.
Faxed to {fax.us}, attention {name.full}.
Ms {name.hyphen} from dietetics saw her today.
doctor {name.lower} was consulted and advised surgery
"""),
    clinical=_lines("""
Ewing sarcoma was suspected; Paget disease is unlikely.
MRI of the knee shows a complex tear of the medial meniscus.
Jefferson fracture of C1 and Chance fracture of L2.
Addison disease is treated with hydrocortisone; Cushing syndrome was excluded.
Kocher incision; Pringle maneuver for 12 minutes.
Weight 72 kg, BMI 24.1, heart rate 104, respirations 22.
Restricted diffusion in the territory of the left MCA, ASPECTS 7/10.
C5/6 foraminal narrowing; T11-12 Schmorl nodes.
Medications: Plavix 75 mg, Lipitor 40 mg at night, Tylenol as needed.
Non-Hodgkin lymphoma and Kaposi sarcoma in the differential.
Reflexes 2+ and symmetric, Babinski negative, Romberg positive.
Conclusion: Pulmonary Embolism in both lower lobes. RV/LV ratio 1.2.
Crohn colitis on Humira; Barrett esophagus on surveillance.
A Hickman line and a Dobhoff tube are seen.
Blood cultures grew Klebsiella pneumoniae after 12 hours.
Protocol: Sagittal T1, axial T2, Gadavist 7 mL.
He is an 89-year-old former welder who quit smoking in 2003.
Fisher grade 3, Hunt and Hess 2.
CA 19-9 was 340 U/mL, INR 2.3, Hb 9.8 g/dL.
Repeat ultrasound in 4-6 weeks is advised.
Family History: Breast Cancer in two sisters, Stroke in the father.
"""),
    ends=_blocks("""
Electronically verified: {name.full}, M.D. {date.slash} {time.any}
---
Yours sincerely,
Dr {name.full}
{institution.any}
Direct line: {phone.us}
---
Dictated By: {name.full}, MD
Transcriptionist: {name.initial}
---
Kind regards,

{name.full}
Specialist Registrar in Radiology
---
CC: {name.full}, MD; {name.full}, MD
---
Reporting radiologist: Dr. {name.full}
---
Read by {name.caps}, MD
"""),
)
HELD_OUT = Templates(
    heads=_blocks("""
RADIOLOGY REPORT
PATIENT NAME : {patient.caps_comma}
MRN : {record.mrn}    DOB : {date.slash}
ORDERING PROVIDER : {name.full}, MD
---
Name: {patient.full}
Hosp. No.: {record.mrn}
Date of admission: {date.british}
Consultant: {name.full}
---
{institution.any}
{address.full}
Telephone: {phone.us}   Facsimile: {fax.us}

Patient: {patient.full}
Our reference: {record.accession}
---
Last name: {patient.last}
First name: {again.first}
Study date {date.iso}, accession # {record.accession}
---
Miss {patient.last} is a {age.old} year old lady referred on {date.long}.
---
I had the pleasure of seeing {patient.full} on {date.long} for a second opinion.
---
dictated by doctor {name.lower} for patient {patient.lower} on {date.long}
---
Dear Dr {name.last}

Re: {patient.full}, born {date.british}
---
INDICATION: 71M ({patient.full}) with weight loss since {date.month_year}.
"""),
    sentences=_lines("""
Dr. {name.word} was consulted on {date.iso}.
Critical result communicated to {name.full} by phone at {time.any}.
{name.full}, RN, was at the bedside on {date.slash}.
Her niece {name.first} is reachable at {phone.us}.
Mr. {again.last} resides at {address.full}.
She was transferred to {institution.any} by Dr. {name.full}.
An outside CT from {institution.any} dated {date.month_year} is available.
{again.last} complains of dizziness and blurred vision.
Ms. {again.last}'s husband, {name.full}, called on {date.slash}.
He grew up in {town.any} and worked for {employer.any} for 30 years.
Account no. {account.any}; policy number {insurance.any}.
Serial number of the pump: {device.any}, placed by {name.full}.
The licence plate {plate.any} was recorded on {date.long}.
Contact: {email.any} or {url.portal}.
Images were sent from {ip.any} overnight.
Prior: chest radiograph {date.slash}, {record.accession}.
Doses were given on {date.slash_short} and {date.slash_short}.
His grandfather lived to {age.old} years of age.
NHS number: {nhs.any}. Next of kin is {name.full}.
Dr. {name.last} and Prof. {name.last} agree with this report of {date.british}.
Findings explained to {again.full} and her daughter {name.first}.
Care was handed over to {name.full}, NP.
Pager number {pager.any}, ask for Dr. {name.last}.
Send records to {address.box}, {town.zip}.
Driver's licence no. {licence.any}.
Nurse {name.last} reports that he fell on {date.day_month}
{name.full} (physician assistant) removed the drain on {date.long}.
Copy faxed to {fax.us} for Dr. {name.full}.
Mrs {name.hyphen} of speech therapy will see her.
mister {name.lower} was called back for extra views
"""),
    clinical=_lines("""
Wilson disease and Addison disease were considered; Cushing syndrome is unlikely.
US shows a 2 cm Baker cyst and a small effusion.
Smith fracture of the wrist; Lisfranc injury of the foot.
Barrett esophagus, Crohn ileitis and Whipple disease are absent.
Kerley B lines and a Westermark sign are seen.
Temp 37.2, BP 98/60, RR 18, SpO2 91% on 2 L.
ADC is low in the right PCA territory; NIHSS 5/42.
Grade 2 anterolisthesis at L4/5, Tarlov cyst at S2.
Medications: Eliquis 5 mg, Synthroid 75 mcg, Advil as needed.
Burkitt lymphoma or Langerhans cell histiocytosis.
Homans sign negative, Lachman test positive, ROM 0-110.
Impression: Small Bowel Obstruction with a transition point in the right lower quadrant.
Graves ophthalmopathy; Hashimoto thyroiditis in 2009.
A Groshong catheter and a Greenfield filter are in place.
Sputum grew Mycobacterium tuberculosis and Aspergillus fumigatus.
Technique: Coronal T2 Dixon, Isovue 370, 80 mL.
The patient is an 88-year-old widow, a never smoker.
Ranson score 3/11, Balthazar grade D.
LDH 512 U/L, ferritin 1,840 ng/mL, D-dimer 4.1.
Repeat CT in 3 months per Fleischner guidelines.
Past Surgical History: Appendectomy, Total Knee Replacement, Cesarean Section.
"""),
    ends=_blocks("""
Electronically signed: {name.full}, MD, {date.slash} {time.any}
---
With best wishes,
Dr. {name.full}
{institution.any}
Tel {phone.us}
---
Dictated: {name.initial}   Transcribed: {name.full}
---
Yours faithfully,

{name.full}
Consultant Neurologist
---
cc: {name.full}; Dr. {name.full}
---
Interpreting physician: {name.full}
---
Final report approved by {name.full}
"""),
)
