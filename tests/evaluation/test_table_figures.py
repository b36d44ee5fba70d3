"""Tables for the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from contrastmask.data.records import Records
from contrastmask.evaluation.given_boxes import given_box_scores
from contrastmask.evaluation.slices import METRICS, evaluate
from contrastmask.evaluation.tables import format_tables
from contrastmask.evaluation.truth import Truth
from tests.evaluation.tiny_detections import SPLIT, perfect, shaken


def test_tables_show_the_figures(records: Records, truth: Truth) -> None:
    shown = shaken(records)[:2]
    results = evaluate(truth, shown, SPLIT, image_ids=[p["image_id"] for p in shown])
    results["given_boxes"] = given_box_scores(records, perfect(records), SPLIT)
    console = Console(width=80, file=io.StringIO())
    for table in format_tables(results):
        console.print(table)
    text = console.file.getvalue()
    assert "2 images of 12" in text
    assert f"{results['mask']['novel']['AP']:.1f}" in text
    assert all(metric in text for metric in METRICS)
    assert "…" not in text
    assert "None" not in text
