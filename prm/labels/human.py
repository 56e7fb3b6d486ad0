"""Labels that people gave: rows of a public data set, as its reader gives them (``tasks.readers.formats``).

PRM800K (Lightman et al. 2023, arXiv 2305.20050) rates steps -1, 0 and 1; other formats are read the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution


def human_labels(path: Path, form: str, count: int | None = None) -> Iterator[LabelledSolution]:
    """The first ``count`` labelled solutions of a file (None: all), each with its provenance.

    Raises UserError for an unknown format, DataError (file and line) for a row that breaks it.
    """
    for number, one in enumerate(islice(read_labelled(path, form), count)):
        about = {"method": "human", "source": f"{path.name}#{number}", "format": form, "cost": {}}
        yield replace(one, meta={**one.meta, **about})
