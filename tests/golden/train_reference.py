#!/usr/bin/env python3
"""Ten training steps in PyTorch (float64), kept as a few numbers in train_reference.txt: what
tests/nn/test_golden.c holds flopstep's own steps against.

Run by hand, with Debian's python3-torch, when a case is added or changed:
    /usr/bin/python3 tests/golden/train_reference.py > tests/golden/train_reference.txt

Weights, images and labels come from a formula that both sides compute, in units(stream, index):
with 64-bit unsigned arithmetic, wrapping,
    x = (stream << 40) + index + 1;  x *= 0x9E3779B97F4A7C15;  x ^= x >> 32
    x *= 0xD6E8FEB86659FD93;  x ^= x >> 32;  unit = (x >> 11) * 2^-53
  tensor t (0, 1: weights and biases of the first layer that has them, 2, 3: of the next …), element
  j in flopstep's layout (dense [in][out], filters [ky][kx][channel][filter]):
    (2 units(t, j) - 1) * limit,  limit = sqrt(6 / (fan_in + fan_out)) for weights, 0.1 for biases
  pixel j of all images (NHWC, image after image): floor(256 units(1000, j)) / 255
  label of image i: floor(10 units(1001, i))
Step s trains on images s B to (s + 1) B - 1. Lines of the file:
    case NAME                         the network and optimizer are in both sources
    loss STEP VALUE                   before the update of that step
    tensor T NORM CHANGE P0 … P7      after ten steps: Frobenius norm, norm of w - w_start, and
                                      projections sum_j w_j (2 units(2000 + k, j) - 1), k = 0 … 7
    samples T J VALUE …               single elements
"""
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

STEPS, PROJECTIONS, SAMPLES = 10, 8, 5


def units(stream, count):
    with np.errstate(over="ignore"):
        x = (np.uint64(stream) << np.uint64(40)) + np.arange(1, count + 1, dtype=np.uint64)
        x *= np.uint64(0x9E3779B97F4A7C15)
        x ^= x >> np.uint64(32)
        x *= np.uint64(0xD6E8FEB86659FD93)
        x ^= x >> np.uint64(32)
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53


class Layers:
    """Parameters in flopstep's layout; each operation makes its own."""

    def __init__(self):
        self.parameters, self.at, self.fixed = [], 0, False

    def take(self, shape, limit):
        if not self.fixed:
            values = (2 * units(len(self.parameters), math.prod(shape)) - 1) * limit
            self.parameters.append(torch.from_numpy(values.reshape(shape)).requires_grad_())
        self.at += 1
        return self.parameters[self.at - 1]

    def dense(self, x, out):
        x = x.flatten(1) if x.dim() == 2 else x.permute(0, 2, 3, 1).flatten(1)  # NHWC order
        n = x.shape[1]
        return x @ self.take((n, out), math.sqrt(6 / (n + out))) + self.take((out,), 0.1)

    def conv(self, x, kernel, filters, padding=0):
        c, area = x.shape[1], kernel * kernel
        w = self.take((kernel, kernel, c, filters), math.sqrt(6 / (area * c + area * filters)))
        return F.conv2d(x, w.permute(3, 2, 0, 1), self.take((filters,), 0.1), padding=padding)


def mlp5(n, x):
    for units_of in (200, 100, 60, 30):
        x = torch.relu(n.dense(x, units_of))
    return n.dense(x, 10)


def cnn(n, x):
    x = torch.relu(n.conv(x, 3, 32))
    x = torch.relu(n.conv(x, 3, 32))
    x = F.max_pool2d(x, 2)
    return n.dense(torch.relu(n.dense(x, 256)), 10)


def lenet5(n, x):
    x = F.avg_pool2d(torch.tanh(n.conv(x, 5, 6, padding=2)), 2)
    x = F.avg_pool2d(torch.tanh(n.conv(x, 5, 16)), 2)
    for units_of in (120, 84):
        x = torch.tanh(n.dense(x, units_of))
    return n.dense(x, 10)


def small(n, x):
    return n.dense(torch.tanh(n.dense(x, 20)), 10)


