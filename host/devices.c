/* SPDX-License-Identifier: Apache-2.0 */
/** `offcut devices`: what this machine could run on, and why not on the rest. */
#include "json.h"
#include "table.h"

#include <stdio.h>

typedef struct devices_options {
    bool is_json;
} devices_options;

static const host_option rows[] = {
    {.name = "json", .offset = offsetof(devices_options, is_json), .help = "one JSON document"},
};

static void print_text(const oc_device_info *list, size_t count)
{
    host_table table;
    char titles[] = "id|kind|>units|>memory|state|name|driver";
    char text[HOST_NUMBER_TEXT];
    host_table_init(&table, titles);
    for (size_t i = 0; i < count; i++) {
        const oc_device_info *d = &list[i];
        host_cell(&table, "%s", d->id);
        host_cell(&table, "%s", d->kind);
        host_cell(&table, "%s", d->is_available ? host_count_text(d->compute_units, text) : "");
        host_cell(&table, "%s", d->memory_bytes ? host_bytes_text(d->memory_bytes, text) : "");
        host_cell(&table, "%s%s",
                  d->is_available ? "available" : "absent: ", d->is_available ? "" : d->why);
        host_cell(&table, "%s", d->name);
        host_cell(&table, "%s", d->driver);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

static void print_json(const oc_device_info *list, size_t count)
{
    json_t *document = host_json_object();
    json_t *devices = host_json_list();
    for (size_t i = 0; i < count; i++)
        host_json_add(devices, host_json_device(&list[i]));
    host_json_put(document, "devices", devices);
    host_json_print(document);
}

static int run(const host_call *call)
{
    const devices_options *options = call->options;
    oc_device_info *list = NULL;
    size_t count = 0;
    if (oc_device_list(NULL, &list, &count) != OC_OK)
        return host_fail_library(call);
    if (options->is_json)
        print_json(list, count);
    else
        print_text(list, count);
    oc_device_list_free(list, NULL);
    return HOST_OK;
}

const host_command host_command_devices = {
    .name = "devices",
    .help = "list the devices of this machine, also those that cannot be used, and why",
    .notes = "--device SELECTOR of the other commands takes an id, a part of a name, or one of "
             "pocl, gpu,\n"
             "cpu, reference.",
    .options = rows,
    .n_options = HOST_COUNT(rows),
    .options_size = sizeof(devices_options),
    .run = run,
};
