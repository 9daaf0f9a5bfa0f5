# SPDX-License-Identifier: Apache-2.0
"""Train a LeNet-5 on MNIST with numpy and write it as lenet5.tflite.

The network is small enough that plain numpy trains it in minutes, so the model
can be made again without a training framework: the file is written field by
field with the TensorFlow Lite schema classes that come with LiteRT, and then
scored on the MNIST test set by the LiteRT interpreter itself.

    python lenet5_train.py [--assets DIR] [--out FILE] [--epochs N] [--seed N]
"""

import argparse
import gzip
import hashlib
import os
import time
from pathlib import Path

# One BLAS thread: the order of the sums, and so the trained weights, must not
# depend on how many cores the machine happens to have free.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter

from tflite_build import AlignedBuffer

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]

# --- data ------------------------------------------------------------------


def read_idx(path):
    """Return the uint8 array of a gzipped idx file (MNIST's own format)."""
    raw = gzip.decompress(path.read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", rank, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load_mnist(folder, part):
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    return images.astype(np.float32)[..., None] / 255, labels


def augment(images, rng):
    """Randomly rotate, scale, shear and shift every image of a batch.

    MNIST digits are all centred and of one size; digits from elsewhere (our
    rendered ones, a photograph) are not, and an unaugmented LeNet is surprised.
    """
    n, size = images.shape[0], images.shape[1]
    angle = rng.uniform(-0.26, 0.26, n)  # 15 degrees
    shear = rng.uniform(-0.2, 0.2, n)
    scale_x, scale_y = rng.uniform(0.8, 1.2, (2, n))
    shift_x, shift_y = rng.uniform(-2.5, 2.5, (2, n))
    # For each output pixel, where in the source it comes from.
    row, col = np.mgrid[:size, :size].reshape(2, 1, -1) - (size - 1) / 2
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x = (cos * col - sin * row + shear[:, None] * row) / scale_x[:, None]
    y = (sin * col + cos * row) / scale_y[:, None]
    # A border of two zero pixels lets clipped positions read background.
    padded = np.pad(images[..., 0], ((0, 0), (2, 2), (2, 2)))
    wide = size + 4
    x = np.clip(x + shift_x[:, None] + (wide - 1) / 2, 0, wide - 1.001)
    y = np.clip(y + shift_y[:, None] + (wide - 1) / 2, 0, wide - 1.001)
    left, top = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    flat = padded.reshape(-1)
    at = top * wide + left + (np.arange(n) * wide * wide)[:, None]
    upper = flat[at] * (1 - fx) + flat[at + 1] * fx
    lower = flat[at + wide] * (1 - fx) + flat[at + wide + 1] * fx
    return (upper * (1 - fy) + lower * fy).reshape(images.shape)


# --- network ---------------------------------------------------------------
#
# Weights are kept in TensorFlow Lite's own layouts (convolution: out, height,
# width, in; dense: out, in) so that the writer stores them as they are.

LAYERS = [
    # name, weight shape
    ("conv1", (6, 5, 5, 1)),
    ("conv2", (16, 5, 5, 6)),
    ("fc1", (120, 400)),
    ("fc2", (84, 120)),
    ("fc3", (10, 84)),
]


def init_params(rng):
    params = {}
    for name, shape in LAYERS:
        fan_in = np.prod(shape[1:])
        he = rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        params[name + "/w"] = he.astype(np.float32)
        params[name + "/b"] = np.zeros(shape[0], np.float32)
    return params


def patches(x, k=5):
    """[n,h,w,c] -> [n, h-k+1, w-k+1, k*k*c], the columns of a convolution."""
    win = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))
    n, h, w, c = win.shape[:4]
    return win.transpose(0, 1, 2, 4, 5, 3).reshape(n, h, w, k * k * c)


def quarters(x):
    """The four views whose pixelwise maximum is the 2x2 max pooling of x."""
    return [x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)]


def pool(x):
    a, b, c, d = quarters(x)
    return np.maximum(np.maximum(a, b), np.maximum(c, d))


