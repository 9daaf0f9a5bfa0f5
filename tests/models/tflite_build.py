# SPDX-License-Identifier: Apache-2.0
"""Writes small TensorFlow Lite models field by field, and asks LiteRT's reference kernels about them.

The schema classes are those that come with ai-edge-litert; no converter is involved, so that a model
says exactly what is written here (scales, zero points, paddings, fused activations).
"""
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {
    np.dtype(np.float32): tfl.TensorType.FLOAT32,
    np.dtype(np.float16): tfl.TensorType.FLOAT16,
    np.dtype(np.int8): tfl.TensorType.INT8,
    np.dtype(np.uint8): tfl.TensorType.UINT8,
    np.dtype(np.int32): tfl.TensorType.INT32,
    np.dtype(np.int64): tfl.TensorType.INT64,
    np.dtype(np.bool_): tfl.TensorType.BOOL,
}


class Quant:
    """real = scale * (element - zero); lists for one per index along `axis`."""

    def __init__(self, scale, zero=0, axis=0):
        self.scale = np.atleast_1d(np.asarray(scale, np.float32))
        self.zero = np.broadcast_to(np.asarray(zero, np.int64), self.scale.shape)
        self.axis = axis


class AlignedBuffer(tfl.BufferT):
    """A buffer whose bytes start at a multiple of 16.

    The schema asks for it (force_align: 16), so that a reader may use weights
    in place from a mapped file; the generated Python classes do not do it.
    """

    def Pack(self, builder):
        raw = bytes(self.data)
        builder.StartVector(1, len(raw), 16)
        builder.head -= len(raw)
        builder.Bytes[builder.head:builder.head + len(raw)] = raw
        data = builder.EndVector()
        tfl.BufferStart(builder)
        tfl.BufferAddData(builder, data)
        return tfl.BufferEnd(builder)


class Model:
    """Tensors and operators in the order in which they are added; names are unique."""

    Buffer = tfl.BufferT  # what constants become: AlignedBuffer where they are large

    def __init__(self):
        self.model = tfl.ModelT()
        self.model.version = 3
        self.model.buffers = [self.buffer(None)]
        self.model.operatorCodes = []
        self.graph = tfl.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs = [self.graph]

    @classmethod
    def buffer(cls, data):
        made = tfl.BufferT() if data is None else cls.Buffer()
        if data is not None:
            made.data = np.frombuffer(data.tobytes(), np.uint8)
        return made

    def tensor(self, name, shape, dtype, quant=None, data=None, signature=None):
        made = tfl.TensorT()
        made.name, made.shape, made.type = name, list(shape), TYPES[np.dtype(dtype)]
        if signature is not None:
            made.shapeSignature = list(signature)
        if quant is not None:
            made.quantization = tfl.QuantizationParametersT()
            made.quantization.scale = quant.scale
            made.quantization.zeroPoint = quant.zero.astype(np.int64)
            made.quantization.quantizedDimension = quant.axis
        if data is not None:
            self.model.buffers.append(self.buffer(data))
            made.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(made)
        return len(self.graph.tensors) - 1

    def input(self, name, shape, dtype, quant=None, signature=None):
        index = self.tensor(name, shape, dtype, quant, signature=signature)
        self.graph.inputs.append(index)
        return index

    def const(self, name, data, quant=None):
        data = np.ascontiguousarray(data)
        return self.tensor(name, data.shape, data.dtype, quant, data)

    def code(self, builtin, version):
        for i, known in enumerate(self.model.operatorCodes):
            if known.builtinCode == builtin and known.version == version:
                return i
        made = tfl.OperatorCodeT()
        made.builtinCode, made.version = builtin, version
        made.deprecatedBuiltinCode = min(builtin, 127)
        self.model.operatorCodes.append(made)
        return len(self.model.operatorCodes) - 1

    def op(self, name, inputs, outputs, options=None, version=1, **fields):
        """`options`: the name of its table, whose fields follow."""
        made = tfl.OperatorT()
        made.opcodeIndex = self.code(getattr(tfl.BuiltinOperator, name), version)
        made.inputs, made.outputs = list(inputs), list(outputs)
        if options:
            table = getattr(tfl, options + "T")()
            for field, value in fields.items():
                assert hasattr(table, field), (options, field)
                setattr(table, field, value)
            made.builtinOptionsType = getattr(tfl.BuiltinOptions, options)
            made.builtinOptions = table
        self.graph.operators.append(made)

    def output(self, *indices):
        self.graph.outputs.extend(indices)

    def bytes(self):
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def answer(model, inputs, resolver=OpResolverType.BUILTIN_REF):
    """The outputs of LiteRT for a list of inputs."""
    lite = Interpreter(model_content=model, experimental_op_resolver_type=resolver,
                       experimental_preserve_all_tensors=False, num_threads=1)
    for detail, data in zip(lite.get_input_details(), inputs):
        if list(detail["shape"]) != list(data.shape):
            lite.resize_tensor_input(detail["index"], data.shape)
    lite.allocate_tensors()
    for detail, data in zip(lite.get_input_details(), inputs):
        lite.set_tensor(detail["index"], data)
    lite.invoke()
    return [lite.get_tensor(d["index"]).copy() for d in lite.get_output_details()]
