from django.apps import AppConfig
from django.db.backends.signals import connection_created


class LocksConfig(AppConfig):
    name = "cdss.locks"

    def ready(self) -> None:
        from django.db import connection

        from cdss.locks.guard import install

        connection_created.connect(install, dispatch_uid="cdss.locks")
        if connection.connection is not None:
            install(sender=type(connection), connection=connection)
