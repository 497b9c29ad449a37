"""Every module, for one interpreter and one loop beside its own: what is to be run, a few at a time."""

import concurrent.futures
from dataclasses import dataclass

from judge import watch
from judge.baseline import OWN_LOOP, Baseline
from judge.verdict import Verdict


@dataclass
class Course:
    """What is asked of each interpreter."""

    catalogue: object
    loop: str
    modules: list[str]
    only: str            # a part of a test's name
    jobs: int
    patience: watch.Patience
    kept: str | None     # the folder of baselines; without one, nothing is kept
    tell: object         # called with (loop, ModuleRecord) as each module ends

    @property
    def is_own_loop(self):
        return self.loop == OWN_LOOP

    def run(self, interpreter, package_folder):
        """The records by module, and the verdict on them."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            baseline = None if self.is_own_loop else self.begin_baseline(pool, interpreter)
            ours = self.begin(pool, interpreter, self.loop, [package_folder] if package_folder else [], self.modules)
            modules = {name: future.result() for name, future in ours.items()}
            stock = baseline() if baseline else None
        return modules, Verdict(modules, stock, self.catalogue.hooks)

    def begin_baseline(self, pool, interpreter):
        """Begins what is not kept; the answer, called, waits for it and has all modules."""
        store = Baseline(self.kept, interpreter, self.catalogue.package) if self.kept else None
        kept = store.modules if store else {}
        begun = self.begin(pool, interpreter, OWN_LOOP, [], [name for name in self.modules if name not in kept])

        def finish():
            fresh = {name: future.result() for name, future in begun.items()}
            if store and fresh and not self.only:
                store.keep(fresh)
            return {name: self.narrowed(fresh.get(name) or kept[name]) for name in self.modules}

        return finish

    def narrowed(self, module):
        """A module that was kept whole, to the tests that are asked for."""
        records = [record for record in module.records if self.only in record.test]
        return watch.ModuleRecord(module.name, records, module.absent, module.trouble, module.seconds)

    def begin(self, pool, interpreter, loop, paths, names):
        return {name: pool.submit(self.run_module, interpreter, loop, paths, name) for name in names}

    def run_module(self, interpreter, loop, paths, name):
        job = {
            "package": self.catalogue.package,
            "module": name,
            "suites": self.catalogue.modules[name],
            "listed": {test: why for test, why in self.catalogue.listed.items() if test.startswith(f"{name}.")},
            "run_listed": loop != OWN_LOOP,
            "loop": loop,
            "only": self.only,
        }
        if self.catalogue.folder:
            paths = [*paths, self.catalogue.folder]
        module = watch.run_module(interpreter.path, job, paths, self.patience)
        self.tell(loop, module)
        return module
