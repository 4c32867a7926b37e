from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "cdss.feedback"

    def ready(self) -> None:
        from cdss.consultations.shown import WHEN_SHOWN
        from cdss.feedback.gaps import abstained

        if abstained not in WHEN_SHOWN:
            WHEN_SHOWN.append(abstained)
