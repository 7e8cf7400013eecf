"""Train one network on the penguins and write its weights, its scores and its learning curve."""

import argparse
import csv
import json
from pathlib import Path

import numpy as np
from network import Adam, Network
from penguins import MEASUREMENTS, SPECIES, Split, load, split

BATCH = 32


def train(network: Network, data: Split, epochs: int, learning_rate: float, rng: np.random.Generator) -> list[tuple[int, float, float]]:
    """Train in place; return (epoch, training loss, test loss) before the first epoch and after each."""
    adam = Adam(learning_rate)
    history = []
    for epoch in range(epochs + 1):
        if epoch:
            order = rng.permutation(len(data.y_train))
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                adam.update(network.parameters, network.gradients(data.x_train[batch], data.y_train[batch]))
        history.append((epoch, network.loss(data.x_train, data.y_train), network.loss(data.x_test, data.y_test)))
    return history


def scores(network: Network, data: Split) -> dict[str, object]:
    """Return what the paper quotes: sizes, accuracy on birds never seen, and the confusion matrix (rows: true species)."""
    predicted = network.probabilities(data.x_test).argmax(axis=1)
    confusion = np.zeros((len(SPECIES), len(SPECIES)), dtype=int)
    np.add.at(confusion, (data.y_test, predicted), 1)
    return {
        "train_birds": len(data.y_train),
        "test_birds": len(data.y_test),
        "weight_count": sum(p.size for p in network.parameters),
        "accuracy": float((predicted == data.y_test).mean()),
        "majority": float(np.bincount(data.y_test).max() / len(data.y_test)),
        "test_loss": network.loss(data.x_test, data.y_test),
        "confusion": confusion.tolist(),
    }


def main() -> None:
    """Read the command line, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=16, help="hidden units; 0 for a linear model")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the initial weights and the order of the birds")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--data", default="data/penguins.csv")
    parser.add_argument("--out", default="build/train/hidden-16/seed-0", help="folder for weights.npz, metrics.json and history.csv")
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    data = split(*load(options.data), options.test_share, rng)
    network = Network.create(len(MEASUREMENTS), options.hidden, len(SPECIES), rng)
    history = train(network, data, options.epochs, options.learning_rate, rng)

    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    np.savez(out / "weights.npz", *network.parameters)
    (out / "metrics.json").write_text(json.dumps(scores(network, data), indent=2) + "\n", encoding="utf-8")
    with open(out / "history.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["epoch", "training", "held_out"])
        writer.writerows(history)


if __name__ == "__main__":
    main()
