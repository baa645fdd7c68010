"""PyTorch's worker of bench/peers/frameworks.py: peer_torch.py THREADS."""
import functools
import inspect
import os
import sys
import types

import torch
from torch import nn

import peer_common as common

# What may make it faster on a CPU, tried one after the other; see tune().
SWITCHES = ["channels_last", "no-mkldnn", "foreach", "fused", "trace", "compile"]


def layer_of(layer, shape):
    """The module of a layer behind activations of that shape (channels first), and its own shape."""
    kind, *numbers = layer
    if kind == "dense":
        size = 1
        for n in shape:
            size *= n
        linear = nn.Linear(size, numbers[0])
        return (linear if len(shape) == 1 else nn.Sequential(nn.Flatten(), linear)), numbers
    if kind == "conv":
        window, filters, pad = numbers
        side = shape[1] + 2 * pad - window + 1
        return nn.Conv2d(shape[0], filters, window, padding=pad), [filters, side, side]
    if kind in ("maxpool", "avgpool"):
        pool = nn.MaxPool2d if kind == "maxpool" else nn.AvgPool2d
        return pool(numbers[0]), [shape[0], shape[1] // numbers[0], shape[2] // numbers[0]]
    if kind == "dropout":
        return nn.Dropout(numbers[0]), shape
    return {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[kind](), shape


def model_of(network, shape, switches):
    """The network behind images of that shape, in training mode."""
    shape, modules = list(shape), []
    for layer in common.layers_of(network):
        module, shape = layer_of(layer, shape)
        modules.append(module)
    model = nn.Sequential(*modules).train()
    return model.to(memory_format=torch.channels_last) if "channels_last" in switches else model


def optimizer_of(text, parameters, switches, capturable=False):
    """capturable: for CUDA graphs, where the optimizer knows the word (those without need nothing)."""
    name, v = common.optimizer_of(text)
    kind, numbers = {
        "sgd": lambda: (torch.optim.SGD, {}),
        "momentum": lambda: (torch.optim.SGD, {"momentum": v["mu"]}),
        "rmsprop": lambda: (torch.optim.RMSprop, {"alpha": v["rho"], "eps": v["eps"]}),
        "adadelta": lambda: (torch.optim.Adadelta, {"rho": v["rho"], "eps": v["eps"]}),
        "adam": lambda: (torch.optim.Adam, {"betas": (v["beta1"], v["beta2"]), "eps": v["eps"]}),
    }[name]()
    for switch in switches & {"foreach", "fused"}:
        if switch not in inspect.signature(kind).parameters:
            raise ValueError(f"{kind.__name__} has no {switch} in this version")
    if "fused" in switches:
        numbers["fused"] = True
    elif "foreach" in switches:
        numbers["foreach"] = True
    if capturable and "capturable" in inspect.signature(kind).parameters:
        numbers["capturable"] = True
    return kind(parameters, lr=v["lr"], **numbers)


def alone(function):
    """A copy with code of its own: what torch.compile has made is kept by code, a few for each, and
    beyond those it goes back to eager without a word."""
    copy = types.FunctionType(function.__code__.replace(), function.__globals__, function.__name__,
                              function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class Case:
    def __init__(self, network, example, optimizer, switches):
        torch.manual_seed(1)
        self.model = model_of(network, example.shape[1:], switches)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.initial = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimizer = optimizer_of(optimizer, self.model.parameters(), switches)
        self.mkldnn = "no-mkldnn" not in switches
        criterion = nn.CrossEntropyLoss()
        forward = self.model
        if "trace" in switches and "compile" not in switches:
            forward = torch.jit.trace(self.model, example, check_trace=False)
        self.loss_of = lambda x, y: criterion(forward(x), y)
        if "compile" in switches:
            self.loss_of = torch.compile(alone(self.loss_of))

    def reset(self):
        self.model.load_state_dict(self.initial)
        self.optimizer.state.clear()

    def steps(self, batches):
        with torch.backends.mkldnn.flags(enabled=self.mkldnn):
            for x, y in batches:
                self.optimizer.zero_grad(set_to_none=True)
                loss = self.loss_of(x, y)
                loss.backward()
                self.optimizer.step()
        return loss.detach()


class Peer:
    plain = "eager"

    def __init__(self, threads):
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_flush_denormal(True)  # as flopstep does
        self.about = {"framework": "PyTorch", "version": torch.__version__,
                      "configuration": torch.__config__.show(), "threads": torch.get_num_threads()}

    def switches(self, network):
        return [s for s in SWITCHES
                if (s not in ("channels_last", "no-mkldnn") or common.is_convolutional(network))
                and (s != "compile" or hasattr(torch, "compile"))]

    def batches(self, network, batch, switches):
        return _batches(common.is_convolutional(network), batch, "channels_last" in switches)

    def build(self, network, batch, optimizer, switches):
        return Case(network, self.batches(network, batch, switches)[0][0], optimizer, switches)


@functools.lru_cache(maxsize=2)
def _batches(images, batch, channels_last):
    x, y = common.synthetic((1, 28, 28) if images else (784,))
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    whole = common.IMAGES // batch * batch
    return list(zip(x[:whole].split(batch), y[:whole].split(batch)))


if __name__ == "__main__":
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    sys.exit(common.serve(Peer))
