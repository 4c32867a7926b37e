"""A small index of synthetic items, made without a database."""

from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.encoders.hashing import HashingImageEncoder, HashingTextEncoder
from retrieval.engine import Engine, Weights
from retrieval.index.faiss import FaissIndex
from retrieval.index.lexical import COSINE, LexicalIndex
from retrieval.index.snapshot import Snapshot, Subjects, Table, describe
from retrieval.types import ImageEncoder, Kind, Pixels, TextEncoder

# item -> (kind, {passage: text}, {vector of an image: (image, pixels)})
Items = Mapping[int, tuple[Kind, Mapping[int, str], Mapping[int, tuple[int, Pixels]]]]


def grey(level: int, size: tuple[int, int] = (40, 30)) -> Pixels:
    return np.full((*size, 3), level, dtype=np.uint8)


def pattern(seed: int) -> Pixels:
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 1), dtype=np.uint8)
    return np.repeat(np.repeat(np.repeat(cells, 8, 0), 8, 1), 3, 2)


ITEMS: Items = {
    10: (
        "case",
        {101: "Acute chest pain and dyspnoea", 102: "Filling defect in the right pulmonary artery"},
        {1: (11, pattern(1)), 2: (11, pattern(2))},
    ),
    20: ("case", {201: "Fall on the outstretched hand", 202: "Fracture of the distal radius"}, {3: (21, pattern(3))}),
    30: (
        "guideline",
        {301: "CT pulmonary angiography is recommended in suspected embolism of the pulmonary artery"},
        {},
    ),
    40: ("literature", {401: "Closed reduction of a distal radius fracture", 402: "Outcome after a cast"}, {}),
}


def snapshot_of(
    items: Items,
    text_encoder: TextEncoder | None = None,
    image_encoder: ImageEncoder | None = None,
    subjects: Sequence[tuple[int, int, bool]] = (),
) -> Snapshot:
    text_encoder, image_encoder = text_encoder or HashingTextEncoder(), image_encoder or HashingImageEncoder()
    passages = [(passage, item, text) for item, (_, texts, _) in items.items() for passage, text in texts.items()]
    frames = [(row, item, image, pixels) for item, (*_, rows) in items.items() for row, (image, pixels) in rows.items()]
    text, images, lexical = FaissIndex(text_encoder.dimension), FaissIndex(image_encoder.dimension), LexicalIndex()
    text.add(ids(passages), text_encoder.encode([row[2] for row in passages]))
    lexical.add([row[0] for row in passages], [row[2] for row in passages])
    whole = LexicalIndex(COSINE)
    written = {item: "\n".join(texts.values()) for item, (_, texts, _) in items.items() if texts}
    whole.add(list(written), list(written.values()))
    images.add(ids(frames), image_encoder.encode([row[3] for row in frames]))
    return Snapshot(
        describe(text_encoder=text_encoder, image_encoder=image_encoder, text=text, images=images),
        kinds={item: kind for item, (kind, *_) in items.items()},
        passages=Table.of([row[:2] for row in passages], 2),
        frames=Table.of([row[:3] for row in frames], 3),
        subjects=Subjects.of(subjects),
        text=text,
        lexical=lexical,
        item_lexical=whole,
        images=images,
    )


def engine_of(items: Items = ITEMS, weights: Weights | None = None) -> Engine:
    return Engine(snapshot_of(items), HashingTextEncoder(), HashingImageEncoder(), weights=weights)


def ids(rows: Sequence[tuple]) -> np.ndarray:
    return np.array([row[0] for row in rows], dtype=np.int64)
