"""The pages agree with each other and with the configuration."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from contrastmask.__main__ import COMMANDS
from contrastmask.errors import ConfigError
from contrastmask.programs import (
    audit_config,
    config,
    export_config,
    model_export_config,
    predict_config,
    review_config,
)
from contrastmask.programs.key_names import refuse_unknown
from contrastmask.programs.option_words import file_first
from contrastmask.study.plan import load_table
from tests.composing import CONF, composed

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CHOICE = re.compile(r"(?<![\w.])([a-z_]+)=(\w[\w/]*)")
SETTING = re.compile(r"(?<![\w./~+])([a-z_]+(?:\.[a-z_]+)+)=")

TYPED = {
    "train": config.typed,
    "test": config.typed,
    "predict": predict_config.typed,
    "review": review_config.typed,
    "export": model_export_config.typed,
    "export_annotations": export_config.typed,
    "audit": audit_config.typed,
}


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


def test_the_training_page_lists_every_choice() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", (ROOT / "docs" / "training.md").read_text(), re.MULTILINE))
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"study", "hydra"}
    assert groups - set(rows) == set()
    for group in groups:
        assert set(re.findall(r"`(\w+)`", rows[group])) == {path.stem for path in (CONF / group).glob("*.yaml")}, group


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


def commands_of(page: Path) -> list[list[str]]:
    """The words of every command in the page's blocks of shell; ``…``, which stands for more of them, is one."""
    lines = []
    for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            lines += re.split(r"&&|;(?=\s)", line)
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def program_of(words: list[str]) -> tuple[str, list[str]] | None:
    """Name and arguments of what a command starts, where it is one of ours."""
    while words and ("=" in words[0] or words[0] in ("torchrun", "srun") or words[0].startswith("--")):
        words = words[1:]  # of the environment, and launchers with their options
    if words[:1] == ["python"]:
        words = words[1:]
    if words[:2] == ["-m", "contrastmask"]:
        return words[2], words[3:]
    if words[:1] == ["-m"]:
        return words[1], words[2:]
    if words[:1] == ["…"]:  # goes on with the command before it
        return "predict", words
    name = words[0].removesuffix(".py")
    if words[0] == "contrastmask":
        return words[1], words[2:]
    return (name, words[1:]) if name != words[0] else None


SHELL = [page for page in PAGES if "```sh" in page.read_text()]


@pytest.mark.parametrize("page", SHELL, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_can_be_composed(page: Path, configurations: list[DictConfig]) -> None:
    """Every program that is started exists; Hydra's take the words, sweeps word by word, and their values."""
    for command in commands_of(page):
        program, words = program_of(command) or ("", [])
        if program in ("", "pytest"):
            continue
        assert find_spec(program) if "." in program else program in COMMANDS, command
        program = program.removeprefix("contrastmask.").replace("-", "_")
        if program == "study":
            assert load_table(dict(word.split("=") for word in words[1:])["table"])
        if program not in TYPED and program != "check":
            continue
        whole = not any("…" in word for word in words)
        words = [word for word in words if "…" not in word and word != "-m" and not word.startswith("hydra/")]
        if program not in ("train", "test", "check", "predict", "export"):
            words = file_first(words, "data.annotations")
        jobs = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(words), max_batch_size=None)
        for job in jobs[0]:
            try:
                cfg = composed(*job, program="train" if program == "check" else program)
                refuse_unknown(cfg)
                if whole:
                    TYPED["train" if program == "check" else program](cfg)
            except ConfigError as error:
                pytest.fail(f"{page.name}: {' '.join(command)}: {error}")


def test_the_readme_is_short_and_every_page_is_in_the_index() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 160
    index = (ROOT / "docs" / "README.md").read_text()
    assert all(page.name in index for page in (ROOT / "docs").glob("*.md") if page.name != "README.md")
