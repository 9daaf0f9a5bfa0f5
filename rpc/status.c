/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offcut's statuses and gRPC's. Several of ours travel as one gRPC code; the name in the trailing
 * metadata tells them apart between offcut's own, and a foreign peer's code means what its row
 * says.
 */
#include "oc_rpc.h"

grpc_status_code oc_rpc_code(oc_status status)
{
    static const grpc_status_code codes[] = {
#define X(name_, text_, grpc_) [OC_##name_] = (grpc_status_code)(grpc_),
        OC_STATUS_LIST(X)
#undef X
    };
    return (size_t)status < OC_COUNT(codes) ? codes[status] : GRPC_STATUS_INTERNAL;
}

oc_status oc_rpc_status(grpc_status_code code, oc_bytes name)
{
    static const oc_status meanings[] = {
        [GRPC_STATUS_OK] = OC_OK,
        [GRPC_STATUS_CANCELLED] = OC_E_LOST, /* the peer's wish: ours never gets this far */
        [GRPC_STATUS_UNKNOWN] = OC_E_LOST,
        [GRPC_STATUS_INVALID_ARGUMENT] = OC_E_ARG,
        [GRPC_STATUS_DEADLINE_EXCEEDED] = OC_E_DEADLINE,
        [GRPC_STATUS_NOT_FOUND] = OC_E_NOTFOUND,
        [GRPC_STATUS_ALREADY_EXISTS] = OC_E_BUSY,
        [GRPC_STATUS_PERMISSION_DENIED] = OC_E_LOST,
        [GRPC_STATUS_RESOURCE_EXHAUSTED] = OC_E_LIMIT,
        [GRPC_STATUS_FAILED_PRECONDITION] = OC_E_MISMATCH,
        [GRPC_STATUS_ABORTED] = OC_E_LOST,
        [GRPC_STATUS_OUT_OF_RANGE] = OC_E_ARG,
        [GRPC_STATUS_UNIMPLEMENTED] = OC_E_UNSUPPORTED,
        [GRPC_STATUS_INTERNAL] = OC_E_LOST, /* gRPC's own word for a broken stream */
        [GRPC_STATUS_UNAVAILABLE] = OC_E_LOST,
        [GRPC_STATUS_DATA_LOSS] = OC_E_FORMAT,
        [GRPC_STATUS_UNAUTHENTICATED] = OC_E_LOST,
    };
#define X(name_, text_, grpc_)                                \
    if (code == (grpc_) && oc_bytes_equal_text(name, #name_)) \
        return OC_##name_;
    OC_STATUS_LIST(X)
#undef X
    return (size_t)code < OC_COUNT(meanings) ? meanings[code] : OC_E_LOST;
}
