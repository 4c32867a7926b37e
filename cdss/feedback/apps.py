from django.apps import AppConfig


class FeedbackConfig(AppConfig):
    name = "cdss.feedback"

    def ready(self) -> None:
        from cdss.consultations.shown import WHEN_SHOWN
        from cdss.feedback.drafting import drafts_citing
        from cdss.feedback.gaps import abstained
        from cdss.library.recalls import CITING

        if drafts_citing not in CITING:
            CITING.append(drafts_citing)
        if abstained not in WHEN_SHOWN:
            WHEN_SHOWN.append(abstained)
