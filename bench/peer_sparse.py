"""A worker that multiplies with a sparse matrix as PyTorch or SciPy does.

    peer_sparse.py torch|scipy forward|step ROWS COLS BATCH SPARSITY [WAY]
    peer_sparse.py autograd step ROWS COLS BATCH SPARSITY

One thread. A step is W x, W' dy, the gradients of the entries of W and an
update with momentum. Of the ways to get these gradients that there are, the
fastest on this machine is taken, or WAY: "sampled" (torch) and "gathered"
make those alone, "dense" all of them, in memory of rows x columns. The
transpose of W is another matrix in its best order whose values are copied:
neither library has a better one. "autograd" is the step as PyTorch itself
takes it: W @ x and its backward, whose gradient of a CSR matrix is a dense one,
of which the entries of W are taken. The protocol is that of worker.h.
"""
import resource
import sys
import time
import warnings

import numpy as np
import scipy.sparse

LR, MOMENTUM = 1e-6, 0.9


class Torch:
    def __init__(self, w, x, dy):
        import torch
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        self.torch = torch
        csr = torch.sparse_csr_tensor(
            torch.from_numpy(w.indptr.astype(np.int64)),
            torch.from_numpy(w.indices.astype(np.int64)),
            torch.from_numpy(w.data), w.shape)
        place = w.copy()
        place.data = np.arange(1, w.nnz + 1).astype(np.float64)
        t = place.T.tocsr()
        self.order = torch.from_numpy(t.data.astype(np.int64) - 1)
        self.back = torch.sparse_csr_tensor(
            torch.from_numpy(t.indptr.astype(np.int64)),
            torch.from_numpy(t.indices.astype(np.int64)),
            torch.from_numpy(w.data)[self.order], t.shape)
        coo = w.tocoo()
        self.rows = torch.from_numpy(coo.row.astype(np.int64))
        self.cols = torch.from_numpy(coo.col.astype(np.int64))
        self.w, self.value = csr, csr.values()
        self.zero = csr.clone()
        self.zero.values().zero_()
        self.momentum = torch.zeros_like(self.value)
        self.x, self.dy = torch.from_numpy(x), torch.from_numpy(dy)

    def forward(self):
        self.y = self.w @ self.x

    def slopes(self):
        x, dy = self.x, self.dy
        return {
            "sampled": lambda: self.torch.sparse.sampled_addmm(
                self.zero, dy, x.t()).values(),
            "gathered": lambda: (dy[self.rows] * x[self.cols]).sum(1),
            "dense": lambda: (dy @ x.t())[self.rows, self.cols]}

    def step(self, slope):
        self.forward()
        self.dx = self.back @ self.dy
        self.momentum.mul_(MOMENTUM).add_(slope())
        self.value.add_(self.momentum, alpha=-LR)
        self.torch.index_select(self.value, 0, self.order,
                                out=self.back.values())


class Autograd:
    def __init__(self, w, x, dy):
        import torch
        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        self.torch = torch
        coo = w.tocoo()
        self.rows = torch.from_numpy(coo.row.astype(np.int64))
        self.cols = torch.from_numpy(coo.col.astype(np.int64))
        self.w = torch.sparse_csr_tensor(
            torch.from_numpy(w.indptr.astype(np.int64)),
            torch.from_numpy(w.indices.astype(np.int64)),
            torch.from_numpy(w.data), w.shape).requires_grad_(True)
        self.momentum = torch.zeros(w.nnz)
        self.x = torch.from_numpy(x).requires_grad_(True)
        self.dy = torch.from_numpy(dy)

    def slopes(self):
        return {"autograd": self.slope}

    def slope(self):
        self.w.grad = self.x.grad = None
        (self.w @ self.x).backward(self.dy)
        g = self.w.grad
        if g.layout == self.torch.sparse_csr:
            return g.values()
        return g[self.rows, self.cols]

    def step(self, slope):
        self.momentum.mul_(MOMENTUM).add_(slope())
        with self.torch.no_grad():
            self.w.values().add_(self.momentum, alpha=-LR)


class Scipy:
    def __init__(self, w, x, dy):
        self.w, self.x, self.dy = w, x, dy
        coo = w.tocoo()
        self.rows, self.cols = coo.row, coo.col
        self.back = w.T  # shares the values
        self.momentum = np.zeros_like(w.data)

    def forward(self):
        self.y = self.w @ self.x

    def slopes(self):
        x, dy = self.x, self.dy
        return {
            "gathered": lambda: np.einsum("ij,ij->i", dy[self.rows],
                                          x[self.cols]),
            "dense": lambda: (dy @ x.T)[self.rows, self.cols]}

    def step(self, slope):
        self.forward()
        self.dx = self.back @ self.dy
        self.momentum *= MOMENTUM
        self.momentum += slope()
        self.w.data -= np.float32(LR) * self.momentum


def timed(run, steps):
    begun = time.perf_counter()
    for _ in range(steps):
        run()
    return time.perf_counter() - begun


def best(peer, ways):
    """The way to the gradients that takes the least, and its name."""
    least = {}
    for name, slope in peer.slopes().items():
        if ways and name not in ways:
            continue
        try:
            slope()
        except (RuntimeError, NotImplementedError):
            continue
        steps = max(1, min(40, int(0.05 / timed(slope, 1))))
        least[name] = min(timed(slope, steps) / steps for _ in range(5))
    name = min(least, key=least.get)
    return name, peer.slopes()[name]


def usage():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime, u.ru_nivcsw


def main():
    which, what = sys.argv[1:3]
    rows, cols, batch = (int(a) for a in sys.argv[3:6])
    rng = np.random.default_rng(1)
    there = rng.random((rows, cols)) * 100 >= float(sys.argv[6])
    dense = rng.standard_normal((rows, cols)).astype(np.float32) * there
    x = rng.standard_normal((cols, batch)).astype(np.float32)
    dy = rng.standard_normal((rows, batch)).astype(np.float32)
    w = scipy.sparse.csr_matrix(dense)
    kind = {"torch": Torch, "autograd": Autograd, "scipy": Scipy}[which]
    peer = kind(w, x, dy)
    label = ""
    if what == "forward":
        run = peer.forward
    else:
        label, slope = best(peer, sys.argv[7:])
        run = lambda: peer.step(slope)
    parts = 3 if what == "step" else 1
    print("ready", 1, 2 * parts * w.nnz * batch, label, flush=True)
    for line in sys.stdin:
        cpu0, switched0 = usage()
        took = timed(run, int(line))
        cpu1, switched1 = usage()
        print("%.9f %.6f %d" % (took, cpu1 - cpu0, switched1 - switched0),
              flush=True)


main()
