"""The bytes of shared/pattern.h as a file, for who sends one: whoever receives it over and over sees one stream."""

PERIOD_BYTES = 4093
PERIODS_AT_ONCE = 256  # that are written


def period():
    return bytes(((number + 1) * 2654435761 >> 24) & 0xff for number in range(PERIOD_BYTES))


def write_pattern(path, most_bytes):
    """As many whole periods as are in `most_bytes`. They are in the page cache then, where memory is free."""
    block = period() * PERIODS_AT_ONCE
    whole, rest = divmod(most_bytes // PERIOD_BYTES, PERIODS_AT_ONCE)
    with path.open("wb") as file:
        for _ in range(whole):
            file.write(block)
        file.write(block[:rest * PERIOD_BYTES])
