"""Draws a curve, and writes a small and a wide table."""

import json
from pathlib import Path

cells = [json.loads(Path(f"out/scores-{seed}.json").read_text()) for seed in (0, 1)]
points = " ".join(f"{10 + 40 * n},{90 - 80 * cell['accuracy']:.1f}" for n, cell in enumerate(cells))
Path("figures/curve.svg").write_text(
    '<svg xmlns="http://www.w3.org/2000/svg" width="360" height="180" viewBox="0 0 120 60">'
    '<path d="M8 4v48h104" fill="none" stroke="#333"/>'
    f'<polyline points="{points} 110,6" fill="none" stroke="#16407a" stroke-width="2"/></svg>'
)
rows = [f"seed {n},{cell['accuracy']},{cell['loss']},{cell['birds']}" for n, cell in enumerate(cells)]
Path("out/small.csv").write_text("\n".join(["model,acc,loss,birds", *rows, "other,,,7"]) + "\n")
names = [f"measurement{n}" for n in range(16)]
Path("out/wide.csv").write_text(
    ",".join(["model", *names]) + "\n" + "\n".join(",".join([f"m{r}", *["0.12345"] * 16]) for r in range(3)) + "\n"
)
