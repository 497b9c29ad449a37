"""What the outcome of a test is worth, by itself and beside what the interpreter's own loop does. Runs nothing."""

from dataclasses import dataclass

from judge import tied
from judge.child import FAILED, LEFT_OUT, PASSED, SKIPPED
from judge.watch import CRASHED, HUNG

VACUOUS = "vacuous"        # it passed without ever asking for a loop: that says nothing about the loop
TIED = "tied"              # bound to the insides of CPython's loops, for a stated reason
UNEXPECTED = "unexpected"  # one of those, which does otherwise than the list says
MISSING = "missing"        # the own loop ran it, this one did not

KINDS = (PASSED, FAILED, HUNG, CRASHED, UNEXPECTED, SKIPPED, VACUOUS, TIED)
BAD = (FAILED, HUNG, CRASHED)


def kind_of(record):
    if record.outcome == LEFT_OUT:
        return TIED
    if record.listed:
        return TIED if is_as_listed(record) else UNEXPECTED
    if record.outcome == PASSED and not record.loops:
        return VACUOUS
    return record.outcome


def is_as_listed(record):
    if record.outcome == SKIPPED or record.outcome == PASSED and not record.loops:
        return True  # that says nothing about the loop
    return (record.outcome == PASSED) == tied.Listed(*record.listed).passes


@dataclass
class Complaint:
    """Something that makes the run fail."""

    test: str  # or the name of a module
    kind: str
    why: str
    detail: str = ""
    private_parts: tuple[str, ...] = ()
    hint: str | None = None


@dataclass
class Row:
    """What one module comes to."""

    module: str
    counts: dict[str, int]
    stock: int | None    # how many its own loop passes
    matched: int | None  # how many of those this one passes
    absent: str | None
    seconds: float


class Verdict:
    """On one loop with one interpreter, module by module."""

    def __init__(self, modules, baseline, hooks):
        """`modules` and `baseline` hold a ModuleRecord for each name; without a baseline every failure counts."""
        self.rows, self.complaints, self.forgiven = [], [], []
        self.hooks = hooks
        for name, module in modules.items():
            self.judge_module(module, baseline[name] if baseline is not None else None)

    @property
    def is_good(self):
        return not self.complaints

    def total(self, of):
        return sum(of(row) or 0 for row in self.rows)

    def judge_module(self, module, baseline):
        kinds = {record.test: kind_of(record) for record in module.records}
        stock = {record.test: kind_of(record) for record in baseline.records} if baseline else {}
        expected = [test for test, kind in stock.items() if kind == PASSED]
        counts = {kind: sum(1 for found in kinds.values() if found == kind) for kind in KINDS}
        self.rows.append(Row(module.name, counts, len(expected) if baseline else None,
                             sum(1 for test in expected if kinds.get(test) == PASSED) if baseline else None,
                             module.absent, module.seconds))
        for record in module.records:
            self.judge_test(record, kinds[record.test], stock.get(record.test), bool(baseline))
        if module.trouble:
            self.complain(module.name, "trouble", "not all of its tests could be run", module.trouble)
        for test in expected:
            if test not in kinds:
                self.complain(test, MISSING, "it passes with the interpreter's own loop, and was not run with this one",
                              module.absent or "")

    def judge_test(self, record, kind, stock, has_baseline):
        if kind in BAD:
            if stock in BAD:
                self.forgiven.append(record.test)
                return
            why = f"it {kind}"
        elif kind == UNEXPECTED:
            listed = tied.Listed(*record.listed)
            said = "passes nevertheless" if listed.passes else "cannot pass"
            why = f"it {record.outcome}; tied.py has it among those of which each {said} ({listed.why})"
        elif has_baseline and stock == PASSED and kind != PASSED:
            why = f"it passes with the interpreter's own loop, and was {kind} with this one"
        else:
            return
        self.complain(record.test, kind, why, record.detail, tuple(record.private_parts))

    def complain(self, test, kind, why, detail, private_parts=()):
        self.complaints.append(Complaint(test, kind, why, detail, private_parts, self.hooks.get(test)))
