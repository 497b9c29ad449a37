"""The pages of a verdict: a table of the modules, then every complaint with the command that shows it again."""

import dataclasses
import shlex

from judge.verdict import CRASHED, HUNG, KINDS, PASSED, kind_of

LAST_LINES = 8
EXPLAINED = {
    "vacuous": "passed without asking for a loop, so it says nothing about ours",
    "tied": "bound to the insides of CPython's loops; tied.py names the reasons",
    "unexpected": "one of those, which does otherwise than tied.py says",
}


def page(interpreter, loop, verdict, again, whole):
    """`again` are the words of the command that runs all of it; `whole` shows every line of every traceback."""
    lines = [f"{interpreter.name} ({interpreter.path}), {loop}", "", *table(verdict)]
    for complaint in verdict.complaints:
        lines += ["", *complaint_lines(complaint, again, whole)]
    if verdict.forgiven:
        lines += ["", f"Not held against {loop}, for the interpreter's own loop does not pass them here either:"]
        lines += [f"  {test}" for test in verdict.forgiven]
    return "\n".join([*lines, "", conclusion(interpreter, loop, verdict), ""])


def table(verdict):
    """One line for each module; a kind that nowhere occurs has no column."""
    has_stock = any(row.stock is not None for row in verdict.rows)
    kinds = [kind for kind in KINDS if kind == PASSED or verdict.total(lambda row: row.counts[kind])]
    titles = ["module", *(["own loop"] if has_stock else []), *kinds, "seconds"]
    cells = []
    for row in verdict.rows:
        if row.absent:
            continue
        stock = [str(row.stock)] if has_stock else []
        cells.append([row.module, *stock, *(str(row.counts[kind] or "-") for kind in kinds), f"{row.seconds:.1f}"])
    stock = [str(verdict.total(lambda row: row.stock))] if has_stock else []
    cells.append(["all", *stock, *(str(verdict.total(lambda row, kind=kind: row.counts[kind])) for kind in kinds),
                  f"{verdict.total(lambda row: row.seconds):.1f}"])
    widths = [max(len(line[column]) for line in [titles, *cells]) for column in range(len(titles))]
    lines = ["  " + "  ".join(cell.rjust(width) if column else cell.ljust(width)
                              for column, (cell, width) in enumerate(zip(line, widths)))
             for line in [titles, *cells]]
    absent = [row.module for row in verdict.rows if row.absent]
    if absent:
        lines.append(f"  not in this version: {', '.join(absent)}")
    return lines + [f"  {kind}: {EXPLAINED[kind]}" for kind in kinds if kind in EXPLAINED]


def complaint_lines(complaint, again, whole):
    lines = [f"{complaint.kind.upper()}  {complaint.test}", f"    {complaint.why}"]
    detail = complaint.detail.strip().splitlines()
    if not whole and len(detail) > LAST_LINES:
        # Of a hang or crash the first line says how it ended, and the next ones where it was.
        says_it_first = complaint.kind in (HUNG, CRASHED)
        detail = [*detail[:LAST_LINES], "..."] if says_it_first else ["...", *detail[-LAST_LINES:]]
    lines += [f"    | {line}" for line in detail]
    if complaint.hint:
        lines.append(f"    it looks for {complaint.hint}")
    elif complaint.private_parts:
        lines.append(f"    it looks at {', '.join(complaint.private_parts)}")
    return [*lines, f"    again: {shlex.join([*again, '--only', complaint.test])}"]


def conclusion(interpreter, loop, verdict):
    passed = verdict.total(lambda row: row.counts[PASSED])
    if any(row.stock is not None for row in verdict.rows):
        matched, stock = verdict.total(lambda row: row.matched), verdict.total(lambda row: row.stock)
        what = f"{matched} of the {stock} tests that the own loop of {interpreter.name} passes"
    else:
        what = f"{passed} tests of {interpreter.name}"
    return f"{'GOOD' if verdict.is_good else 'BAD '}  {loop} passes {what}" + (
        "." if verdict.is_good else f"; complaints: {len(verdict.complaints)}.")


def progress(interpreter, loop, module):
    """The line that is seen when a module has ended."""
    if module.absent:
        return f"{interpreter.version}  {loop}  {module.name}: not in this version"
    counts = {kind: sum(1 for record in module.records if kind_of(record) == kind) for kind in KINDS}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "no tests"
    trouble = "  IN TROUBLE" if module.trouble else ""
    return f"{interpreter.version}  {loop}  {module.name}: {said} in {module.seconds:.1f} s{trouble}"


def as_json(interpreter, loop, modules, verdict):
    return {
        "python": interpreter.version,
        "interpreter": interpreter.path,
        "loop": loop,
        "is_good": verdict.is_good,
        "total": {kind: verdict.total(lambda row: row.counts[kind]) for kind in KINDS},
        "passes_of_own_loop": verdict.total(lambda row: row.stock),
        "matched": verdict.total(lambda row: row.matched),
        "modules": [dataclasses.asdict(row) for row in verdict.rows],
        "complaints": [dataclasses.asdict(complaint) for complaint in verdict.complaints],
        "forgiven": verdict.forgiven,
        "tests": {record.test: {**dataclasses.asdict(record), "kind": kind_of(record)}
                  for module in modules.values() for record in module.records},
    }
