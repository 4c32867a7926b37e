"""Words that say where, how or in whom, and not what was found. Two texts that share only these share no finding."""

from retrieval.terms import tokens
from retrieval.terms.places import PLACE_WORDS

_TECHNIQUE = """
ct cta mr mri mra mrv pet us xray x-ray radiograph radiography film plain ultrasound sonography sonogram scan
scanogram angiogram angiography image imaging view series study sequence t1 t2 t1-weighted t2-weighted weighted
weighting flair dwi adc stir gre spgr fse proton density pd axial coronal sagittal oblique transverse lateral ap pa
frontal portable contrast post-contrast pre-contrast gadolinium intravenous iv oral enhanced unenhanced noncontrast
non-contrast window slice cut level section reformatted reconstruction doppler phase arterial venous delayed signal
intensity attenuation density high low hyperintense hypointense increased decreased figure arrow show demonstrate
reveal seen appearance noted note evidence evident consistent compatible identified visualized imaged obtained
performed exam examination enema swallow meal barium gastrografin gastrograffin iodinated water-soluble soluble
material medium agent bolus injection injected administration administered physical lab laboratory cbc wbc cmp test
result value within limit normal unremarkable
"""
_PERSON = """
patient pt man woman male female boy girl child infant adult yo y o f m year month week day old age aged white black
caucasian african american hispanic asian who presents presented presenting presentation history hx past medical
complain complained complains complaint came seen emergency department room er ed clinic hospital admission admitted
physician doctor primary care referred reported report status post s p follow up underwent was were is had has have
been with without and or of in on for the this that ago since after before recent recently new prior previous
"""
_PLACE = """
left right left-sided right-sided bilateral located location upper lower middle mid medial lateral anterior posterior
superior inferior proximal distal deep superficial central peripheral side region area portion aspect part site within
adjacent surrounding near along between lobe lobar lung pulmonary chest thorax thoracic mediastinal mediastinum hilar
hilum pleura pleural heart cardiac aorta aortic artery vein vessel vascular brain cerebral cerebellar cerebellum
frontal parietal temporal occipital ventricle ventricular basal ganglia thalamus midbrain pons brainstem skull head
neck face orbit orbital sinus spine spinal cord vertebra vertebral cervical lumbar sacral disc abdomen abdominal
pelvis pelvic liver hepatic spleen splenic kidney renal pancreas pancreatic bowel colon stomach gastric duodenum
bladder ureter uterus uterine ovary ovarian prostate testis adrenal bone bony joint knee hip shoulder elbow wrist hand
foot ankle femur femoral tibia tibial fibula humerus humeral radius ulna head neck shaft soft tissue muscle tendon
skin breast matter white gray grey space cavity wall margin border body l1 l2 l3 l4 l5 s1 c1 c2 c3 c4 c5 c6 c7 small
large mild moderate severe multiple single few several
"""
_GENERAL = """
often usually usual commonly common typically typical frequently frequent classic classically characteristic rare
rarely sometimes occasionally known unknown finding associated association related cause caused due diagnosis
diagnostic diagnosed disease disorder syndrome condition symptom sign feature type form case size sized flow change
changed time course onset treatment therapy surgery surgical improve improved worse worsening begin began start
started show found find discovered identify identified suspect suspected suggest suggested suggestive compatible
concerning differential true clear filled wide narrow partial complete include including involve involving involvement
extend extending extension date name phone record number new old now then when while compared previous family social
"""
PERSON = frozenset(tokens(_PERSON))
PLACES = frozenset(tokens(_PLACE)) | PLACE_WORDS
PLAIN_WORDS = frozenset(tokens(" ".join((_TECHNIQUE, _PERSON, _PLACE, _GENERAL))))
