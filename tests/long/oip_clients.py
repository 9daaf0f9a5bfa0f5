# SPDX-License-Identifier: Apache-2.0
"""Uses a worker (HOST:PORT) that serves tests/models/lenet5.tflite as "lenet". Run by oip_clients.sh."""
import sys

import grpc
import numpy as np
import tritonclient.grpc as oip
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.utils import InferenceServerException

address, models = sys.argv[1:]
images = np.load(f"{models}/lenet5_golden_in.npy")
golden = np.load(f"{models}/lenet5_golden.npy")
client = oip.InferenceServerClient(address)


def tensor(image):
    made = oip.InferInput("image", [1, 28, 28, 1], "FP32")
    made.set_data_from_numpy(image.reshape(1, 28, 28, 1))
    return made


def refused(status, text, call):
    try:
        call()
    except InferenceServerException as error:
        assert error.status() == status, error
        assert text in error.message(), error
    else:
        raise AssertionError(f"expected {status}")


assert client.is_server_live() and client.is_server_ready()
assert client.is_model_ready("lenet") and not client.is_model_ready("nothing")
assert client.get_server_metadata().name == "offcut"
metadata = client.get_model_metadata("lenet")
assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [("image", "FP32", [1, 28, 28, 1])]
assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [("probability", "FP32", [1, 10])]

for index, image in enumerate(images):
    answer = client.infer("lenet", [tensor(image)], request_id=f"digit {index}")
    assert answer.get_response().id == f"digit {index}"
    found = answer.as_numpy("probability")
    assert np.abs(found - golden[index]).max() <= 1e-6, (index, found, golden[index])
wanted = [oip.InferRequestedOutput("probability")]
assert client.infer("lenet", [tensor(images[0])], outputs=wanted).as_numpy("probability").shape == (1, 10)

good = [tensor(images[0])]
refused("StatusCode.NOT_FOUND", 'served are "lenet"', lambda: client.infer("nothing", good))
refused("StatusCode.INVALID_ARGUMENT", '"image" is missing', lambda: client.infer("lenet", []))
refused("StatusCode.UNIMPLEMENTED", "gzip", lambda: client.infer("lenet", good, compression_algorithm="gzip"))

health = health_pb2_grpc.HealthStub(grpc.insecure_channel(address))
for service in ("", "inference.GRPCInferenceService", "offcut.v1.Offcut"):
    assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == 1
try:
    health.Check(health_pb2.HealthCheckRequest(service="bakery"))
    raise AssertionError("expected NOT_FOUND")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.NOT_FOUND
print(f"{len(images)} digits through a public client agree with the model's own answers")
