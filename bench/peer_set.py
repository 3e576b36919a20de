"""A worker that trains the MLP of SET, with pare or as PyTorch has to do it.

    peer_set.py pare THREADS PARE-TRAIN DATA.h5 MODEL.h5 OUT.h5 SAMPLES
    peer_set.py torch THREADS SAMPLES | IMAGES.gz LABELS.gz

784-1000-1000-1000-10, the three hidden layers sparse at epsilon 20, dropout
.3, batch 128, SGD with momentum, rewired after each epoch with zeta .3. With
"pare" one step is an epoch in a process of its own, which reads the data and
writes the model. PyTorch has dense layers, and masks that weights and
gradients are multiplied with, by the faster of foreach and fused loops;
batches are slices of tensors of float32 that are there. One step is one batch,
so that its rewirings mostly fall out of the median, which is in its favour.
The protocol is that of worker.h.
"""
import gzip
import resource
import subprocess
import sys
import time

BATCH, EPSILON, ZETA = 128, 20, 0.3
LR, MOMENTUM, DROPOUT = 0.01, 0.9, 0.3
SIZES = 784, 1000, 1000, 1000


class Pare:
    label = ""

    def __init__(self, threads, train, data, model, out, samples):
        self.units = int(samples)
        self.command = [
            train, "-q", "-j", str(threads), "-b", str(BATCH), "-e", "1",
            "-S", "1", "-l", str(LR), "--optimizer",
            "sgd,momentum=%g" % MOMENTUM, "--evolve",
            "set zeta=%g last=yes" % ZETA, "-d", data, "-o", out, model]

    def step(self):
        subprocess.run(self.command, check=True)


class Torch:
    def __init__(self, threads, *data):
        import torch
        self.torch = torch
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(1)
        self.x, self.y = self.read(data)
        self.units, self.at = BATCH, 0
        layers = []
        for a, b in zip(SIZES, SIZES[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.ReLU(),
                       torch.nn.Dropout(DROPOUT)]
        self.net = torch.nn.Sequential(
            *layers, torch.nn.Linear(SIZES[-1], 10))
        self.loss = torch.nn.CrossEntropyLoss()
        self.weight = [l.weight for l in layers[::3]]
        self.mask = []
        with torch.no_grad():
            for w in self.weight:
                m = torch.zeros_like(w)
                n = EPSILON * (w.shape[0] + w.shape[1])
                m.view(-1)[torch.randperm(w.numel())[:n]] = 1
                w.mul_(m)
                self.mask.append(m)
        self.choose()

    def read(self, data):
        torch = self.torch
        if len(data) == 1:
            n = int(data[0])
            return torch.randn(n, SIZES[0]), torch.randint(0, 10, (n,))
        with gzip.open(data[0]) as f:
            x = torch.frombuffer(bytearray(f.read()[16:]), dtype=torch.uint8)
        with gzip.open(data[1]) as f:
            y = torch.frombuffer(bytearray(f.read()[8:]), dtype=torch.uint8)
        return x.reshape(-1, SIZES[0]).float() / 255, y.long()

    def choose(self):
        least = {}
        for how in "foreach", "fused":
            self.opt = self.torch.optim.SGD(
                self.net.parameters(), LR, MOMENTUM, **{how: True})
            for _ in range(4):
                self.step()
            begun = time.perf_counter()
            for _ in range(20):
                self.step()
            least[time.perf_counter() - begun] = how, self.opt
        self.label, self.opt = least[min(least)]

    def step(self):
        at, end = self.at, self.at + BATCH
        self.opt.zero_grad(set_to_none=True)
        self.loss(self.net(self.x[at:end]), self.y[at:end]).backward()
        with self.torch.no_grad():
            self.torch._foreach_mul_([w.grad for w in self.weight], self.mask)
            self.opt.step()
            self.torch._foreach_mul_(self.weight, self.mask)
        self.at = end
        if end + BATCH > len(self.x):
            self.at = 0
            with self.torch.no_grad():
                for w, m in zip(self.weight, self.mask):
                    self.rewire(w, m)

    def rewire(self, w, mask):
        """Drop what is nearest to 0 on each side, and grow as many."""
        torch, flat, m = self.torch, w.view(-1), mask.view(-1)
        before = int(m.sum())
        for side in flat, -flat:
            there = side[side > 0]
            if n := int(ZETA * len(there)):
                m[(side > 0) & (side <= there.kthvalue(n).values)] = 0
        momentum = self.opt.state[w]["momentum_buffer"].view(-1)
        while (lack := before - int(m.sum())) > 0:
            at = torch.randint(len(m), (lack,))
            at = at[m[at] == 0]
            m[at] = 1
            flat[at] = 0.05 * torch.randn(len(at))
            momentum[at] = 0
        flat.mul_(m)
        momentum.mul_(m)


def usage():
    cpu = switched = 0
    for who in resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN:
        u = resource.getrusage(who)
        cpu += u.ru_utime + u.ru_stime
        switched += u.ru_nivcsw
    return cpu, switched


def main():
    peer = (Pare if sys.argv[1] == "pare" else Torch)(
        int(sys.argv[2]), *sys.argv[3:])
    print("ready", peer.units, 0, peer.label, flush=True)
    for line in sys.stdin:
        cpu0, switched0 = usage()
        begun = time.perf_counter()
        for _ in range(int(line)):
            peer.step()
        took = time.perf_counter() - begun
        cpu1, switched1 = usage()
        print("%.9f %.6f %d" % (took, cpu1 - cpu0, switched1 - switched0),
              flush=True)


main()
