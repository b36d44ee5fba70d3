"""The review, once its configuration is composed: the page, or the file that it ends with."""

from __future__ import annotations

from omegaconf import DictConfig

from contrastmask.errors import ConfigError
from contrastmask.programs.review_config import typed
from contrastmask.review.finish import finish_alone, told


def review(cfg: DictConfig) -> None:
    """Serve the page until a signal ends it, or with ``finish=true`` write the reviewed file.

    Raises:
        ConfigError: a setting makes no sense, or what the page needs is not installed.
        DataError: the file cannot be used, or another process has this review.
    """
    config = typed(cfg)
    options = config.options
    if config.finish:
        print(told(finish_alone(options), options.target), flush=True)
        return
    try:
        from contrastmask.review.serve import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("starlette", "uvicorn", "anyio", "h11"):
            raise
        raise ConfigError(
            f"the page needs {error.name}, which is not installed: pip install 'contrastmask[review]'"
        ) from error
    serve(options, config.port, config.browser, lambda line: print(line, flush=True))
