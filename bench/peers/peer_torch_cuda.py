"""PyTorch's worker on a GPU, of bench/peers/frameworks.py: peer_torch_cuda.py THREADS MODE MATH.

MODE eager launches each operation from Python; graph captures a whole step once, as a CUDA graph, and
replays it. MATH fp32 is strict, tf32 lets products use TF32, bf16 is autocast.

As in flopstep's step the images lie on the GPU as bytes, with their labels and their order: a step
gathers its rows, makes them numbers in [0, 1], and trains on them. Times are those of CUDA events.
"""
import contextlib
import functools
import os
import sys
import types

import torch
from torch import nn

import peer_common as common
import peer_torch

SWITCHES = ["channels_last", "fused", "compile"]  # tried one after the other; see tune()
WARM_UP = 3  # steps before a capture: libraries choose their kernels, optimizers make their state


class Data:
    """The synthetic images in the memory of the GPU."""

    def __init__(self, device, shape):
        pixels, labels = common.synthetic_bytes(shape)
        self.shape = list(shape)
        self.images = torch.from_numpy(pixels).to(device)
        self.labels = torch.from_numpy(labels).to(device)

    def order(self, batch):
        """Row s holds the images of step s: int64 [steps, batch]."""
        steps = common.IMAGES // batch
        return torch.arange(steps * batch, device=self.images.device).view(steps, batch)


def capture(body):
    """The loss of body as a tensor that replays overwrite, and what replays body as a CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = body()
    return loss.detach(), graph.replay


@contextlib.contextmanager
def side_stream():
    """Captures ask for a warm-up on another stream than the default one."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


class Case:
    group_s = 10e-3  # the device's queue fills well within that

    def __init__(self, data, network, batch, optimizer, switches, mode, math):
        torch.manual_seed(1)
        self.data, self.batch, self.math = data, batch, math
        self.device = data.images.device
        self.model = peer_torch.model_of(network, data.shape, switches).to(self.device)
        self.parameters = sum(p.numel() for p in self.model.parameters())
        self.initial = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.optimizer = peer_torch.optimizer_of(
            optimizer, self.model.parameters(), switches,
            capturable=mode == "graph" and self.device.type == "cuda")
        self.order = data.order(batch)
        self.rows = self.order.unbind(0)
        self.criterion = nn.CrossEntropyLoss()
        self.forward = self.loss_of
        if "compile" in switches:
            self.forward = torch.compile(types.MethodType(peer_torch.alone(Case.loss_of), self))
        self.events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
        self.replay = None
        if mode == "graph":
            self.record()

    def precision(self):
        if self.math != "bf16":
            return contextlib.nullcontext()
        # no cache of rounded weights: each is used once a step, and captured steps must not keep any
        return torch.autocast(self.device.type, dtype=torch.bfloat16, cache_enabled=False)

    def loss_of(self, rows):
        x = self.data.images.index_select(0, rows).div(255)  # of bytes: float32
        return self.criterion(self.model(x), self.data.labels.index_select(0, rows))

    def step(self, rows):
        """Gradients must be None before: those of the step before would be added to."""
        with self.precision():
            loss = self.forward(rows)
        loss.backward()
        self.optimizer.step()
        return loss

    def step_in_place(self):
        """A step that asks the device which one it is, so that each replay is the next one."""
        loss = self.step(self.order.index_select(0, self.place).view(-1))
        self.place.add_(1)
        return loss

    def record(self):
        self.place = torch.zeros(1, dtype=torch.int64, device=self.device)
        with side_stream():
            for _ in range(WARM_UP):
                self.place.zero_()
                self.optimizer.zero_grad(set_to_none=True)
                self.step_in_place()
        self.optimizer.zero_grad(set_to_none=True)  # the graph's own memory holds them from now on
        self.loss, self.replay = capture(self.step_in_place)
        self.next = None

    def reset(self):
        """Initial weights and optimizer, where they lie: a graph knows addresses."""
        self.model.load_state_dict(self.initial)
        for state in self.optimizer.state.values():
            for value in state.values():
                if torch.is_tensor(value):
                    value.zero_()  # all that these optimizers keep begins with 0
        self.next = None

    def steps(self, numbers):
        for number in numbers:
            if self.replay:
                if number != self.next:
                    self.place.fill_(number)
                self.replay()
                self.next = number + 1
                continue
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.step(self.rows[number])
        return self.loss if self.replay else loss.detach()

    def timed(self, numbers):
        begin, end = self.events
        begin.record()
        loss = self.steps(numbers)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3, loss

    @contextlib.contextmanager
    def darkened(self, number, scale):
        """Batch `number` with its pixels scaled, in place, so that a graph trains on it too."""
        rows = self.rows[number]
        kept = self.data.images[rows]
        self.data.images[rows] = kept.mul(scale).to(torch.uint8)
        try:
            yield number
        finally:
            self.data.images[rows] = kept


class Peer:
    device = "cuda"

    def __init__(self, threads, mode, math):
        if not torch.cuda.is_available():
            raise RuntimeError(f"PyTorch {torch.__version__} finds no GPU "
                               f"(built for CUDA {torch.version.cuda or 'none'})")
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = math == "tf32"
        torch.backends.cudnn.allow_tf32 = math == "tf32"
        torch.backends.cudnn.benchmark = True
        self.mode, self.math, self.plain = mode, math, mode
        self.about = {"framework": f"PyTorch {mode}", "version": torch.__version__,
                      "configuration": torch.__config__.show(), "threads": torch.get_num_threads(),
                      "math": math, "device": torch.cuda.get_device_name(),
                      "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version()}

    def switches(self, network):
        return [s for s in SWITCHES
                if (s != "channels_last" or common.is_convolutional(network))
                and (s != "compile" or hasattr(torch, "compile"))]

    def batches(self, network, batch, switches):
        return range(common.IMAGES // batch)

    def build(self, network, batch, optimizer, switches):
        data = _data(self.device, (1, 28, 28) if common.is_convolutional(network) else (784,))
        return Case(data, network, batch, optimizer, switches, self.mode, self.math)


@functools.lru_cache(maxsize=2)
def _data(device, shape):
    return Data(device, shape)


if __name__ == "__main__":
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "4")
    sys.exit(common.serve(Peer))
