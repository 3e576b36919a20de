"""Configurations of Keras models, and what Keras gives for them.

    KERAS_BACKEND=torch python3 keras_ref.py > keras_ref.h

Weights and inputs follow from formulas that test_keras.c shares: value i of
an array is sin(.37 i + s) / 2, where s is the sum of the bytes of the layer's
name and of the first letter of the array's; variances are the absolute value
of that and a half more. Input i of sample n, in order channel, height, width,
is cos(.23 i + 1.7 n).
"""
import json
import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np
from keras import layers as L


def images():
    x = i = keras.Input((9, 8, 3), name="pictures")
    x = L.Conv2D(4, 3, padding="same", strides=2, activation="relu",
                 name="first")(x)
    y = L.DepthwiseConv2D(3, padding="same", depth_multiplier=2,
                          name="deep")(x)
    y = L.BatchNormalization(name="norm")(y)
    z = L.Conv2D(8, (1, 1), use_bias=False, name="side")(x)
    s = L.Add(name="sum")([y, z])
    s = L.ReLU(name="up")(s)
    s = L.MaxPooling2D(2, padding="same", name="pool")(s)
    t = L.AveragePooling2D(3, strides=1, padding="same", name="mean")(s)
    c = L.Concatenate(name="both")([s, t])
    c = L.Flatten(name="flat")(c)
    c = L.BatchNormalization(scale=False, name="flat_norm")(c)
    c = L.Dropout(0.2, name="drop")(c)
    c = L.Dense(7, activation="gelu", name="hidden")(c)
    return keras.Model(i, L.Dense(5, activation="softmax", name="out")(c))


def signal():
    return keras.Sequential([
        keras.Input((20, 6), name="signal"), L.ZeroPadding1D(2, name="pad"),
        L.Conv1D(8, 5, strides=2, activation="tanh", name="one"),
        L.MaxPooling1D(2, name="pool"),
        L.Conv1D(5, 3, padding="same", dilation_rate=2, name="two"),
        L.LeakyReLU(name="leak"), L.GlobalAveragePooling1D(name="all"),
        L.Dense(4, name="last"), L.Activation("sigmoid", name="squash")])


def flat():
    return keras.Sequential([
        keras.Input((8, 8, 2), name="in"),
        L.ZeroPadding2D(((1, 2), (0, 1)), name="pad"),
        L.Conv2D(6, (3, 2), strides=(2, 1), name="conv"),
        L.MaxPooling2D((2, 3), strides=(2, 2), name="pool"),
        L.Flatten(name="flat"), L.Dense(3, activation="silu", name="dense")])


def values(layer, role, shape):
    start = sum(layer.encode()) + role.encode()[0]
    n = int(np.prod(shape))
    v = np.sin(0.37 * np.arange(n) + start) / 2
    if role == "moving_variance":
        v = np.abs(v) + 0.5
    return v.reshape(shape).astype("float32")


def slim(config):
    """Only what says what a layer does."""
    drop = ("initializer", "regularizer", "constraint", "build_config",
            "registered_name", "quantization", "shared_object_id")
    if isinstance(config, dict):
        return {k: slim(v) for k, v in config.items()
                if not any(d in k for d in drop)}
    return [slim(v) for v in config] if isinstance(config, list) else config


def main():
    print("/* Made by keras_ref.py with Keras %s. */" % keras.__version__)
    print("static const struct keras_ref keras_ref[] = {")
    for make in images, signal, flat:
        keras.utils.clear_session()
        m = make()
        for layer in m.layers:
            layer.set_weights([values(layer.name, w.name, w.shape)
                               for w in layer.weights])
        shape = m.input_shape[1:]
        n = int(np.prod(shape))
        x = np.cos(0.23 * np.arange(n) + 1.7 * np.arange(2)[:, None])
        x = x.reshape((2, shape[-1]) + shape[:-1])
        x = np.moveaxis(x, 1, -1).astype("float32")
        y = m(x, training=False).detach().numpy().ravel()
        config = json.dumps(slim(json.loads(m.to_json())),
                            separators=(",", ":"))
        print("    {")
        for i in range(0, len(config), 60):
            part = config[i:i + 60].replace('"', '\\"')
            print('        "%s"' % part)
        print("        , %d," % (len(y) // 2))
        print("        {%s}," % ", ".join("%.9g" % v for v in y))
        print("    },")
    print("};")


main()
