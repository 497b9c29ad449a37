"""The bytes of shared/pattern.h as a file, for who sends one: whoever receives it over and over sees one stream."""

import pathlib

PERIOD_BYTES = 4093
PERIODS_AT_ONCE = 256  # that are written


def period():
    return bytes(((number + 1) * 2654435761 >> 24) & 0xff for number in range(PERIOD_BYTES))


def pattern_file(folder, most_bytes):
    """Makes it, of as many whole periods as are in `most_bytes`, and returns its path. What was written last is in
    the page cache, where `most_bytes` of memory are free."""
    path = pathlib.Path(folder) / "pattern"
    block = period() * PERIODS_AT_ONCE
    whole, rest = divmod(most_bytes // PERIOD_BYTES, PERIODS_AT_ONCE)
    with path.open("wb") as file:
        for _ in range(whole):
            file.write(block)
        file.write(block[:rest * PERIOD_BYTES])
    return path
