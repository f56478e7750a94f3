"use strict";
// Starts what the page holds.

drawFigures();
for (const event of [dark, narrow]) event.addEventListener("change", redraw);
document.documentElement.dataset.ready = "true";
