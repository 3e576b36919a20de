"""Check pare import against files that torch.save writes.

usage: torch_files.py PARE_IMPORT PARE_DUMP   (needs torch)

Writes state dictionaries in both formats, of all types of numbers, views and
transposed tensors, imports each, and compares every value of the text twin
with torch's. Also checks that what is no dictionary of tensors is refused.
"""
import collections
import os
import subprocess
import sys
import tempfile

import torch


def twin(import_tool, dump_tool, path):
    """Names and values of an imported file, or None and the message."""
    model = subprocess.run([import_tool, path], capture_output=True)
    if model.returncode:
        return None, model.stderr.decode()
    text = subprocess.run([dump_tool], input=model.stdout,
                          capture_output=True, check=True).stdout.decode()
    found, name, values = {}, None, []
    for line in text.splitlines():
        if line.startswith("tensor "):
            word = line.split()
            name, values = word[1], []
            found[name] = values
        elif line.startswith("  ") and name:
            values += [float.fromhex(v) for v in line.split()]
        else:
            name = None
    return found, model.stderr.decode()


def cases():
    torch.manual_seed(1)
    base = torch.randn(6, 5)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    yield "state", net.state_dict()
    yield "views", {
        "a.whole": base, "a.turned": base.t(), "a.rows": base[1:3],
        "a.column": base[:, 2], "a.steps": base[::2, 1:4],
        "a.turned3": torch.randn(2, 3, 4).permute(2, 0, 1),
        "a.one": torch.tensor(2.5)}
    yield "types", {
        "t." + str(kind)[6:]: torch.arange(5).to(kind) for kind in (
            torch.float64, torch.float32, torch.float16, torch.bfloat16,
            torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
            torch.bool)}
    yield "nested", collections.OrderedDict(
        epoch=3, best=.5, note="x", nothing=None, flag=True,
        model=collections.OrderedDict(w=base, b=base[0].clone()),
        list=[base[1].clone(), (base[2].clone(),)])
    yield "parameter", {"p.weight": torch.nn.Parameter(base.clone())}


def flat(value, prefix, out):
    if isinstance(value, torch.Tensor):
        out[prefix] = value
    elif isinstance(value, dict):
        for k, v in value.items():
            flat(v, f"{prefix}.{k}" if prefix else str(k), out)
    elif isinstance(value, (list, tuple)):
        for k, v in enumerate(value):
            flat(v, f"{prefix}.{k}" if prefix else str(k), out)
    return out


def main():
    tools, bad, checked = sys.argv[1:3], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for label, value in cases():
            for zipped in (True, False):
                path = os.path.join(folder, f"{label}-{zipped}.pt")
                torch.save(value, path,
                           _use_new_zipfile_serialization=zipped)
                got, message = twin(*tools, path)
                want = flat(value, "", {})
                if got is None or set(got) != set(want):
                    print("FAILED", label, zipped, message, got and set(got))
                    bad += 1
                    continue
                for name, tensor in want.items():
                    checked += 1
                    if got[name] != tensor.detach().double().flatten().tolist():
                        print("FAILED", label, zipped, name)
                        bad += 1
        for label, value, word in (
                ("module", torch.nn.Linear(2, 2), "wants to call"),
                ("expanded", {"x": torch.ones(1).expand(9)}, "twice"),
                ("complex", {"x": torch.ones(2, dtype=torch.complex64)},
                 "wants to call"),
                ("none", {"x": 1}, "no tensors")):
            for zipped in (True, False):
                path = os.path.join(folder, f"{label}-{zipped}.pt")
                torch.save(value, path,
                           _use_new_zipfile_serialization=zipped)
                got, message = twin(*tools, path)
                checked += 1
                if got is not None or word not in message:
                    print("FAILED", label, zipped, message)
                    bad += 1
    print(f"{checked} checked, {bad} failed")
    return bad != 0


sys.exit(main())
