"""One module a figure: draw(frame) -> Figure. The only room that knows matplotlib."""
