from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from retrieval.index import loading


class IndexingConfig(AppConfig):
    name = "cdss.indexing"

    def ready(self) -> None:
        from cdss.indexing.versions.triggers import install_after_migrations

        loading.choose("off" if settings.BLAS_KERNEL == "off" else "auto")
        post_migrate.connect(install_after_migrations, sender=self, dispatch_uid="cdss.indexing")
