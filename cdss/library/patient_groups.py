"""The groups of patients that figures are shown for."""

AGE_BANDS = ((0, "0–17"), (18, "18–39"), (40, "40–59"), (60, "60–79"), (80, "80 and over"))
BANDS = tuple(name for _, name in AGE_BANDS)
NOT_STATED = "not stated"


def age_band(years: float | None) -> str:
    if years is None:
        return NOT_STATED
    return ([name for least, name in AGE_BANDS if years >= least] or [NOT_STATED])[-1]


def sex_group(sex: str) -> str:
    return {"m": "male", "f": "female"}.get(sex.strip().lower()[:1], NOT_STATED)
