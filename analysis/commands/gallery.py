"""gallery: the pictures and words of docs/gallery.md, made again from a run whose figures and report are there."""

import argparse
import contextlib
import io
import os
import shutil
from pathlib import Path

from analysis.commands import arguments, compare
from analysis.text import gallery
from results.whole import write_text

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WINDOW = {"width": 1280, "height": 1500}
NO_BROWSER = (
    "The picture of the report was not drawn again: no browser ({browsers}) is on PATH. `make test SUITE=report` "
    "installs Chromium."
)


def add(commands: arguments.Commands) -> None:
    command = commands.add_parser("gallery", help="write docs/gallery.md; its figures and the report are there")
    command.add_argument("run", metavar="RUN", help=arguments.RUN)
    command.add_argument("--page", type=Path, required=True, help="the report of the run, as `report` wrote it")
    command.add_argument(
        "--new", required=True, metavar="MODEL", help="the model that is compared with the others"
    )
    command.add_argument(
        "--markdown", type=Path, default=Path("docs/gallery.md"), help="the file with the gallery's marks"
    )


def run(options: argparse.Namespace) -> None:
    """Compare, put the gallery into the page, and take the report's picture where there is a browser."""
    root = arguments.run_folder(options.run)
    folder, home = root / "figures", options.markdown.resolve().parent
    lacking = [name for name in gallery.FIGURES if not (folder / f"{name}.png").exists()]
    if lacking:
        raise ValueError(f"{folder} has no {', '.join(lacking)}. Run `isoquant figures {options.run}` first.")
    words = compared(options.run, options.new)
    pictures = {f"{name}.png": caption for name, caption in gallery.FIGURES.items()} | {
        "report.png": gallery.REPORT
    }
    shown = {os.path.relpath((folder / name).resolve(), home): caption for name, caption in pictures.items()}
    command = f"isoquant compare {options.run} {options.run}:{options.new}"
    text = gallery.section(shown, command=command, comparison=words)
    print(write_text(options.markdown, gallery.replace(options.markdown.read_text(), text)))
    photograph(options.page, folder / "report.png")
    print(folder / "report.png")


def compared(name: str, model: str) -> str:
    """What `isoquant compare` prints of a model of a run against the others."""
    parser = argparse.ArgumentParser()
    compare.add(parser.add_subparsers())
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        compare.run(parser.parse_args(["compare", name, f"{name}:{model}"]))
    return printed.getvalue().strip()


def photograph(page: Path, out: Path) -> None:
    """The first screen of a page as PNG. Raises ValueError where there is no browser, or no page."""
    if not page.exists():
        raise ValueError(f"No report at {page}. Run `isoquant report` first.")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise ValueError(NO_BROWSER.format(browsers=", ".join(BROWSERS)))
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, headless=True, args=["--no-sandbox"])
        view = browser.new_page(viewport=WINDOW)
        view.goto(page.resolve().as_uri(), wait_until="load")
        # Plotly draws after the page has loaded.
        view.wait_for_timeout(2000)
        view.screenshot(path=out)
        browser.close()
