"""What is to be told of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Told:
    """What is wrong with a data set, what is doubtful and what was done, as it is found."""

    problems: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
