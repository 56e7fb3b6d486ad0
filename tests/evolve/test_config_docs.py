from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

import pytest

from evolve.config_docs import comments_of, config_markdown, further_markdown
from evolve.label_config import LabelConfig
from evolve.prm_config_docs import prm_markdown
from evolve.probe_prm_config import ProbePrmConfig
from evolve.train_prm_config import TrainPrmConfig
from tasks.options import Option

ROOT = Path(__file__).resolve().parents[2]
PAGE = config_markdown(ROOT / "conf")


class Colour(Option):
    """A colour."""

    RED = "red"  # like a brick
    BLUE = "blue"


@dataclass
class Base:
    """What they share."""

    size: int = 1  # in metres


@dataclass
class Derived(Base):
    """One of them."""

    first: int = 1  # of all
    # above a field that has none behind it,
    # on two lines
    plain: int = 2
    wrapped: list[int] = field(default_factory=list)  # begun behind the field
    # and ended below it
    last: str = "# no comment"  # at the end

    def method(self):
        return None  # not an option


def test_the_page_is_up_to_date():
    assert (ROOT / "docs/config.md").read_text() == PAGE, "docs/config.md is stale: run make docs"


def test_the_page_of_process_models_is_up_to_date_and_tells_every_option():
    page = prm_markdown()
    assert (ROOT / "docs/config_prm.md").read_text() == page, "docs/config_prm.md is stale: run make docs"
    for name, config in {"label": LabelConfig, "train_prm": TrainPrmConfig, "probe_prm": ProbePrmConfig}.items():
        (own,) = [part for part in page.split("\n## ") if part.startswith(f"`scripts.{name}`\n")]
        assert [each.name for each in fields(config()) if not is_dataclass(getattr(config(), each.name))] == [
            line.split("`")[1] for line in own.splitlines() if line.startswith("| `")
        ]
    assert "| `attack.search.width` |" in page


def test_comments_are_read_from_behind_the_fields():
    assert comments_of(Derived) == {
        "size": "in metres", "first": "of all", "plain": "above a field that has none behind it, on two lines",
        "wrapped": "begun behind the field and ended below it", "last": "at the end",
    }  # fmt: skip
    assert comments_of(Colour) == {"RED": "like a brick", "BLUE": ""}


def test_an_option_without_a_description_is_refused():
    @dataclass
    class Bare:
        """One."""

        told: int = 1  # of all
        untold: int = 2

    with pytest.raises(ValueError, match=r"Bare\.untold needs a comment"):
        further_markdown("", Bare())


def test_options_stand_under_their_dotted_names_with_their_own_defaults():
    rows = {line.split("|")[1].strip(" `"): line.split("|") for line in PAGE.splitlines() if line.startswith("| `")}
    assert rows["search.rollouts"][3].strip() == "`16`"
    assert rows["evaluation.search.rollouts"][3].strip() == "`8`"
    assert rows["policy.cold_start.optimiser.learning_rate"][3].strip() == "`0.002`"
    assert rows["search.rule"][2].strip() == "`uct`, `puct`, `rstar_released`"
    assert rows["search.first_play"][2].strip() == "number or null"
    assert "schedule.N.mode" in rows
    assert all(f"## task={name}\n" in PAGE for name in ("chain", "gsm8k", "jsonl"))


def test_every_choice_of_a_group_is_listed():
    chosen = [
        path for path in (ROOT / "conf").glob("*/*.yaml") if path.parent.name != "recipe"
    ]  # a recipe is no choice
    for path in chosen:
        assert f"`{path.parent.name}={path.stem}`" in PAGE
