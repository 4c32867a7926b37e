from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "cdss.library"

    def ready(self) -> None:
        from cdss.library.recalls import CITING, cases_citing

        if cases_citing not in CITING:
            CITING.append(cases_citing)
