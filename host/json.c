/* SPDX-License-Identifier: Apache-2.0 */
/** What the commands say, as JSON. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int failed)
{
    if (failed) {
        fprintf(stderr, "offcut: out of memory for the JSON document\n");
        exit(HOST_FAILED);
    }
}

void host_json_put(json_t *object, const char *key, json_t *value)
{
    check(json_object_set_new(object, key, value));
}

void host_json_add(json_t *list, json_t *value)
{
    check(json_array_append_new(list, value));
}

json_t *host_json_object(void)
{
    return json_object();
}

json_t *host_json_list(void)
{
    return json_array();
}

json_t *host_json_text(const char *text)
{
    if (!text)
        return json_null();
    json_t *value = json_string(text);
    if (value)
        return value;
    char *ascii = host_text("%s", text);
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(ascii);
    free(ascii);
    return value;
}

json_t *host_json_uint(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *host_json_bool(bool value)
{
    return json_boolean(value);
}

json_t *host_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *host_json_desc(const char *name, const oc_desc *desc)
{
    json_t *object = host_json_object();
    json_t *shape = host_json_list();
    for (int32_t i = 0; i < desc->shape.rank; i++)
        host_json_add(shape, json_integer(desc->shape.dim[i]));
    host_json_put(object, "name", host_json_text(name));
    host_json_put(object, "dtype", host_json_text(oc_dtype_name(desc->dtype)));
    host_json_put(object, "shape", shape);
    return object;
}

static json_t *floats(const float *list, int32_t count)
{
    json_t *array = host_json_list();
    for (int32_t i = 0; i < count; i++)
        host_json_add(array, host_json_number((double)list[i]));
    return array;
}

static json_t *values(const oc_value_info *list, size_t count)
{
    json_t *array = host_json_list();
    for (size_t i = 0; i < count; i++) {
        json_t *value = host_json_desc(list[i].name, &list[i].desc);
        host_json_put(value, "bytes", host_json_uint(list[i].bytes));
        if (list[i].norm) {
            host_json_put(value, "mean", floats(list[i].norm->mean, list[i].norm->n));
            host_json_put(value, "scale", floats(list[i].norm->scale, list[i].norm->n));
        }
        host_json_add(array, value);
    }
    return array;
}

json_t *host_json_model(const oc_model_info *info)
{
    json_t *model = host_json_object();
    host_json_put(model, "name", host_json_text(info->name));
    host_json_put(model, "format", host_json_text(info->format));
    host_json_put(model, "digest", host_json_text(info->digest));
    host_json_put(model, "inputs", values(info->inputs, info->n_inputs));
    host_json_put(model, "outputs", values(info->outputs, info->n_outputs));
    host_json_put(model, "nodes", host_json_uint(info->n_nodes));
    host_json_put(model, "macs", host_json_uint(info->macs));
    host_json_put(model, "params", host_json_uint(info->params));
    host_json_put(model, "weight_bytes", host_json_uint(info->weight_bytes));
    host_json_put(model, "arena_bytes", host_json_uint(info->arena_bytes));
    host_json_put(model, "arena_lower_bound", host_json_uint(info->arena_lower_bound));
    return model;
}

json_t *host_json_device(const oc_device_info *info)
{
    json_t *device = host_json_object();
    host_json_put(device, "id", host_json_text(info->id));
    host_json_put(device, "kind", host_json_text(info->kind));
    host_json_put(device, "name", host_json_text(info->name));
    host_json_put(device, "vendor", host_json_text(info->vendor));
    host_json_put(device, "driver", host_json_text(info->driver));
    host_json_put(device, "available", host_json_bool(info->is_available));
    host_json_put(device, "why", info->is_available ? json_null() : host_json_text(info->why));
    host_json_put(device, "memory_bytes", host_json_uint(info->memory_bytes));
    host_json_put(device, "compute_units", host_json_uint(info->compute_units));
    return device;
}

void host_json_print(json_t *document)
{
    /* Nine digits tell any two float32 apart. */
    check(json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) && !ferror(stdout));
    putchar('\n');
    json_decref(document);
}
