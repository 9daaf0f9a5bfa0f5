/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A model opened, prepared for a device, and a session with its tensors: what every running command
 * holds.
 */
#ifndef HOST_RUNNER_H
#define HOST_RUNNER_H

#include "model.h"

typedef struct host_runner {
    const host_call *call;
    const char *path; /* of the model; borrowed */
    oc_model *model;
    const oc_model_info *info;
    oc_prepared *prepared;
    oc_session *session;
    oc_plan *plan; /* that the session follows; NULL: all-local, or as its policy decides */
    bool has_policy;
    oc_tensor *inputs, *outputs;
} host_runner;

/*
 * Each returns an exit status, after saying what failed; host_runner_close is right after any of
 * them.
 */

/** Open the model as `words` say (NULL: as it is); inputs and outputs get no data yet. */
int host_runner_open(const host_call *call, const char *path, const host_model_options *words,
                     host_runner *runner);
/** Prepare it, showing the progress, and make the tensors of the outputs. */
int host_runner_prepare(host_runner *runner, const oc_prepare_options *options);
/** A session, all-local, in place of the one before. */
int host_runner_connect(host_runner *runner, const oc_session_options *options);
/** Follow `plan` from now on; owns it, also on failure. */
int host_runner_follow(host_runner *runner, oc_plan *plan);
/**
 * Run `repeat` times; the report is the quickest run's (of those that fell back, if any did), or
 * with a policy the last one's, which it can explain; the outputs are the last one's.
 */
int host_runner_run(host_runner *runner, uint32_t repeat, oc_report *report);
void host_runner_close(host_runner *runner);

/** A copy of the outputs as they are now. Freed with host_outputs_free. */
oc_tensor *host_outputs_copy(const host_runner *runner);
void host_outputs_free(const host_runner *runner, oc_tensor *outputs);

#endif