def pool_backward(grad, x, pooled):
    """Send each gradient to the pixel that won; equal winners share it."""
    out = np.empty_like(x)
    wins = [q == pooled for q in quarters(x)]
    share = grad / sum(w.astype(np.float32) for w in wins)
    for q, w in zip(quarters(out), wins):
        q[...] = share * w
    return out


def dense(x, p, name):
    w = p[name + "/w"]
    return x @ w.reshape(len(w), -1).T + p[name + "/b"]


def dense_backward(grads, grad, x, p, name, want_input=True):
    """Store the gradients of one layer; return the one for its input."""
    w = p[name + "/w"]
    g2, x2 = grad.reshape(-1, grad.shape[-1]), x.reshape(-1, x.shape[-1])
    grads[name + "/w"] = (g2.T @ x2).reshape(w.shape)
    grads[name + "/b"] = g2.sum(axis=0)
    return (g2 @ w.reshape(len(w), -1)).reshape(x.shape) if want_input else None


def loss_and_grads(p, images, labels):
    n = len(images)
    # Forward. ReLU comes after the pooling here and before it in the file:
    # the two commute, and this way it touches a quarter of the values.
    cols1 = patches(np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0))))
    conv1 = dense(cols1, p, "conv1")
    pool1 = pool(conv1)
    act1 = np.maximum(pool1, 0)
    cols2 = patches(act1)
    conv2 = dense(cols2, p, "conv2")
    pool2 = pool(conv2)
    act2 = np.maximum(pool2, 0)
    flat = act2.reshape(n, -1)
    act3 = np.maximum(dense(flat, p, "fc1"), 0)
    act4 = np.maximum(dense(act3, p, "fc2"), 0)
    logits = dense(act4, p, "fc3")
    logits -= logits.max(axis=1, keepdims=True)
    prob = np.exp(logits)
    prob /= prob.sum(axis=1, keepdims=True)
    picked = prob[np.arange(n), labels]
    loss = -np.log(np.maximum(picked, 1e-12)).mean()

    # Backward.
    grads = {}
    g = prob
    g[np.arange(n), labels] -= 1
    g /= n
    g = dense_backward(grads, g, act4, p, "fc3") * (act4 > 0)
    g = dense_backward(grads, g, act3, p, "fc2") * (act3 > 0)
    g = dense_backward(grads, g, flat, p, "fc1")
    g = g.reshape(act2.shape) * (act2 > 0)
    g = pool_backward(g, conv2, pool2)
    gcols = dense_backward(grads, g, cols2, p, "conv2")
    # Every input pixel collects from the (up to) 25 patches that hold it.
    gcols = gcols.reshape(*gcols.shape[:3], 5, 5, -1)
    g = np.zeros_like(act1)
    for i in range(5):
        for j in range(5):
            g[:, i:i + 10, j:j + 10] += gcols[:, :, :, i, j]
    g = pool_backward(g * (act1 > 0), conv1, pool1)
    dense_backward(grads, g, cols1, p, "conv1", want_input=False)
    return loss, grads


def train(images, labels, epochs, seed, batch=128, peak_rate=2e-3, decay=1e-4):
    """Adam with decoupled weight decay and a cosine learning rate."""
    rng = np.random.default_rng(seed)
    params = init_params(rng)
    mean = {k: np.zeros_like(v) for k, v in params.items()}
    var = {k: np.zeros_like(v) for k, v in params.items()}
    per_epoch = len(images) // batch
    steps, step = epochs * per_epoch, 0
    for epoch in range(epochs):
        began, total = time.time(), 0.0
        order = rng.permutation(len(images))
        for i in range(per_epoch):
            pick = order[i * batch:(i + 1) * batch]
            loss, grads = loss_and_grads(
                params, augment(images[pick], rng), labels[pick])
            total += float(loss)
            step += 1
            rate = peak_rate * 0.5 * (1 + np.cos(np.pi * step / steps))
            for k, g in grads.items():
                mean[k] += 0.1 * (g - mean[k])
                var[k] += 0.001 * (g * g - var[k])
                m = mean[k] / np.float32(1 - 0.9 ** step)
                v = var[k] / np.float32(1 - 0.999 ** step)
                params[k] -= np.float32(rate) * (
                    m / (np.sqrt(v) + np.float32(1e-8)) + np.float32(decay) * params[k])
        print(f"epoch {epoch + 1:2}/{epochs}: loss {total / per_epoch:.4f}, "
              f"{time.time() - began:.0f} s", flush=True)
    return params


