"""What every tier of a cache tells of itself, in one form."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CacheFigures:
    """How full one tier of one cache is, and how it has served this process since it started.

    `cache` says what is kept, `tier` where: memory (of this process), host, disk or redis. What
    the last three hold is shared, so entries and bytes are those of all processes; a tier that
    cannot tell, or does not bound, one of them says None. `waiting` counts what is still to be
    written, `dropped` what was not written because too much waited, `refused` what was not kept.
    """

    cache: str
    tier: str
    usable: bool = True
    entries: int | None = None
    size_bytes: int | None = None
    max_entries: int | None = None
    max_bytes: int | None = None
    hits: int = 0
    misses: int = 0
    stored: int = 0
    refused: int = 0
    evictions: int = 0
    failures: int = 0
    waiting: int = 0
    dropped: int = 0

    @property
    def is_shared(self) -> bool:
        """Tell whether other processes see the same entries."""
        return self.tier != "memory"
