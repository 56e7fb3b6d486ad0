"""What every program does before and after its work: schemas, and overrides with "did you mean"."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from scripts.choices import CONF, choices_of, did_you_mean, groups_of, plain, refusal
from scripts.errors import fail, guarded
from tasks.errors import UserError
from tasks.registry import TASK_CONFIGS

_COMPOSING = re.compile(
    r"In '([\w/]+)/([\w-]+)': ConfigKeyError raised while composing config:.*?full_key: (\S+)", re.S
)
_LONGEST_NAME = 240  # file systems take 255 bytes; a swept value may be longer than the first one


def launch(name: str, schema: type[Any], run: Callable[[Any, dict[str, Any], Path], None], about: str = "") -> None:
    """Compose ``conf/<name>.yaml`` with the command line and call ``run(config, settings, folder)``.

    ``config`` is a ``schema``, ``settings`` the same as plain data, ``folder`` the run's folder. ``about``: what --help
    says first; without it, what the file of ``run`` says of itself.
    """
    register(name, schema)
    if {"--help", "-h"} & set(sys.argv[1:]):
        _print_help(name, schema, about or run.__globals__["__doc__"])
        return
    sys.argv[1:] = [_as_list(argument) for argument in sys.argv[1:]]
    _refuse_bad_overrides(name, schema, sys.argv[1:])

    def start(config: DictConfig) -> None:
        settings = cast(dict[str, Any], OmegaConf.to_container(config, resolve=True, enum_to_str=True))
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            guarded(lambda: run(OmegaConf.to_object(config), settings, folder))
        finally:
            _remove_if_unused(folder)

    hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(start)()


def register(name: str, schema: type[Any]) -> None:
    """Tell Hydra what options a program has, and each task."""
    store = ConfigStore.instance()
    store.store(name=f"{name}_schema", node=schema)
    for task, task_schema in TASK_CONFIGS.items():
        store.store(group="task", name=f"{task}_schema", node=task_schema)


def _remove_if_unused(folder: Path) -> None:
    """Hydra makes the folder before the program starts; one that was not used leaves no trace of itself."""
    if folder.resolve() == Path.cwd().resolve():
        return  # where the program was started: not made by it
    try:
        if all(each.name == ".hydra" for each in folder.iterdir()):
            shutil.rmtree(folder)
    except OSError:
        pass  # it is not there, or not ours to remove


def _print_help(name: str, schema: type[Any], about: str) -> None:
    """What Hydra's own help says, which takes it a second longer because it copies the config store per group."""
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        options = OmegaConf.to_yaml(_compose(name, []))
    lines = [about.strip(), ""]
    if groups := groups_of(name):
        lines.append("Groups (group=choice):")
        lines += [f"  {group}: {', '.join(choices_of(name, schema, group))}" for group in groups]
        lines.append("")
    lines += ["Options (option=value, inner.option=value; -m sweeps, --cfg job prints the config):", "", options]
    lines.append("docs/config.md says what each option means. Hydra's own flags: --hydra-help")
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # head, or a pager that was closed, has read enough; nor may the exit write the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_bad_overrides(name: str, schema: type[Any], arguments: list[str]) -> None:
    """Check the overrides against the config before Hydra does, to answer a typo with what was meant."""
    flags = [argument for argument in arguments if argument.startswith("-")]
    if any(flag not in ("-m", "--multirun") for flag in flags):
        return
    texts = [argument for argument in arguments if not argument.startswith("-")]
    try:
        overrides = OverridesParser.create().parse_overrides(texts)
    except HydraException as error:
        fail(f"{_first_line(error)}; an override is written option=value")
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        _check_groups(name, schema, overrides)
        groups = [text for text, override in zip(texts, overrides, strict=True) if _is_group(override)]
        known = list(_dotted(_compose(name, groups)))
        for override in overrides:
            if not _is_group(override) and not _is_known(override, known):
                fail(f"there is no option {override.key_or_group}{did_you_mean(override.key_or_group, known)}")
        chosen = [_first_choice(override) for override in overrides]
        _compose(name, chosen)
    length = len(",".join(chosen))
    if flags and length > _LONGEST_NAME:
        fail(
            f"a sweep's folders are named after their options, and these make {length} characters, of which "
            f"{_LONGEST_NAME} are the most; put what does not vary into a file in conf/experiment"
        )


def _compose(name: str, overrides: list[str]) -> DictConfig:
    try:
        config = hydra.compose(name, [o for o in overrides if not o.startswith(("hydra.", "hydra/"))])
        OmegaConf.to_object(config)
        return config
    except UserError as error:
        fail(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        cause = error.__cause__ or error
        key = getattr(cause, "full_key", None)
        if composing := _COMPOSING.match(str(error)):
            group, choice, missing = composing.groups()
            fail(f"{group}={choice} sets {missing}, which the other groups chosen do not have; leave one of them out")
        fail(plain(key, _first_line(cause)) if key else _first_line(cause))


def _check_groups(name: str, schema: type[Any], overrides: list[Override]) -> None:
    for override in overrides:
        if not _is_group(override) or override.value() is None or override.is_sweep_override():
            continue
        value = override.value()
        chosen = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        for each in chosen:
            if said := refusal(name, schema, override.key_or_group, each):
                fail(said)
            if chosen.count(each) > 1:
                fail(f"{override.key_or_group} names {each} {chosen.count(each)} times; once is enough")


def _as_list(argument: str) -> str:
    """``arm=a,b``: a comparison has several arms, where Hydra would take the comma for two runs."""
    return re.sub(r"^arm=([\w-]+(?:,[\w-]+)+)$", r"arm=[\1]", argument)


def _is_group(override: Override) -> bool:
    return (CONF / override.key_or_group).is_dir()


def _is_known(override: Override, known: list[str]) -> bool:
    key = override.key_or_group
    is_new_entry = override.is_add() and key.rpartition(".")[0] in known  # as +arms.NAME=...: what is none, Hydra tells
    return key.startswith(("hydra.", "hydra/")) or override.is_delete() or key in known or is_new_entry


def _first_choice(override: Override) -> str:
    if override.is_sweep_override():
        return f"{override.key_or_group}={next(iter(override.sweep_string_iterator()))}"
    return str(override.input_line)


def _dotted(config: Any, prefix: str = "") -> Iterator[str]:
    """Every option of a config, inner nodes and list places included."""
    if OmegaConf.is_dict(config):
        places = [(str(key), config._get_node(key)) for key in config]
    elif OmegaConf.is_list(config):
        places = [(str(index), config._get_node(index)) for index in range(len(config))]
    else:
        return
    for key, value in places:
        name = f"{prefix}{key}"
        yield name
        if value is not None and not value._is_none() and not value._is_missing():
            yield from _dotted(value, f"{name}.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