# --- .tflite writer --------------------------------------------------------


def normalization_metadata():
    """A TFLITE_METADATA buffer that says: input = (pixel - 0) / 255.

    No current package carries classes for this schema, and it is six nested
    tables, so they are written directly: flatbuffers builds inside out.
    """
    b = flatbuffers.Builder(256)

    def table(count, **slots):  # slotN=(offset of a child)
        b.StartObject(count)
        for key, offset in slots.items():
            b.PrependUOffsetTRelativeSlot(int(key[4:]), offset, 0)
        return b.EndObject()

    def union(count, first, kind, offset):  # type byte, then the value
        b.StartObject(count)
        b.PrependUint8Slot(first, kind, 0)
        b.PrependUOffsetTRelativeSlot(first + 1, offset, 0)
        return b.EndObject()

    def vector(offset):  # of one table
        b.StartVector(4, 1, 4)
        b.PrependUOffsetTRelative(offset)
        return b.EndVector()

    def floats(value):
        return b.CreateNumpyVector(np.array([value], np.float32))

    # In the schema's order of fields; numbers are its field positions.
    mean, std = floats(0.0), floats(255.0)
    options = table(2, slot0=mean, slot1=std)  # NormalizationOptions
    units = vector(union(2, 0, 1, options))  # [ProcessUnit]
    b.StartObject(2)  # ImageProperties
    b.PrependInt8Slot(0, 2, 0)  # ColorSpaceType.GRAYSCALE
    image = b.EndObject()
    content = union(3, 0, 2, image)  # Content, ContentProperties.ImageProperties
    image_name = b.CreateString("image")
    input_ = table(7, slot0=image_name, slot3=content, slot4=units)  # TensorMetadata
    output_name = b.CreateString("probability")
    output = table(7, slot0=output_name)
    inputs, outputs = vector(input_), vector(output)
    subgraphs = vector(table(9, slot2=inputs, slot3=outputs))  # SubGraphMetadata
    name, parser = b.CreateString("LeNet-5"), b.CreateString("1.0.0")
    b.Finish(table(8, slot0=name, slot3=subgraphs, slot7=parser), b"M001")
    return bytes(b.Output())


