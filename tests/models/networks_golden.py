# SPDX-License-Identifier: Apache-2.0
"""What ONNX Runtime answers for the networks of generate.c: writes {residual,concat}_golden.npy.

    build/release/tests/bin/generate_models /tmp/networks
    python tests/models/networks_golden.py /tmp/networks

The answers are the values before the softmax, where errors show; all graph optimisations of
ONNX Runtime are off, so that it computes the network as it is written.
"""
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))


def scores(folder, name):
    model = onnx.load(os.path.join(folder, name + ".onnx"))
    last = model.graph.node[-1]
    assert last.op_type == "Softmax", last.op_type
    model.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = np.load(os.path.join(folder, name + "_input.npy"))
    return last.input[0], session.run([last.input[0]], {session.get_inputs()[0].name: given})[0]


for name in ("residual", "concat"):
    value, answer = scores(sys.argv[1], name)
    np.save(os.path.join(HERE, name + "_golden.npy"), answer.astype(np.float32))
    print(name, value, answer.shape, answer)
