"""The database itself refuses to change the trail. Only migrations and the emptying of test tables use this."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

MESSAGE = "The audit trail is append-only."
REFUSE = f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
TWO_STEPS = "NEW.id <> OLD.id OR NEW.sequence <> OLD.sequence + 1"
ROW, ALL = "FOR EACH ROW", "FOR EACH STATEMENT"

INSTALL = {
    "sqlite": (
        f"CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event {REFUSE}",
        f"CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event {REFUSE}",
        f"CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_chainhead {REFUSE}",
        f"CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_chainhead WHEN {TWO_STEPS} {REFUSE}",
    ),
    "postgresql": (
        "CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql "
        f"AS $$ BEGIN RAISE EXCEPTION '{MESSAGE}'; END $$",
        f"CREATE TRIGGER audit_event_update BEFORE UPDATE ON audit_event {ROW} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_event_delete BEFORE DELETE ON audit_event {ROW} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_event_truncate BEFORE TRUNCATE ON audit_event {ALL} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_chainhead {ROW} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_head_truncate BEFORE TRUNCATE ON audit_chainhead {ALL} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_chainhead {ROW} WHEN ({TWO_STEPS}) "
        "EXECUTE FUNCTION audit_refuse()",
    ),
}
INSTALL_ANCHORS = {
    "sqlite": (
        f"CREATE TRIGGER audit_anchor_update BEFORE UPDATE ON audit_anchor {REFUSE}",
        f"CREATE TRIGGER audit_anchor_delete BEFORE DELETE ON audit_anchor {REFUSE}",
    ),
    "postgresql": (
        f"CREATE TRIGGER audit_anchor_update BEFORE UPDATE ON audit_anchor {ROW} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_anchor_delete BEFORE DELETE ON audit_anchor {ROW} EXECUTE FUNCTION audit_refuse()",
        f"CREATE TRIGGER audit_anchor_truncate BEFORE TRUNCATE ON audit_anchor {ALL} EXECUTE FUNCTION audit_refuse()",
    ),
}
REMOVE = {
    "sqlite": tuple(
        f"DROP TRIGGER audit_{name}" for name in ("event_update", "event_delete", "head_delete", "head_update")
    ),
    "postgresql": ("DROP FUNCTION audit_refuse() CASCADE",),
}
REMOVE_ANCHORS = {
    "sqlite": ("DROP TRIGGER audit_anchor_update", "DROP TRIGGER audit_anchor_delete"),
    "postgresql": tuple(f"DROP TRIGGER audit_anchor_{act} ON audit_anchor" for act in ("update", "delete", "truncate")),
}


def install(connection: BaseDatabaseWrapper) -> None:
    _run(connection, (*INSTALL[connection.vendor], *INSTALL_ANCHORS[connection.vendor]))


def remove(connection: BaseDatabaseWrapper) -> None:
    _run(connection, (*REMOVE_ANCHORS[connection.vendor], *REMOVE[connection.vendor]))


def migrate_forwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(schema_editor.connection, INSTALL[schema_editor.connection.vendor])


def migrate_backwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(schema_editor.connection, REMOVE[schema_editor.connection.vendor])


def migrate_anchors_forwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(schema_editor.connection, INSTALL_ANCHORS[schema_editor.connection.vendor])


def migrate_anchors_backwards(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    _run(schema_editor.connection, REMOVE_ANCHORS[schema_editor.connection.vendor])


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
