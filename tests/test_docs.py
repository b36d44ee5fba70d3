"""The pages agree with each other and with the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from omegaconf import DictConfig

from contrastmask.programs import audit_config, export_config, model_export_config, predict_config, review_config
from tests.composing import CONF, composed

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CHOICE = re.compile(r"(?<![\w.])([a-z_]+)=(\w[\w/]*)")
SETTING = re.compile(r"(?<![\w./~+])([a-z_]+(?:\.[a-z_]+)+)=")


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        other = (page.parent / name).resolve() if name else page
        assert other.exists(), (page.name, target)
        assert not anchor or anchor in anchors(other), (page.name, target)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_choices_exist(page: Path) -> None:
    for group, choice in CHOICE.findall(page.read_text()):
        folder = CONF / group
        if folder.is_dir() and group not in ("study", "hydra"):
            # `experiment=paper_…` stands for several
            assert list(folder.glob(f"{choice}*.yaml" if choice.endswith("_") else f"{choice}.yaml")), (
                page.name,
                choice,
            )


@pytest.fixture(scope="module")
def configurations() -> list[DictConfig]:
    """Of every program; of training also those with choices that have settings of their own."""
    for program in (predict_config, review_config, export_config, model_export_config, audit_config):
        program.register()
    programs = [composed(program=name) for name in ("predict", "review", "export_annotations", "export", "audit")]
    return [composed(), composed("data=shapes"), composed("mask_branch=crop"), *programs]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_settings_exist(page: Path, configurations: list[DictConfig]) -> None:
    for name in sorted(set(SETTING.findall(page.read_text()))):
        if not name.startswith(("hydra.", "torch.")):
            assert any(exists(cfg, name) for cfg in configurations), (page.name, name)


def exists(cfg: DictConfig, name: str) -> bool:
    node = cfg
    for key in name.split("."):
        if not isinstance(node, DictConfig) or key not in node:
            return False
        node = node._get_node(key)
    return True


def test_the_readme_is_short_and_every_page_is_in_the_index() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160
    index = (ROOT / "docs" / "README.md").read_text()
    assert all(page.name in index for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")
