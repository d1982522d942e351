"""The collector's doors: http, tcp and Beats, each receiving events for one pipeline."""
