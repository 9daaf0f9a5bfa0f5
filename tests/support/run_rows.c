/* SPDX-License-Identifier: Apache-2.0 */
/** run_rows MODEL DEVICE IN.npy OUT.npy: rows of inputs through a model (rows.h), for scripts. */
#include "rows.h"

#include <stdio.h>

static oc_status run(char **arg)
{
    oc_model *model = NULL;
    oc_tensor in = {.data = NULL}, out = {.data = NULL};
    oc_status status = oc_model_open(arg[1], NULL, NULL, &model);
    if (status == OC_OK)
        status = oc_npy_read(arg[3], NULL, NULL, &in);
    if (status == OC_OK)
        status = rows_run(model, arg[2], &in, &out);
    if (status == OC_OK)
        status = oc_npy_write(arg[4], &out);
    oc_tensor_free(&in, NULL);
    oc_tensor_free(&out, NULL);
    oc_model_destroy(model);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: run_rows MODEL DEVICE IN.npy OUT.npy\n");
        return 2;
    }
    if (run(argv) == OC_OK)
        return 0;
    fprintf(stderr, "run_rows: %s: %s\n", argv[1], oc_error_text());
    return 1;
}
