from django.apps import AppConfig
from django.db.models.signals import post_migrate


class IndexingConfig(AppConfig):
    name = "cdss.indexing"

    def ready(self) -> None:
        from cdss.indexing.triggers import install_after_migrations

        post_migrate.connect(install_after_migrations, sender=self, dispatch_uid="cdss.indexing")
