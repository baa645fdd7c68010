"""TensorFlow's worker of bench/peers/frameworks.py: peer_tensorflow.py THREADS."""
import functools
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy  # noqa: E402
import tensorflow as tf  # noqa: E402

import peer_common as common  # noqa: E402

keras = tf.keras


def layers_of(layer, flat):
    kind, *numbers = layer
    if kind == "dense":
        return ([] if flat else [keras.layers.Flatten()]) + [keras.layers.Dense(numbers[0])]
    if kind == "conv":
        return [keras.layers.Conv2D(numbers[1], numbers[0], padding="same" if numbers[2] else "valid")]
    if kind in ("maxpool", "avgpool"):
        pool = keras.layers.MaxPooling2D if kind == "maxpool" else keras.layers.AveragePooling2D
        return [pool(numbers[0])]
    if kind == "dropout":
        return [keras.layers.Dropout(numbers[0])]
    return [keras.layers.Activation(kind)]


def optimizer_of(text):
    name, v = common.optimizer_of(text)
    kinds = keras.optimizers
    return {
        "sgd": lambda: kinds.SGD(v["lr"]),
        "momentum": lambda: kinds.SGD(v["lr"], momentum=v["mu"]),
        "rmsprop": lambda: kinds.RMSprop(v["lr"], rho=v["rho"], epsilon=v["eps"]),
        "adadelta": lambda: kinds.Adadelta(v["lr"], rho=v["rho"], epsilon=v["eps"]),
        "adam": lambda: kinds.Adam(v["lr"], beta_1=v["beta1"], beta_2=v["beta2"], epsilon=v["eps"]),
    }[name]()


class Case:
    def __init__(self, network, example, optimizer, switches):
        keras.utils.set_random_seed(1)
        self.model = keras.Sequential([keras.Input(example.shape[1:], batch_size=example.shape[0])])
        flat = len(example.shape) == 2
        for layer in common.layers_of(network):
            for module in layers_of(layer, flat):
                self.model.add(module)
            flat |= layer[0] == "dense"
        self.optimizer = optimizer_of(optimizer)
        self.optimizer.build(self.model.trainable_variables)
        criterion = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.parameters = sum(int(numpy.prod(v.shape)) for v in self.model.trainable_variables)
        self.initial = [v.numpy() for v in self.variables()]

        @tf.function(jit_compile=True if "xla" in switches else None)
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = criterion(y, self.model(x, training=True))
            variables = self.model.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            return loss

        self.step = step

    def variables(self):
        own = self.optimizer.variables
        return [*self.model.trainable_variables, *(own() if callable(own) else own)]

    def reset(self):
        for variable, value in zip(self.variables(), self.initial):
            variable.assign(value)

    def steps(self, batches):
        for x, y in batches:
            loss = self.step(x, y)
        return loss.numpy()


class Peer:
    plain = "tf.function"

    def __init__(self, threads):
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        build = tf.sysconfig.get_build_info()
        self.about = {"framework": "TensorFlow", "version": tf.__version__, "threads": threads,
                      "configuration": f"{dict(build)} keras {keras.__version__} "
                                       f"oneDNN {os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'default')}"}

    def switches(self, network):
        return ["xla"]

    def batches(self, network, batch, switches):
        return _batches(common.is_convolutional(network), batch)

    def build(self, network, batch, optimizer, switches):
        return Case(network, self.batches(network, batch, switches)[0][0], optimizer, switches)


@functools.lru_cache(maxsize=2)
def _batches(images, batch):
    x, y = common.synthetic((28, 28, 1) if images else (784,))
    starts = range(0, common.IMAGES // batch * batch, batch)
    return [(tf.constant(x[i:i + batch]), tf.constant(y[i:i + batch])) for i in starts]


if __name__ == "__main__":
    sys.exit(common.serve(Peer))
