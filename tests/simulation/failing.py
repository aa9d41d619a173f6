"""A failing world as one small file: enough to see the same violation again in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from simulation.play import Played, play
from simulation.setting import Setting

_LINES_KEPT = 200


def written(played: Played, *, folder: Path) -> Path:
    """Write the file of a failure; its name tells seed and invariant."""
    folder.mkdir(parents=True, exist_ok=True)
    name = str(played.violation).replace(" ", "-").lower()
    path = folder / f"seed-{played.setting.seed}-{name}.json"
    path.write_text(json.dumps(as_json(played), ensure_ascii=False, indent=1) + "\n", "utf-8")
    return path


def as_json(played: Played) -> dict[str, Any]:
    """What is kept: the seed is inside the config."""
    return {
        "seed": played.setting.seed,
        "violation": played.violation,
        "detail": played.detail[:2_000],
        "config": played.setting.as_json(),
        "tape": played.tape,
        "fingerprint": played.fingerprint,
        "trace": played.lines[-_LINES_KEPT:],
    }


def read(path: Path) -> tuple[Setting, dict[str, int], dict[str, Any]]:
    """The world of a failure's file, its tape, and all that it says."""
    said = json.loads(path.read_text("utf-8"))
    return Setting.from_json(said["config"]), said["tape"], said


def replayed(path: Path) -> tuple[Played, dict[str, Any]]:
    """Play a failure again; returns what happened and what the file says."""
    setting, tape, said = read(path)
    return play(setting, tape=tape), said
