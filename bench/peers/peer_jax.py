"""JAX's worker of bench/peers/frameworks.py: peer_jax.py THREADS."""
import functools
import os
import sys

os.environ["JAX_PLATFORMS"] = "cpu"
if sys.argv[1:] == ["1"]:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import jaxlib  # noqa: E402
import numpy  # noqa: E402

import peer_common as common  # noqa: E402

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid}


def initial_weights(network, shape):
    """[(weights, biases)] of the layers that have them, Glorot's; images are height, width, channel."""
    generator = numpy.random.default_rng(1)
    weights = []
    for kind, *numbers in common.layers_of(network):
        if kind == "dense":
            of = (int(numpy.prod(shape)), numbers[0])
            fans, shape = sum(of), (numbers[0],)
        elif kind == "conv":
            window, filters, pad = numbers
            of = (window, window, shape[2], filters)
            fans = window * window * (shape[2] + filters)
            shape = (*(n + 2 * pad - window + 1 for n in shape[:2]), filters)
        else:
            if kind.endswith("pool"):
                shape = (shape[0] // numbers[0], shape[1] // numbers[0], shape[2])
            continue
        edge = (6 / fans) ** 0.5
        weights.append((generator.uniform(-edge, edge, of).astype(numpy.float32),
                        numpy.zeros(of[-1], numpy.float32)))
    return weights


def forward(network, parameters, x, key):
    parameters = iter(parameters)
    for number, (kind, *numbers) in enumerate(common.layers_of(network)):
        if kind == "dense":
            w, b = next(parameters)
            x = x.reshape(x.shape[0], -1) @ w + b
        elif kind == "conv":
            w, b = next(parameters)
            x = b + jax.lax.conv_general_dilated(x, w, (1, 1), [(numbers[2], numbers[2])] * 2,
                                                 dimension_numbers=("NHWC", "HWIO", "NHWC"))
        elif kind.endswith("pool"):
            window = (1, numbers[0], numbers[0], 1)
            first, add = (-jnp.inf, jax.lax.max) if kind == "maxpool" else (0.0, jax.lax.add)
            x = jax.lax.reduce_window(x, first, add, window, window, "VALID")
            x = x if kind == "maxpool" else x / numbers[0] ** 2
        elif kind == "dropout":
            keep = 1 - numbers[0]
            mask = jax.random.bernoulli(jax.random.fold_in(key, number), keep, x.shape)
            x = jnp.where(mask, x / keep, 0)
        else:
            x = ACTIVATIONS[kind](x)
    return x


def update(text):
    """How many numbers an optimizer keeps for a parameter; and (w, g, kept, step) -> (w, kept)."""
    name, v = common.optimizer_of(text)
    lr, rho, eps = v["lr"], v.get("rho"), v.get("eps")

    def sgd(w, g, kept, t):
        return w - lr * g, ()

    def momentum(w, g, kept, t):
        m = v["mu"] * kept[0] + g
        return w - lr * m, (m,)

    def rmsprop(w, g, kept, t):
        s = rho * kept[0] + (1 - rho) * g * g
        return w - lr * g / (jnp.sqrt(s) + eps), (s,)

    def adadelta(w, g, kept, t):
        s = rho * kept[0] + (1 - rho) * g * g
        d = jnp.sqrt(kept[1] + eps) / jnp.sqrt(s + eps) * g
        return w - lr * d, (s, rho * kept[1] + (1 - rho) * d * d)

    def adam(w, g, kept, t):
        a, b = v["beta1"], v["beta2"]
        m, s = a * kept[0] + (1 - a) * g, b * kept[1] + (1 - b) * g * g
        return w - lr * (m / (1 - a**t)) / (jnp.sqrt(s / (1 - b**t)) + eps), (m, s)

    return {"sgd": (0, sgd), "momentum": (1, momentum), "rmsprop": (1, rmsprop),
            "adadelta": (2, adadelta), "adam": (2, adam)}[name]


class Case:
    def __init__(self, network, example, optimizer, switches):
        self.weights = initial_weights(network, example.shape[1:])
        self.parameters = sum(p.size for p in jax.tree_util.tree_leaves(self.weights))
        self.slots, rule = update(optimizer)
        key = jax.random.key(1, impl="rbg" if "rbg" in switches else None)

        def loss_of(parameters, x, y, t):
            logits = forward(network, parameters, x, jax.random.fold_in(key, t))
            picked = jnp.take_along_axis(logits, y[:, None], 1)[:, 0]
            return jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked)

        @functools.partial(jax.jit, donate_argnums=0)
        def step(state, x, y):
            parameters, kept, t = state
            loss, gradients = jax.value_and_grad(loss_of)(parameters, x, y, t)
            leaves, tree = jax.tree_util.tree_flatten(parameters)
            new = [rule(w, g, k, t + 1.0) for w, g, k in
                   zip(leaves, jax.tree_util.tree_leaves(gradients), kept)]
            return (tree.unflatten([w for w, _ in new]), [k for _, k in new], t + 1), loss

        self.step = step

    def reset(self):
        leaves = jax.tree_util.tree_leaves(self.weights)
        kept = [tuple(jnp.zeros(w.shape) for _ in range(self.slots)) for w in leaves]
        self.state = jax.tree_util.tree_map(jnp.array, self.weights), kept, jnp.int32(0)

    def steps(self, batches):
        for x, y in batches:
            self.state, loss = self.step(self.state, x, y)
        jax.block_until_ready(self.state)
        return loss


class Peer:
    plain = "jit"

    def __init__(self, threads):
        self.about = {"framework": "JAX", "version": jax.__version__, "threads": threads,
                      "configuration": f"jaxlib {jaxlib.__version__}, "
                                       f"XLA_FLAGS {os.environ.get('XLA_FLAGS', 'not set')}"}

    def switches(self, network):
        return ["rbg"] if common.has_dropout(network) else []

    def batches(self, network, batch, switches):
        return _batches(common.is_convolutional(network), batch)

    def build(self, network, batch, optimizer, switches):
        return Case(network, self.batches(network, batch, switches)[0][0], optimizer, switches)


@functools.lru_cache(maxsize=2)
def _batches(images, batch):
    x, y = common.synthetic((28, 28, 1) if images else (784,))
    starts = range(0, common.IMAGES // batch * batch, batch)
    return [(jnp.asarray(x[i:i + batch]), jnp.asarray(y[i:i + batch])) for i in starts]


if __name__ == "__main__":
    sys.exit(common.serve(Peer))