def build_tflite(params):
    """Return the bytes of a batch-1 float32 model with these weights."""
    op, act = tfl.BuiltinOperator, tfl.ActivationFunctionType
    options, padding = tfl.BuiltinOptions, tfl.Padding
    kinds = [op.CONV_2D, op.MAX_POOL_2D, op.RESHAPE, op.FULLY_CONNECTED, op.SOFTMAX]
    # Buffer 0 is by convention the empty one, for tensors without constants.
    buffers, tensors, operators = [tfl.BufferT()], [], []

    def tensor(name, shape, data=None):
        index = 0
        if data is not None:
            # Little-endian whatever the machine, as the format demands.
            data = data.astype(data.dtype.newbyteorder("<"))
            buffers.append(AlignedBuffer(data=data.tobytes()))
            index = len(buffers) - 1
        is_int = data is not None and data.dtype.kind == "i"
        kind = tfl.TensorType.INT32 if is_int else tfl.TensorType.FLOAT32
        tensors.append(tfl.TensorT(
            name=name, shape=list(shape), type=kind, buffer=index, hasRank=True,
            quantization=tfl.QuantizationParametersT()))
        return len(tensors) - 1

    def add(code, name, inputs, shape, option_type, option):
        out = tensor(name, shape)
        operators.append(tfl.OperatorT(
            opcodeIndex=kinds.index(code), inputs=inputs, outputs=[out],
            builtinOptionsType=option_type, builtinOptions=option))
        return out

    def weights(name):
        w, b = params[name + "/w"], params[name + "/b"]
        return [tensor(name + "/w", w.shape, w), tensor(name + "/b", b.shape, b)]

    def conv(x, name, shape, pad):
        return add(op.CONV_2D, name, [x] + weights(name), shape,
                   options.Conv2DOptions, tfl.Conv2DOptionsT(
                       padding=pad, strideW=1, strideH=1,
                       fusedActivationFunction=act.RELU))

    def max_pool(x, name, shape):
        return add(op.MAX_POOL_2D, name, [x], shape,
                   options.Pool2DOptions, tfl.Pool2DOptionsT(
                       padding=padding.VALID, strideW=2, strideH=2,
                       filterWidth=2, filterHeight=2))

    def fully_connected(x, name, activation):
        return add(op.FULLY_CONNECTED, name, [x] + weights(name),
                   (1, len(params[name + "/b"])), options.FullyConnectedOptions,
                   tfl.FullyConnectedOptionsT(fusedActivationFunction=activation))

    image = x = tensor("image", (1, 28, 28, 1))
    x = conv(x, "conv1", (1, 28, 28, 6), padding.SAME)
    x = max_pool(x, "pool1", (1, 14, 14, 6))
    x = conv(x, "conv2", (1, 10, 10, 16), padding.VALID)
    x = max_pool(x, "pool2", (1, 5, 5, 16))
    # The shape as converters write it: batch left open, to be inferred.
    shape = tensor("flatten/shape", (2,), np.array([-1, 400], np.int32))
    x = add(op.RESHAPE, "flatten", [x, shape], (1, 400),
            options.ReshapeOptions, tfl.ReshapeOptionsT())
    x = fully_connected(x, "fc1", act.RELU)
    x = fully_connected(x, "fc2", act.RELU)
    x = fully_connected(x, "fc3", act.NONE)
    x = add(op.SOFTMAX, "probability", [x], (1, 10),
            options.SoftmaxOptions, tfl.SoftmaxOptionsT(beta=1.0))

    buffers.append(AlignedBuffer(data=normalization_metadata()))
    model = tfl.ModelT(
        version=3,
        description="LeNet-5, MNIST; input: pixel / 255",
        # Old readers look at the first field, new ones at the second.
        operatorCodes=[tfl.OperatorCodeT(deprecatedBuiltinCode=k, builtinCode=k,
                                         version=1) for k in kinds],
        subgraphs=[tfl.SubGraphT(name="main", tensors=tensors, operators=operators,
                                 inputs=[image], outputs=[x])],
        buffers=buffers,
        metadata=[tfl.MetadataT(name="TFLITE_METADATA", buffer=len(buffers) - 1)])
    builder = flatbuffers.Builder(1 << 19)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# --- main ------------------------------------------------------------------


def accuracy(model, images, labels):
    """Share of the images that LiteRT, running the finished file, gets right."""
    net = Interpreter(model_path=str(model), num_threads=1)
    net.allocate_tensors()
    source = net.get_input_details()[0]["index"]
    result = net.get_output_details()[0]["index"]
    right = 0
    for image, label in zip(images, labels):
        net.set_tensor(source, image[None])
        net.invoke()
        right += int(net.get_tensor(result)[0].argmax() == label)
    return right / len(images)


def main():
    default_assets = os.environ.get("OFFCUT_ASSETS", REPO.parent / "shared" / "assets")
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--assets", type=Path, default=Path(default_assets),
                      help="folder that holds data/mnist (default: $OFFCUT_ASSETS, "
                           "else ../shared/assets beside the repository)")
    args.add_argument("--out", type=Path, default=HERE / "lenet5.tflite")
    args.add_argument("--epochs", type=int, default=20)
    args.add_argument("--seed", type=int, default=5)
    args = args.parse_args()

    mnist = args.assets / "data" / "mnist"
    params = train(*load_mnist(mnist, "train"), args.epochs, args.seed)
    args.out.write_bytes(build_tflite(params))
    data = args.out.read_bytes()
    # The test images serve for this score only: the weights kept are those of
    # the last epoch, whatever it says.
    score = accuracy(args.out, *load_mnist(mnist, "t10k"))
    print(f"{args.out.name}: {len(data)} bytes, "
          f"sha256 {hashlib.sha256(data).hexdigest()}")
    print(f"MNIST test accuracy (LiteRT): {100 * score:.2f} %")


if __name__ == "__main__":
    main()
