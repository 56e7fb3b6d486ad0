"""What the arms are given besides the cold start: trees of their own or the seed's pool, and a PPM trained on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from compare.arms.work import Trees, TreesWork
from compare.config import POOL, POOL_PPM, ArmConfig, CompareConfig, Recipe
from compare.jobs import Failed, Jobs, SeedStage
from compare.ledger import Ledger
from evolve.stages import Stage

_Found = dict[str, Any] | Failed


class Material:
    """Has it made for the ``wanted`` arms and seeds, then hands it out. Arms that want alike share one, each pays."""

    def __init__(self, config: CompareConfig, jobs: Jobs, wanted: Iterable[tuple[str, int]]) -> None:
        self._config = config
        self._jobs = jobs
        self._trees: dict[tuple[str, int], _Found] = {}
        self._ppms: dict[int, _Found] = {}  # of the pools
        places = [(config.arms[name], seed) for name, seed in wanted]
        self._grow(places)
        if config.shared_pool:
            self._train_ppms(sorted({seed for arm, seed in places if arm.needs_ppm}))

    def of(self, arm: ArmConfig, seed: int) -> Trees | Failed | None:
        """What the arm is given; None if it wants nothing, a failure where making it failed."""
        name, folder = trees_name(self._config, arm), self._jobs.folder.round_dir(seed)
        if not name:
            return None
        grown = self._trees[name, seed]
        if isinstance(grown, Failed):
            return grown
        ledger = Ledger.from_json(self._charged(name, seed, grown))
        if not self._config.shared_pool:
            return self._own(arm, seed, Trees(folder / name, ledger.to_json(), folder / name / "ppm"))
        if not arm.needs_ppm:
            return Trees(folder / name, ledger.to_json(), shared=True)
        trained = self._ppms[seed]
        if isinstance(trained, Failed):
            return trained
        ledger.merge(Ledger.from_json(self._charged(POOL_PPM, seed, trained)))
        return Trees(folder / name, ledger.to_json(), folder / POOL_PPM / "ppm", shared=True)

    def _own(self, arm: ArmConfig, seed: int, trees: Trees) -> Trees | Failed:
        """The trees with the PPMs that the arm wants: none, one, or a second one from other trees."""
        if not arm.needs_ppm:
            return replace(trees, ppm=None)
        if not (name := second_name(arm)):
            return trees
        other = self._trees[name, seed]
        if isinstance(other, Failed):
            return other
        ledger = Ledger.from_json(trees.ledger)
        ledger.merge(Ledger.from_json(self._charged(name, seed, other)))
        second = self._jobs.folder.round_dir(seed) / name / "ppm"
        return replace(trees, ledger=ledger.to_json(), second=second)

    def _grow(self, places: Iterable[tuple[ArmConfig, int]]) -> None:
        places = list(places)
        wanted = {(name, seed): arm for arm, seed in places if (name := trees_name(self._config, arm))}
        wanted |= {(name, seed): arm for arm, seed in places if (name := second_name(arm))}
        stages = []
        for (name, seed), arm in wanted.items():
            work = self._work(seed, name, arm.trees, arm.needs_ppm)
            if self._config.shared_pool:
                work = self._work(seed, name, self._config.pool, with_ppm=False)
            elif name == second_name(arm):
                work = replace(work, second=True)
            else:
                work = replace(work, planted=arm.planted)
            stages.append(SeedStage(seed, Stage(name, "compare.arms.trees:grow_trees", {"work": work}, [work.out])))
        self._trees = dict(zip(wanted, self._jobs.do("trees", stages), strict=True))

    def _train_ppms(self, seeds: Iterable[int]) -> None:
        ready = [seed for seed in seeds if not isinstance(self._trees[POOL, seed], Failed)]
        stages = []
        for seed in ready:
            work = self._work(seed, POOL_PPM, self._config.pool, with_ppm=True)
            kwargs = {"work": work, "pool": self._jobs.folder.round_dir(seed) / POOL}
            stages.append(SeedStage(seed, Stage(POOL_PPM, "compare.arms.trees:train_pool_ppm", kwargs, [work.out])))
        self._ppms = dict(zip(ready, self._jobs.do("PPMs of the pools", stages), strict=True))

    def _work(self, seed: int, name: str, share: float, with_ppm: bool) -> TreesWork:
        folder = self._jobs.folder.round_dir(seed)
        return TreesWork(self._config, seed, folder / "cold_start", share, with_ppm, folder / name)

    def _charged(self, name: str, seed: int, found: Mapping[str, Any]) -> dict[str, Any]:
        return with_seconds(found["ledger"], self._jobs.seconds().get(f"seed_{seed}/{name}", {}))


def trees_name(config: CompareConfig, arm: ArmConfig) -> str:
    """What the trees that the arm wants are called; empty if it wants none."""
    if arm.recipe in (Recipe.SFT, Recipe.SFT_MORE):
        return ""
    if config.shared_pool:
        return POOL
    if not arm.needs_ppm and arm.recipe is not Recipe.STEP_DPO:
        return ""
    flaw = f"-planted-{sha256(arm.planted.encode()).hexdigest()[:8]}" if arm.planted else ""
    return f"trees-{arm.trees:g}" + ("-ppm" if arm.needs_ppm else "") + flaw


def second_name(arm: ArmConfig) -> str:
    """What the trees of the arm's second PPM are called; empty if it wants none."""
    return "" if arm.remedy.second is None else f"trees-{arm.trees:g}-ppm-second"


def with_seconds(ledger: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, Any]:
    """A ledger from the record, which has no times, with the times."""
    found = Ledger.from_json(ledger)
    for phase, spent in seconds.items():
        found.add(phase, seconds=spent)
    return found.to_json()
