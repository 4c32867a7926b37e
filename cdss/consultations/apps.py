from django.apps import AppConfig


class ConsultationsConfig(AppConfig):
    name = "cdss.consultations"

    def ready(self) -> None:
        from cdss.consultations.citing import consultations_citing
        from cdss.library.recalls import CITING

        if consultations_citing not in CITING:
            CITING.append(consultations_citing)
