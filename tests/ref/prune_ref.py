"""Reference masks of a 6-5-4-3 network by torch.nn.utils.prune.

Prints prune_ref.h.  The weights are a hash of their index, so that the test
makes the same ones; their magnitudes are all different, because PyTorch
leaves the order of ties open.

    python prune_ref.py > prune_ref.h
"""

import torch
from torch import nn
from torch.nn.utils import prune

SIZES = (6, 5, 4, 3)


def weights(layer, n):
    """24 bits of a hash, as exact float32 in [-0.5, 0.5)."""
    bits = [((i + 100 * layer + 1) * 2654435761 % 2**32) >> 8
            for i in range(n)]
    return torch.tensor([b / 2**24 - 0.5 for b in bits])


def network():
    layers = []
    for k, (n_in, n_out) in enumerate(zip(SIZES, SIZES[1:])):
        layer = nn.Linear(n_in, n_out)
        with torch.no_grad():
            layer.weight.copy_(weights(k, n_in * n_out).view(n_out, n_in))
        layers.append(layer)
    return layers


def text(layers):
    """Masks of the layers, one after the other, as 0 and 1."""
    out = ""
    for layer in layers:
        mask = getattr(layer, "weight_mask", torch.ones_like(layer.weight))
        out += "".join(str(int(v)) for v in mask.flatten())
    return out


def over_all(layers, *amounts):
    for amount in amounts:
        prune.global_unstructured([(l, "weight") for l in layers],
                                  prune.L1Unstructured, amount=amount)


def each(layers, *amounts):
    for layer, amount in zip(layers, amounts):
        prune.l1_unstructured(layer, "weight", amount)


def units(layers, amount, norm):
    for layer in layers[:-1]:
        prune.ln_structured(layer, "weight", amount, n=norm, dim=0)


def case(name, steps):
    layers = network()
    lines = []
    for step, *args in steps:
        step(layers, *args)
        lines.append(text(layers))
    print(f"static const char *const {name}[] = {{")
    for line in lines:
        print(f'    "{line[:31]}"\n    "{line[31:]}",')
    print("};")


def main():
    everything = torch.cat([weights(k, a * b).abs() for k, (a, b)
                            in enumerate(zip(SIZES, SIZES[1:]))])
    assert len(set(everything.tolist())) == len(everything)
    print("/* Made by prune_ref.py; do not edit. */")
    case("ref_global", [(over_all, 0.3), (over_all, 0.3), (over_all, 7)])
    case("ref_layer", [(each, 0.2, 0.2, 0.1), (each, 0.2, 0.2, 0.1)])
    case("ref_unit_l2", [(units, 0.4, 2), (units, 0.4, 2)])
    case("ref_unit_l1", [(units, 1, 1)])
    case("ref_mixed", [(over_all, 0.5), (units, 0.4, 2)])


main()
