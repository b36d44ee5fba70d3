"""The report as one HTML text that loads nothing: the sections, laid out by the templates beside this file."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from contrastmask.report import sections
from contrastmask.report.columns import Column


def page(columns: Sequence[Column], title: str = "ContrastMask report") -> str:
    """The whole report of ``columns``; every text of a run is escaped, whatever it holds."""
    environment = Environment(
        loader=PackageLoader("contrastmask.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    charts, key, has_ap = sections.curves(columns)
    return environment.get_template("page.html").render(
        title=title,
        columns=columns,
        what=sections.what(columns),
        gaps=sections.gaps(columns),
        figures=sections.figures(columns),
        classes=sections.classes(columns),
        charts=charts,
        reliability=sections.reliability(columns),
        key=key,
        has_ap=has_ap,
        gallery=sections.gallery(columns),
        settings=sections.settings(columns),
    )