class Nadam(torch.optim.Optimizer):
    """Dozat 2016, algorithm 2, with its schedule of the momentum. PyTorch's own (NAdam of 1.13)
    multiplies the product of momenta by the current one twice."""

    def __init__(self, parameters, lr, betas, eps, momentum_decay):
        super().__init__(parameters, {})
        self.lr, self.betas, self.eps, self.decay = lr, betas, eps, momentum_decay
        self.t, self.product = 0, 1.0

    def momentum(self, t):
        return self.betas[0] * (1 - 0.5 * 0.96 ** (t * self.decay))

    @torch.no_grad()
    def step(self):
        self.t += 1
        now, following = self.momentum(self.t), self.momentum(self.t + 1)
        self.product *= now
        for p in self.param_groups[0]["params"]:
            m, s = self.state[p].get("means", (torch.zeros_like(p), torch.zeros_like(p)))
            m = self.betas[0] * m + (1 - self.betas[0]) * p.grad
            s = self.betas[1] * s + (1 - self.betas[1]) * p.grad**2
            self.state[p]["means"] = m, s
            m_hat = following * m / (1 - self.product * following)
            g_hat = (1 - now) * p.grad / (1 - self.product)
            s_hat = s / (1 - self.betas[1] ** self.t)
            p -= self.lr * (m_hat + g_hat) / (s_hat.sqrt() + self.eps)


O = torch.optim
# name, network, images in a step, optimizer; test_golden.c has the same rows
CASES = [
    ("mlp5-rmsprop", mlp5, 16, lambda p: O.RMSprop(p, lr=0.001, alpha=0.9, eps=1e-5)),
    ("cnn-adadelta", cnn, 4, lambda p: O.Adadelta(p, lr=1, rho=0.95, eps=1e-6)),
    ("lenet5-momentum", lenet5, 8, lambda p: O.SGD(p, lr=0.05, momentum=0.9)),
    ("small-sgd", small, 16, lambda p: O.SGD(p, lr=0.3)),
    ("small-momentum", small, 16, lambda p: O.SGD(p, lr=0.1, momentum=0.8)),
    ("small-nesterov", small, 16, lambda p: O.SGD(p, lr=0.1, momentum=0.8, nesterov=True)),
    ("small-rmsprop", small, 16, lambda p: O.RMSprop(p, lr=0.002, alpha=0.8, eps=1e-4)),
    ("small-adadelta", small, 16, lambda p: O.Adadelta(p, lr=1, rho=0.9, eps=1e-5)),
    ("small-adam", small, 16, lambda p: O.Adam(p, lr=0.003, betas=(0.8, 0.99), eps=1e-5)),
    ("small-nadam", small, 16,
     lambda p: Nadam(p, lr=0.003, betas=(0.8, 0.99), eps=1e-5, momentum_decay=0.004)),
]


def run(name, network, batch, make_optimizer):
    count = STEPS * batch
    pixels = np.floor(256 * units(1000, count * 784)) / 255
    images = torch.from_numpy(pixels.reshape(count, 28, 28, 1)).permute(0, 3, 1, 2)
    labels = torch.from_numpy(np.floor(10 * units(1001, count)).astype(np.int64))
    layers = Layers()
    with torch.no_grad():
        network(layers, images[:1])
    layers.fixed = True
    start = [p.detach().clone() for p in layers.parameters]
    optimizer = make_optimizer(layers.parameters)
    print(f"case {name}")
    for step in range(STEPS):
        layers.at = 0
        rows = slice(step * batch, (step + 1) * batch)
        loss = F.cross_entropy(network(layers, images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"loss {step} {loss.item():.17g}")
    for t, (p, before) in enumerate(zip(layers.parameters, start)):
        w = p.detach().flatten().numpy()
        change = np.linalg.norm(w - before.flatten().numpy())
        told = [w @ (2 * units(2000 + k, w.size) - 1) for k in range(PROJECTIONS)]
        print(f"tensor {t} {np.linalg.norm(w):.17g} {change:.17g}", *(f"{v:.17g}" for v in told))
        places = np.floor(units(3000 + t, SAMPLES) * w.size).astype(int)
        print(f"samples {t}", *(f"{j} {w[j]:.17g}" for j in places))


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"# PyTorch {torch.__version__}; made by train_reference.py, which says what is what")
    for case in CASES:
        run(*case)
        print(case[0], file=sys.stderr)
