"""A worker that trains or evaluates with PyTorch, in its best set-up.

    peer.py ARCH OPTIMIZER BATCH THREADS [SAMPLES | IMAGES.gz LABELS.gz]
    peer.py eval ARCH BATCH THREADS [SAMPLES | IMAGES.gz LABELS.gz]

Tensors lie ready in memory as float32, batches are slices of them, gradients
are set to None, and the fastest set-up on this machine is taken: of the
optimiser's loops (for-loop, foreach, fused), for images also of contiguous
and channels_last memory, and to evaluate of eager and frozen programs. No
accuracy is counted. The protocol is that of worker.h.
"""
import copy
import gzip
import itertools
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional


def mlp(arch):
    bias = True
    if arch == "challenge-mlp":
        arch, bias = "784-1000-1000-500-200-10", False
    sizes = [int(s) for s in arch.split("-")]
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b, bias=bias), nn.ReLU()]
    return (sizes[0],), sizes[-1], nn.Sequential(*layers[:-1])


def lenet_5():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def fashion_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))


def cifar_cnn():
    return nn.Sequential(
        nn.Conv2d(3, 64, 3), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4608, 256), nn.ReLU(), nn.Linear(256, 10))


class Block(nn.Module):
    """Two convolutions and a shortcut without weights (option A)."""

    def __init__(self, before, channels):
        super().__init__()
        self.down = channels > before
        self.extra = (channels - before) // 2
        self.conv1 = nn.Conv2d(before, channels, 3, 2 if self.down else 1, 1,
                               bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.down:
            x = functional.pad(x[:, :, ::2, ::2],
                               (0, 0, 0, 0, self.extra, self.extra))
        return functional.relu(y + x, inplace=True)


def resnet_20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16),
              nn.ReLU(inplace=True)]
    before = 16
    for channels in 16, 32, 64:
        for _ in range(3):
            layers.append(Block(before, channels))
            before = channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*layers)


IMAGES = {"lenet-5": (lenet_5, (1, 28, 28), 431080),
          "fashion-cnn": (fashion_cnn, (1, 28, 28), 1199882),
          "cifar-cnn": (cifar_cnn, (3, 32, 32), 1295050),
          "resnet-20": (resnet_20, (3, 32, 32), 269722)}


def network(arch):
    """The shape of a sample, the number of classes, and the network."""
    if arch not in IMAGES:
        return mlp(arch)
    make, shape, parameters = IMAGES[arch]
    net = make()
    assert sum(p.numel() for p in net.parameters()) == parameters
    return shape, 10, net


def read_idx(path, skip):
    with gzip.open(path) as f:
        return torch.frombuffer(bytearray(f.read()[skip:]), dtype=torch.uint8)


def data(shape, classes, args):
    if len(args) == 2:
        x = read_idx(args[0], 16).reshape(-1, *shape).float() / 255
        return x.contiguous(), read_idx(args[1], 8).long()
    n = int(args[0])
    return torch.randn(n, *shape), torch.randint(0, classes, (n,))


def optimizer(name, params, **how):
    if name == "adam":
        return torch.optim.Adam(params, lr=1e-3, **how)
    return torch.optim.SGD(params, lr=0.01, momentum=0.9, **how)


class Batches:
    """Slices of the samples, one after the other."""

    def __init__(self, x, y, batch):
        self.x, self.y, self.batch, self.at = x, y, batch, 0

    def __call__(self):
        at, end = self.at, self.at + self.batch
        self.at = end if end < len(self.x) else 0
        return self.x[at:end], self.y[at:end]


class Train:
    def __init__(self, net, batches, name, how):
        self.net, self.batches = net.train(), batches
        self.loss = nn.CrossEntropyLoss()
        self.opt = optimizer(name, net.parameters(), **how)

    def steps(self, n):
        net, loss, opt, batches = self.net, self.loss, self.opt, self.batches
        for _ in range(n):
            x, y = batches()
            opt.zero_grad(set_to_none=True)
            loss(net(x), y).backward()
            opt.step()


class Evaluate:
    def __init__(self, net, batches, frozen):
        self.net, self.batches = net.eval(), batches
        if frozen:
            x = batches()[0]
            with torch.no_grad():
                self.net = torch.jit.optimize_for_inference(
                    torch.jit.freeze(torch.jit.trace(self.net, x)))

    def steps(self, n):
        net, batches = self.net, self.batches
        with torch.inference_mode():
            for _ in range(n):
                net(batches()[0])


LOOPS = {"loop": {"foreach": False}, "foreach": {"foreach": True},
         "fused": {"fused": True}}
PROGRAMS = {"eager": False, "frozen": True}


def formats(net, x):
    """The network and its samples in each order of memory."""
    yield "", net, x
    if x.dim() == 4:
        last = torch.channels_last
        yield "-last", copy.deepcopy(net).to(memory_format=last), \
            x.contiguous(memory_format=last)


def variants(net, x, y, name, batch):
    """All set-ups by name."""
    hows = PROGRAMS if name == "eval" else LOOPS
    runs = {}
    for (order, n, xs), (how, what) in itertools.product(
            list(formats(net, x)), hows.items()):
        batches, own = Batches(xs, y, batch), copy.deepcopy(n)
        runs[how + order] = Evaluate(own, batches, what) \
            if name == "eval" else Train(own, batches, name, what)
    return runs


def timed(run, steps):
    begun = time.perf_counter()
    run.steps(steps)
    return time.perf_counter() - begun


def best(runs):
    """The variant whose quickest of some short samples is the quickest."""
    least, steps = {}, {}
    for v, run in runs.items():
        run.steps(2)
        steps[v] = max(1, min(40, int(0.1 / timed(run, 1))))
    limit = time.perf_counter() + 10
    for r in range(12):
        if r > 3 and time.perf_counter() > limit:
            break
        for v, run in runs.items():
            took = timed(run, steps[v]) / steps[v]
            if r >= 2:
                least[v] = min(least.get(v, 1e9), took)
    variant = min(least, key=least.get)
    return variant, runs[variant]


def usage():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime, u.ru_nivcsw


def main():
    arch, name, batch, threads = sys.argv[1:5]
    if arch == "eval":
        arch, name = name, arch
    batch = int(batch)
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    shape, classes, net = network(arch)
    x, y = data(shape, classes, sys.argv[5:])
    units = len(x) / -(-len(x) // batch)
    variant, run = best(variants(net, x, y, name, batch))
    print("ready", units, 0, variant, flush=True)
    for line in sys.stdin:
        cpu0, switched0 = usage()
        took = timed(run, int(line))
        cpu1, switched1 = usage()
        print("%.9f %.6f %d" % (took, cpu1 - cpu0, switched1 - switched0),
              flush=True)


main()
