import pytest

from retrieval.terms.demographics import Demographics, demographics


@pytest.mark.parametrize(
    ("text", "age", "sex"),
    [
        ("58-year-old man with cough.", "58", "male"),
        ("45 y/o F, smoker.", "45", "female"),
        ("A 3 month old girl with fever.", "3 months", "female"),
        ("8-month-old boy with cough", "8 months", "male"),
        ("A 1-month-old infant.", "1 month", ""),
        ("A 6 YO female presented", "6", "female"),
        ("35F with fever", "35", "female"),
        ("44yo RHD M with sudden onset of difficulty speaking", "44", "male"),
        ("60 y/o WM with prostate cancer", "60", "male"),
        ("21 y.o. asymptomatic man", "21", "male"),
        ("2.5-year-old girl", "2.5", "female"),
        ("Patient is a 49 year old African American male with headache.", "49", "male"),
        ("2 day old female infant", "2 days", "female"),
        ("52 year-old-male presents with pain", "52", "male"),
        ("55 year man after a fall", "55", "male"),
        ("A woman, aged 34, with headache.", "34", "female"),
        ("A woman of 40 with headache.", "40", "female"),
        ("Age: 61. Sex: F. Chest pain.", "61", "female"),
        ("She has had a cough for 3 weeks.", "", "female"),
        ("28 yo c/o weakness. He denies headache.", "28", "male"),
        ("Smoker, 61 years", "61", ""),
        ("61 years, smoker", "61", ""),
        ("61 years, smoker with a cough for 3 weeks", "61", ""),
        ("61 yrs", "61", ""),
        ("61 years. Cough.", "61", ""),
        ("Smoker, 61 yrs., cough", "61", ""),
        ("Heavy smoker, 61 years with haemoptysis", "61", ""),
        ("Smoker, 61 years, smoked for 40 years.", "61", ""),
        ("Male, 61 years, cough", "61", "male"),
        ("61 years, F", "61", "female"),
        ("6 months, female", "6 months", "female"),
        ("Infant, 3 weeks", "3 weeks", ""),
    ],
)
def test_what_is_plainly_said(text: str, age: str, sex: str) -> None:
    assert demographics(text) == Demographics(age, sex)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Cough for 3 weeks and fever of 101 F.",
        "A 3 cm mass. Follow-up at 2 years.",
        "A 10-year-old fracture of the femur.",
        "Mother is a 58-year-old woman with diabetes.",
        "58-year-old father with gout.",
        "Diagnosed at 12 years of age.",
        "Seizures since 3 years of age.",
        "2 year history of smoking.",
        "Nodule of 58 mm, 30 years old at most.",
        "Smoked for 61 years.",
        "61 years of smoking",
        "Smoker for 30 years",
        "Smoker, 40 pack years",
        "Ex-smoker, 30 years",
        "History of smoking, 61 years",
        "Symptoms for 3 years",
        "Cough, 3 years",
        "Cough. 3 years.",
        "2 years, worsening headaches",
        "10 years with cough",
        "Diabetic, 12 years",
        "Pain, right knee, 2 years",
        "3 months, patient has had a cough",
        "His father, 61 years",
        "Surgery, 10 years ago",
        "3 years ago, fell",
        "5 days",
    ],
)
def test_what_is_no_age_of_the_patient(text: str) -> None:
    assert demographics(text).age == ""


def test_of_two_ages_the_one_the_text_opens_with() -> None:
    assert demographics("A 45-year-old woman. Her 20-year-old self fell; a 20-year-old man hit her.").age == "45"
    assert demographics("Cough. Also fever at home. A 45-year-old woman and a 20-year-old man.").age == ""


@pytest.mark.parametrize("text", ["He came with his daughter, a woman of few words.", "Mother says she coughs."])
def test_a_sex_that_is_not_plain_is_not_told(text: str) -> None:
    assert demographics(text).sex == ""


def test_long_text_of_digits_is_read_in_time() -> None:
    assert demographics("1 " * 20_000 + "58-year-old " * 2_000).sex == ""
