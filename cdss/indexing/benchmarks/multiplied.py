"""A copy of this site with its library multiplied, to measure at a size that the site has not reached yet.

A copy of an item has its own words, a fifth of them changed for others of the same length, so that every passage stands
where it stood; its vectors are those of the item with noise. Images and everything else stay as they are.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection

from cdss.indexing.benchmarks.data import NOISE
from cdss.indexing.models import PassageEmbedding, PassageSplit
from cdss.indexing.splitting import source_hash
from cdss.library.models import Case, Document, LibraryItem, Passage

CHANGED_WORDS = 0.2
_WORD = re.compile(r"\b[a-z]{4,}\b")
Progress = Callable[[int, int], None]


class MultiplyError(Exception):
    """The site cannot be multiplied; the message says what to do."""


class _Table(NamedTuple):
    name: str
    columns: list[str]
    rows: list[tuple[Any, ...]]

    def place(self, column: str) -> int:
        return self.columns.index(column)


def site_multiply(*, folder: Path, passages: int, seed: int = 7, progress: Progress = lambda done, total: None) -> int:
    """Makes the folder a site with at least this many passages; returns how many. Its index is not made yet.

    Raises MultiplyError where the folder is not empty or a part of the site, which has no passages, or no SQLite.
    """
    if connection.vendor != "sqlite":
        raise MultiplyError("Only a site in SQLite can be multiplied: unset DATABASE_URL, or import it into one.")
    if folder.resolve().is_relative_to(settings.CDSS_HOME):
        raise MultiplyError(f"{folder} lies in the site that is copied. Name a folder outside of it.")
    if folder.exists() and any(folder.iterdir()):
        raise MultiplyError(f"{folder} is not empty. Name a folder that is, or one that is not there.")
    have = Passage.objects.count()
    if not have:
        raise MultiplyError("The site has no passages to multiply. Run manage.py build_index first.")
    path = _copied(folder)
    with closing(sqlite3.connect(path)) as site:
        _quietly(site, lambda: _fill(site, times=-(-passages // have), seed=seed, progress=progress))
        return int(site.execute(f"SELECT COUNT(*) FROM {Passage._meta.db_table}").fetchone()[0])  # noqa: S608


def _copied(folder: Path) -> Path:
    leave = shutil.ignore_patterns(Path(settings.INDEX_ROOT).name, "*.sqlite3*", "*.sock")
    shutil.copytree(settings.CDSS_HOME, folder, ignore=leave, dirs_exist_ok=True)
    path = folder / "cdss.sqlite3"
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        connection.connection.backup(copy)
    return path


def _quietly(site: sqlite3.Connection, fill: Callable[[], None]) -> None:
    """Without a note of each change for the index, which is made from scratch, and without waiting for the disk."""
    noting = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'indexing_%'"
    triggers = site.execute(noting).fetchall()
    site.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")
    for name, _ in triggers:
        site.execute(f'DROP TRIGGER "{name}"')
    fill()
    for _, sql in triggers:
        site.execute(sql)
    site.commit()


def _fill(site: sqlite3.Connection, *, times: int, seed: int, progress: Progress) -> None:
    items, passages, embeddings, splits, cases, documents = (
        _read(site, model) for model in (LibraryItem, Passage, PassageEmbedding, PassageSplit, Case, Document)
    )
    words = _vocabulary([row[items.place("text")] for row in items.rows])
    pages = _pages(documents)
    draw = random.Random(seed)
    noise = np.random.default_rng(seed)
    for copy in range(1, times):
        items_by, passages_by = (copy * (max(row[0] for row in table.rows) + 1) for table in (items, passages))
        texts = {row[0]: _reworded(row[items.place("text")], words, draw) for row in items.rows}
        _write(site, items, (_item(items, row, copy, items_by, texts[row[0]]) for row in items.rows))
        for table in (cases, documents):
            _write(site, table, ((row[0] + items_by, *row[1:]) for row in table.rows))
        _write(site, passages, (_passage(passages, row, items_by, passages_by, texts) for row in passages.rows))
        _write(site, embeddings, _embeddings(embeddings, passages_by, noise))
        _write(site, splits, (_split(splits, items, row, items_by, texts, pages) for row in _known(splits, items)))
        progress(copy, times - 1)


def _read(site: sqlite3.Connection, model: Any) -> _Table:
    name = model._meta.db_table
    cursor = site.execute(f'SELECT * FROM "{name}"')  # noqa: S608
    return _Table(name, [column[0] for column in cursor.description], cursor.fetchall())


def _write(site: sqlite3.Connection, table: _Table, rows: Iterator[tuple[Any, ...]]) -> None:
    columns = ", ".join(f'"{column}"' for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    site.executemany(f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks})', rows)  # noqa: S608


def _item(table: _Table, row: tuple[Any, ...], copy: int, shift: int, text: str) -> tuple[Any, ...]:
    made = list(row)
    made[table.place("id")] += shift
    group = row[table.place("source_group")]
    made[table.place("source_group")] = group and f"{group}*{copy}"[-64:]
    made[table.place("source_id")] = f"{row[table.place('source_id')]}*{copy}"[-200:]
    made[table.place("text")] = text
    return tuple(made)


def _passage(
    table: _Table, row: tuple[Any, ...], items_by: int, passages_by: int, texts: dict[int, str]
) -> tuple[Any, ...]:
    made = list(row)
    start, end = row[table.place("start")], row[table.place("end")]
    made[table.place("text")] = texts[row[table.place("item_id")]][start:end]
    made[table.place("id")] += passages_by
    made[table.place("item_id")] += items_by
    return tuple(made)


def _embeddings(table: _Table, shift: int, noise: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    vector, passage, own = table.place("vector"), table.place("passage_id"), table.place("id")
    for row in table.rows:
        near = np.frombuffer(row[vector], dtype="<f4")
        near = near + noise.standard_normal(len(near), dtype=np.float32) * np.float32(NOISE / np.sqrt(len(near)))
        made = list(row)
        made[own] = None
        made[passage] += shift
        made[vector] = (near / np.linalg.norm(near)).astype("<f4").tobytes()
        yield tuple(made)


def _split(
    table: _Table,
    items: _Table,
    pair: tuple[tuple[Any, ...], tuple[Any, ...]],
    shift: int,
    texts: dict[int, str],
    pages: dict[int, list[list[int]]],
) -> tuple[Any, ...]:
    row, item = pair
    made = list(row)
    same = LibraryItem(kind=item[items.place("kind")], title=item[items.place("title")], text=texts[item[0]])
    made[table.place("source")] = source_hash(same, pages.get(item[0], []))
    made[table.place("item_id")] += shift
    return tuple(made)


def _known(splits: _Table, items: _Table) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    by_id = {row[items.place("id")]: row for row in items.rows}
    return ((row, by_id[row[splits.place("item_id")]]) for row in splits.rows)


def _pages(documents: _Table) -> dict[int, list[list[int]]]:
    read = ((row[0], json.loads(row[documents.place("pages")] or "[]")) for row in documents.rows)
    return {item: pages for item, pages in read if pages}


def _vocabulary(texts: Sequence[str]) -> dict[int, list[str]]:
    """Words by their length, each as often as it stands in the library."""
    found: dict[int, list[str]] = {}
    for text in texts:
        for word in _WORD.findall(text):
            found.setdefault(len(word), []).append(word)
    return found


def _reworded(text: str, words: dict[int, list[str]], draw: random.Random) -> str:
    def other(found: re.Match[str]) -> str:
        word = found.group()
        return draw.choice(words[len(word)]) if draw.random() < CHANGED_WORDS else word

    return _WORD.sub(other, text)
