"""Measures something, the same for equal arguments."""

import argparse
import json
from pathlib import Path

words = argparse.ArgumentParser()
words.add_argument("--lr", type=float)
words.add_argument("--seed", type=int)
words.add_argument("--note")
given = words.parse_args()
scores = {"accuracy": 0.90 + given.seed / 50, "loss": 1.5e-7 * (given.seed + 1), "birds": 12345 + given.seed, "note": given.note}
Path(f"out/scores-{given.seed}.json").write_text(json.dumps(scores))
