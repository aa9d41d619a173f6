"""Every command of a runbook does what the runbook says."""

from pathlib import Path

import pytest
from support.doc_examples import pages, run_examples_of
from support.house import ROOT


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=str(page.relative_to(ROOT)))
        for page in pages()
        if page.parent.name == "runbooks"
    ],
)
def test_the_commands_of_a_runbook_work(page: Path, tmp_path: Path) -> None:
    run_examples_of(page, folder=tmp_path)
