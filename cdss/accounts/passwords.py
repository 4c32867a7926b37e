"""A password that is easily guessed, whatever characters it is made of."""

from django.core.exceptions import ValidationError

from cdss.accounts.models import User

# Of zxcvbn's five, 0 to 4: guessed within 10^8 to 10^10 tries is not enough for what is kept here.
LEAST_SCORE = 3
# zxcvbn reads no more; what comes after makes a password stronger, never weaker.
READ_CHARACTERS = 72
OF_THIS_PRODUCT = ["cdss", "radiology", "hospital", "clinician", "educator", "auditor", "administrator"]


class GuessableValidator:
    """Lists of leaked passwords, names and words, runs, repeats and keyboard rows, and what is made of these."""

    def validate(self, password: str, user: User | None = None) -> None:
        from zxcvbn import zxcvbn

        known = [getattr(user, name, "") for name in ("username", "first_name", "last_name", "email", "department")]
        found = zxcvbn(password[:READ_CHARACTERS], user_inputs=[word for word in known if word] + OF_THIS_PRODUCT)
        if found["score"] < LEAST_SCORE:
            raise ValidationError(
                "This password is easily guessed: it is made of known passwords, names, runs or repeats. "
                "Several words that do not belong together are a good one.",
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        return "Your password must not be easily guessed: a sentence of your own is better than signs in a word."
