# SPDX-License-Identifier: Apache-2.0
"""Record what LiteRT answers to the drawn digits.

Writes lenet5_golden_in.npy, float32 [10,28,28,1]: digits/0.png ... 9.png,
area-averaged to 28x28 (rounded to whole grey levels) and divided by 255; and
lenet5_golden.npy, float32 [10,10]: the probabilities that LiteRT's reference
kernels give for them, a row each. The digits are so clear that these rows are
all but one-hot and would hide a small arithmetic error, so the scores before
the softmax (tensor "fc3") are kept too: lenet5_golden_scores.npy, float32 [10,10].

It first checks that every picture in digits/ is recognised, with no less than
MIN_PROBABILITY, however it is shrunk: tests that read the pictures through some
other resize must not hang on that choice.

    python lenet5_golden.py [--model FILE]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = Path(__file__).resolve().parent
SIDE = 28
MIN_PROBABILITY = 0.9


def sample(pixels, aligned_corners):
    """Bilinear resize from four neighbours only, as most frameworks do it."""
    side = len(pixels)
    if aligned_corners:
        at = np.arange(SIDE) * (side - 1) / (SIDE - 1)
    else:
        at = np.clip((np.arange(SIDE) + 0.5) * side / SIDE - 0.5, 0, side - 1)
    low = at.astype(int)
    high, f = np.minimum(low + 1, side - 1), at - low
    rows = pixels[low] * (1 - f)[:, None] + pixels[high] * f[:, None]
    return rows[:, low] * (1 - f) + rows[:, high] * f


def shrunk(picture):
    """The picture at 28x28 by name of the method; the first is the golden one."""
    pixels = np.asarray(picture, np.float32)
    size = (SIDE, SIDE)
    return {
        "area": np.asarray(picture.resize(size, Image.Resampling.BOX)),
        "filtered bilinear": np.asarray(picture.resize(size, Image.Resampling.BILINEAR)),
        "bilinear": sample(pixels, aligned_corners=False),
        "bilinear, aligned corners": sample(pixels, aligned_corners=True),
        "nearest": np.asarray(picture.resize(size, Image.Resampling.NEAREST)),
    }


class Classifier:
    def __init__(self, model):
        # Without delegates: the plain kernels are the definition to compare to.
        self.net = Interpreter(
            model_path=str(model), num_threads=1,
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True)
        self.net.allocate_tensors()
        self.source = self.net.get_input_details()[0]["index"]
        self.result = self.net.get_output_details()[0]["index"]
        self.scores = next(t["index"] for t in self.net.get_tensor_details()
                           if t["name"] == "fc3")

    def __call__(self, image):
        """Return the probabilities and the scores they were made from."""
        self.net.set_tensor(self.source, image)
        self.net.invoke()
        return self.net.get_tensor(self.result)[0], self.net.get_tensor(self.scores)[0]


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--model", type=Path, default=HERE / "lenet5.tflite")
    args = args.parse_args()
    classify = Classifier(args.model)

    inputs, answers, all_scores, worst, failed = [], [], [], {}, False
    for path in sorted((HERE / "digits").glob("*.png")):
        digit = int(path.stem[0])
        for method, pixels in shrunk(Image.open(path)).items():
            image = (pixels.astype(np.float32) / np.float32(255)).reshape(1, SIDE, SIDE, 1)
            prob, scores = classify(image)
            worst[method] = min(worst.get(method, (1, "")), (float(prob[digit]), path.name))
            if prob.argmax() != digit or prob[digit] < MIN_PROBABILITY:
                print(f"{path.name}, {method}: {prob[digit]:.4f}, taken for {prob.argmax()}")
                failed = True
            if method == "area" and path.stem == str(digit):
                inputs.append(image[0])
                answers.append(prob)
                all_scores.append(scores)
    for method, (prob, name) in worst.items():
        print(f"{method}: least sure of {name}, {prob:.4f}")
    if failed:
        sys.exit("not every picture is recognised; nothing written")
    np.save(HERE / "lenet5_golden_in.npy", np.stack(inputs))
    np.save(HERE / "lenet5_golden.npy", np.stack(answers))
    np.save(HERE / "lenet5_golden_scores.npy", np.stack(all_scores))
    print(f"recorded {len(inputs)} answers")


if __name__ == "__main__":
    main()
