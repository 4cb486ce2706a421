"""What the demo prints while it works."""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done and, when it is done, how long it took."""
    print(f"  {title} ".ljust(58, "."), end=" ", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        say("stopped")
        raise
    say(f"{time.monotonic() - started:5.1f} s")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    """Return a table whose cells wrap; the last column takes what the terminal has left."""
    columns = shutil.get_terminal_size((120, 24)).columns
    last = max(24, columns - sum(widths) - 2 * len(widths) - 2)
    sizes = [*widths, last]
    lines = []
    for row in (header, ["-" * size for size in sizes], *rows):
        cells = [textwrap.wrap(cell, size) or [""] for cell, size in zip(row, sizes, strict=True)]
        for number in range(max(map(len, cells))):
            parts = [cell[number] if number < len(cell) else "" for cell in cells]
            line = "  ".join(part.ljust(size) for part, size in zip(parts, sizes, strict=True))
            lines.append(f"  {line}".rstrip())
    return "\n".join(lines)
