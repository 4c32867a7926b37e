"""Run as a program: the site is saved again and again while others write and delete, and each backup is restored.

    python -m tests.cdss.faults backups ROUNDS WRITERS [DATABASE_URL of an empty database for each round …]

Every restored row that names a file has it, and it opens with the site's key. Then, with nobody at work, every row and
file of the restored site is compared with the site by other means than the restore's own.
"""

import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction

from cdss.audit.services import record
from cdss.indexing.services import index_build
from cdss.library.image_files import new_image_files, remove_images_on_commit, write_image
from cdss.library.models import Case, CaseImage, Collection, Kind, State
from cdss.reasoning import concepts
from tests.cdss.cast import PIXEL
from tests.cdss.faults.programs import prepare

HOME = Path(settings.CDSS_HOME)
LOOK = """
import json, django
django.setup()
from hashlib import sha256
from pathlib import Path
from django.apps import apps
from django.conf import settings
from django.db import connection
from cdss.encryption import decrypt_bytes
from cdss.library.models import CaseImage
missing = unreadable = 0
for name in CaseImage.objects.values_list("file", flat=True):
    path = Path(settings.MEDIA_ROOT) / name
    if not path.exists():
        missing += 1
    elif not decrypt_bytes(path.read_bytes()).startswith(b"\\x89PNG"):
        unreadable += 1
rows = {}
for model in apps.get_models(include_auto_created=True):
    if model._meta.app_label == "audit":
        continue
    order = model._meta.pk.name
    found = sorted(map(repr, model._base_manager.order_by(order).values_list()))
    rows[model._meta.db_table] = sha256("\\n".join(found).encode()).hexdigest()
files = {}
for root in (settings.MEDIA_ROOT, settings.INDEX_ROOT):
    for path in sorted(Path(root).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            files[str(path.relative_to(settings.CDSS_HOME))] = sha256(path.read_bytes()).hexdigest()
print(json.dumps({"missing": missing, "unreadable": unreadable, "images": CaseImage.objects.count(), "rows": rows,
                  "files": files}))
"""


def case_with_image(word: str) -> None:
    with new_image_files(), transaction.atomic():
        case = Case.objects.create(
            kind=Kind.CASE, title=f"Synthetic {word}", text=f"Report {word}.", state=State.PUBLISHED,
            collection=Collection.objects.get(), source_name="cases", source_id=word,
        )  # fmt: skip
        name = write_image(folder="cases", pngs=[PIXEL + os.urandom(20_000)])
        CaseImage.objects.create(case=case, file=name, width=1, height=1, sha256=sha256(word.encode()).hexdigest())
        record(action="library.imported", obj=case)


def one_goes(rng: random.Random, own: str) -> None:
    with transaction.atomic():
        case = Case.objects.filter(source_id__startswith=own).order_by("?").first()
        if case is not None:
            remove_images_on_commit(names=set(case.images.values_list("file", flat=True)))
            case.delete()


def write(number: int, stop: Any, counts: Any) -> None:
    rng, made = random.Random(number), 0
    while not stop.is_set():
        made += 1
        if rng.random() < 0.55:
            case_with_image(f"b{number}n{made}q")
        else:
            one_goes(rng, f"b{number}n")
    counts.put(made)


def restored(path: Path, place: Path, url: str) -> dict[str, Any]:
    place.mkdir()
    (place / "data_keys").write_bytes((HOME / "data_keys").read_bytes())
    environment = {**os.environ, "CDSS_HOME": str(place), **({"DATABASE_URL": url} if url else {})}
    command = [sys.executable, "manage.py", "restore", str(path), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return looked_at(environment)


def looked_at(environment: dict[str, str]) -> dict[str, Any]:
    told = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    return json.loads(told.stdout.splitlines()[-1])


def main(rounds_wanted: str, writers: str, *urls: str) -> None:
    rounds = int(rounds_wanted)
    concepts.warm()
    prepare()
    for number in range(20):
        case_with_image(f"first{number}")
    index_build()
    connection.close()
    context = multiprocessing.get_context("fork")
    stop, counts = context.Event(), context.Queue()
    workers = [context.Process(target=write, args=(number, stop, counts)) for number in range(int(writers))]
    for worker in workers:
        worker.start()
    paths, problems, images = [], list[str](), []
    for number in range(rounds):
        paths.append(HOME.parent / f"saved{number}.tar")
        time.sleep(0.5)
        call_command("backup", output=str(paths[-1]), stdout=sys.stderr)
    stop.set()
    acts = sum(counts.get() for _ in workers)
    for worker in workers:
        worker.join()
    quiet = HOME.parent / "quiet.tar"
    call_command("backup", output=str(quiet), stdout=sys.stderr)
    connection.close()
    for number, path in enumerate([*paths, quiet]):
        found = restored(path, HOME.parent / f"restored{number}", urls[number] if urls else "")
        images.append(found["images"])
        if found["missing"] or found["unreadable"]:
            problems.append(f"{path.name}: {found['missing']} files missing, {found['unreadable']} do not open")
    live = looked_at(dict(os.environ))
    rows = [name for name in live["rows"] if live["rows"][name] != found["rows"][name]]
    named = {name: digest for name, digest in live["files"].items() if not name.startswith("indexes/")}
    files = [name for name, digest in named.items() if found["files"].get(name) != digest]
    files += [name for name in found["files"] if name not in live["files"]]
    problems += [f"rows differ: {rows}"] * bool(rows) + [f"files differ: {files[:3]}"] * bool(files)
    print(json.dumps({"backups": rounds + 1, "acts meanwhile": acts, "images": images, "tables": len(live["rows"]),
                      "files": len(named), "problems": problems}))  # fmt: skip
