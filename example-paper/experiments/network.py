"""The architecture: a multilayer perceptron with its gradient by hand, and Adam.

With no hidden units the network is multinomial logistic regression, which makes the two comparable line by line.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Network:
    """Weights and biases, alternating, from the input layer to the output layer."""

    parameters: list[Array]

    @classmethod
    def create(cls, inputs: int, hidden: int, outputs: int, rng: np.random.Generator) -> "Network":
        """Return a network with one hidden layer of tanh units (none if `hidden` is 0), initialised after Glorot and Bengio (2010)."""
        sizes = [inputs, hidden, outputs] if hidden else [inputs, outputs]
        parameters: list[Array] = []
        for fan_in, fan_out in pairwise(sizes):
            limit = np.sqrt(6 / (fan_in + fan_out))
            parameters += [rng.uniform(-limit, limit, (fan_in, fan_out)), np.zeros(fan_out)]
        return cls(parameters)

    def activations(self, x: Array) -> list[Array]:
        """Return the values of every layer for a batch of shape (n, inputs); the last are class probabilities."""
        layers = [x]
        last = len(self.parameters) - 2
        for i in range(0, len(self.parameters), 2):
            z = layers[-1] @ self.parameters[i] + self.parameters[i + 1]
            layers.append(softmax(z) if i == last else np.tanh(z))
        return layers

    def probabilities(self, x: Array) -> Array:
        """Return class probabilities, shape (n, outputs)."""
        return self.activations(x)[-1]

    def loss(self, x: Array, y: NDArray[np.int64]) -> float:
        """Return the mean cross-entropy in nats."""
        return float(-np.log(self.probabilities(x)[np.arange(len(y)), y]).mean())

    def gradients(self, x: Array, y: NDArray[np.int64]) -> list[Array]:
        """Return the gradient of `loss` with respect to each of `parameters`, by backpropagation."""
        layers = self.activations(x)
        delta = layers[-1].copy()
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        gradients: list[Array] = []
        for i in range(len(self.parameters) - 2, -1, -2):
            below = layers[i // 2]
            gradients = [below.T @ delta, delta.sum(axis=0), *gradients]
            delta = (delta @ self.parameters[i].T) * (1 - below**2)  # the derivative of tanh; unused at the input
        return gradients


@dataclass
class Adam:
    """The optimiser of Kingma and Ba (2015), with their constants."""

    learning_rate: float
    steps: int = 0
    mean: list[Array] = field(default_factory=list)
    square: list[Array] = field(default_factory=list)

    def update(self, parameters: list[Array], gradients: list[Array]) -> None:
        """Move the parameters, in place, one step against the gradients."""
        if not self.steps:
            self.mean = [np.zeros_like(p) for p in parameters]
            self.square = [np.zeros_like(p) for p in parameters]
        self.steps += 1
        rate = self.learning_rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for i, gradient in enumerate(gradients):
            self.mean[i] = 0.9 * self.mean[i] + 0.1 * gradient
            self.square[i] = 0.999 * self.square[i] + 0.001 * gradient**2
            parameters[i] -= rate * self.mean[i] / (np.sqrt(self.square[i]) + 1e-8)


def softmax(z: Array) -> Array:
    """Return the softmax of each row, shifted so that no exponential overflows."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))
