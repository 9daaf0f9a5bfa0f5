/* SPDX-License-Identifier: Apache-2.0 */
/* A call of one question and one answer, as a client begins and ends it. */
#include "oc_rpc.h"

#include <string.h>

bool oc_rpc_unary_begin(oc_rpc_unary *u, const oc_rpc_unary_options *options, oc_rpc_tag *on_over)
{
    grpc_op ops[6];
    *u = (oc_rpc_unary){.question = options->question, .details = grpc_empty_slice()};
    grpc_metadata_array_init(&u->head);
    grpc_metadata_array_init(&u->tail);
    u->call = grpc_channel_create_call(options->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                       options->queue, grpc_slice_from_static_string(options->path),
                                       NULL, oc_rpc_deadline(options->deadline_ns), NULL);
    memset(ops, 0, sizeof(ops));
    ops[0].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (options->waits_for_ready)
        ops[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY |
                       GRPC_INITIAL_METADATA_WAIT_FOR_READY_EXPLICITLY_SET;
    ops[1].op = GRPC_OP_SEND_MESSAGE;
    ops[1].data.send_message.send_message = u->question;
    ops[2].op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
    ops[3].op = GRPC_OP_RECV_INITIAL_METADATA;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &u->head;
    ops[4].op = GRPC_OP_RECV_MESSAGE;
    ops[4].data.recv_message.recv_message = &u->answer;
    ops[5].op = GRPC_OP_RECV_STATUS_ON_CLIENT;
    ops[5].data.recv_status_on_client.trailing_metadata = &u->tail;
    ops[5].data.recv_status_on_client.status = &u->code;
    ops[5].data.recv_status_on_client.status_details = &u->details;
    if (grpc_call_start_batch(u->call, ops, OC_COUNT(ops), on_over, NULL) == GRPC_CALL_OK)
        return true;
    oc_rpc_unary_end(u);
    return false;
}

void oc_rpc_unary_end(oc_rpc_unary *u)
{
    if (!u->call)
        return;
    grpc_byte_buffer_destroy(u->question);
    grpc_byte_buffer_destroy(u->answer);
    grpc_slice_unref(u->details);
    grpc_metadata_array_destroy(&u->head);
    grpc_metadata_array_destroy(&u->tail);
    grpc_call_unref(u->call);
    *u = (oc_rpc_unary){.call = NULL};
}
