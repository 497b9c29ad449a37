"""The JSON of one run as a whole: put together from what was measured, written, and read again."""

import json

from . import summary, targets
from .contestants import CONTESTANTS
from .targets import TARGETS

FORMAT = 1  # of the JSON; another number means that older files can't be read


def assemble(machine, settings, quiet, missing, rows, contestants=CONTESTANTS, wanted=TARGETS):
    """`missing` maps contestants that could not take part to what they lack; `wanted` are the targets."""
    results = rounded({
        "format": FORMAT,
        "machine": machine,
        "quiet": quiet,
        "settings": settings,
        "contestants": {each.name: each.title for each in contestants},
        "missing": missing,
        "rows": [{**row, "summary": summary.summarise(row)} for row in rows],
    })
    outcomes = targets.evaluate_all(results, wanted)
    return {**results, "targets": rounded([targets.as_json(outcome) for outcome in outcomes])}


def rounded(value):
    """The same with six digits in every fraction. What the pages say is computed from these, and so follows
    from the file."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(each) for each in value]
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return value


def write(results, path):
    """One line for each run: a diff then shows runs."""
    path.write_text(layout(results) + "\n", encoding="utf-8")


def layout(value, depth=0):
    """JSON, indented down to what is short enough for a line."""
    flat = json.dumps(value, ensure_ascii=False)
    is_run = isinstance(value, dict) and "figures" in value
    if is_run or not isinstance(value, (dict, list)) or len(flat) <= 100:
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, list):
        return "[\n" + ",\n".join(inner + layout(each, depth + 1) for each in value) + f"\n{outer}]"
    members = (f"{inner}{json.dumps(key)}: {layout(each, depth + 1)}" for key, each in value.items())
    return "{\n" + ",\n".join(members) + f"\n{outer}}}"


def read(path):
    results = json.loads(path.read_text(encoding="utf-8"))
    if results.get("format") != FORMAT:
        raise ValueError(f"{path} has format {results.get('format')}, expected {FORMAT}: measure again")
    return results
