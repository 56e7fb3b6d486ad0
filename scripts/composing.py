"""What a command line stands for, without running it: its options composed and checked as its program would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import hydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from recipes.programs import PROGRAMS, imported
from scripts.choices import CONF
from scripts.launch import register
from tasks.errors import UserError


def composed(program: str, overrides: Sequence[str]) -> Any:
    """The program's options; None for one without a schema. UserError for overrides that it does not have, or that
    cannot work.
    """
    known = PROGRAMS[program]
    if not known.schema:
        return None
    schema = imported(known.schema)
    register(program, schema)
    try:
        with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
            config = OmegaConf.to_object(hydra.compose(program, list(overrides)))
    except (HydraException, OmegaConfBaseException) as error:
        said = str(error.__cause__ or error).strip().splitlines()
        raise UserError(f"scripts.{program} cannot take these options: {said[0] if said else error!r}") from error
    if known.check:
        imported(known.check)(config)
    return config
