"use strict";
// Starts what the page holds.

drawFigures();
for (const holder of document.querySelectorAll(".scroll")) tellWide(holder);
for (const event of [dark, narrow]) event.addEventListener("change", redraw);
document.documentElement.dataset.ready = "true";
