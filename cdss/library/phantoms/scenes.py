"""The scenes of the demonstration library, one for each of its images."""

import json
from pathlib import Path

from cdss.library.phantoms.render import Scene


def load_scenes(path: Path) -> list[Scene]:
    """`file` of a scene is a path beside the scenes, below images/."""
    scenes = [Scene.from_row(row) for row in json.loads(path.read_text(encoding="utf-8"))]
    for scene in scenes:
        name = Path(scene.file)
        if name.is_absolute() or name.parent != Path("images") or name.suffix != ".png":
            raise ValueError(f"{path.name}: {scene.file!r} is not images/NAME.png")
    return scenes
