"""The page on evaluation and the code have one table of rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from contrastmask.evaluation.rules import RULES, Rule

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_page_has_every_rule(rule: Rule) -> None:
    does = "the same" if rule.runs else "stops, or takes it otherwise"
    assert f"| {rule.text} | {' and '.join(rule.kinds)} | {rule.outcome} | {does} |" in PAGE
