"""Shapes to be timed: a list in conf/shapes, a yaml file like those, or a folder with a config.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from harness.files import read_json
from harness.shapes import Shape
from sweeps.configs import CONF

SHAPES = "shapes"
KEYS = {"family", "config", SHAPES}


def load(name: str) -> list[Shape]:
    """The shapes that a name means. Raises ValueError where there are none."""
    folder, listed = Path(name), CONF / SHAPES / f"{name}.yaml"
    if (folder / "config.json").is_file():
        config = read_json(folder / "config.json")
        return [Shape(folder.resolve().name, str(config.get("model_type", "")), config)]
    path = listed if listed.is_file() else folder
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in (CONF / SHAPES).glob("*.yaml")))
        raise ValueError(
            f"There are no shapes {name!r}. Give a list of conf/shapes ({known}), a yaml file like those, or a "
            "folder with a config.json."
        )
    try:
        return _read(yaml.safe_load(path.read_text()), path)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path} cannot be read as yaml: {' '.join(str(error).split())}.") from None


def _read(told: Any, path: Path) -> list[Shape]:
    if (
        not isinstance(told, dict)
        or set(told) - KEYS
        or not isinstance(told.get(SHAPES), dict)
        or not told[SHAPES]
    ):
        raise ValueError(
            f"{path} is no list of shapes: it needs `shapes`, by name what a shape's config.json says, and may "
            "have `config`, what all of them say, and `family`, a word for them."
        )
    shared = told.get("config") or {}
    shapes = {str(name): own for name, own in told[SHAPES].items()}
    if not isinstance(shared, Mapping) or not all(isinstance(own, Mapping) for own in shapes.values()):
        raise ValueError(f"{path}: `config` and every shape must be keys and values of a config.json.")
    family = str(told.get("family") or shared.get("model_type", ""))
    return [Shape(name, family, {**shared, **own}) for name, own in shapes.items()]
