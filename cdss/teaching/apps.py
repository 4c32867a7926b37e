from django.apps import AppConfig


class TeachingConfig(AppConfig):
    name = "cdss.teaching"

    def ready(self) -> None:
        from cdss.library.recalls import CITING
        from cdss.library.veils import VEILS
        from cdss.teaching.citing import teaching_citing
        from cdss.teaching.doors import veiled_cases

        if teaching_citing not in CITING:
            CITING.append(teaching_citing)
        if veiled_cases not in VEILS:
            VEILS.append(veiled_cases)
