/* SPDX-License-Identifier: Apache-2.0 */
/** Attribute rows and launches: what every operator's row is read and written with. */
#include "oc_op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_elements(const oc_shape *shape)
{
    for (int32_t d = 0; d < shape->rank; d++)
        if (shape->dim[d] == 0)
            return false;
    return true;
}

bool oc_op_is_empty(const oc_op_call *call)
{
    for (uint32_t i = 0; i < call->n_out; i++)
        if (has_elements(&call->out[i]->shape))
            return false;
    return true;
}

const oc_attr *oc_attr_find(const oc_op *op, const char *name)
{
    for (size_t i = 0; i < op->n_attrs; i++)
        if (strcmp(op->attrs[i].name, name) == 0)
            return &op->attrs[i];
    return NULL;
}

void oc_attrs_default(const oc_op *op, void *attrs)
{
    for (size_t i = 0; i < op->n_attrs; i++) {
        const oc_attr *row = &op->attrs[i];
        void *field = (char *)attrs + row->offset;
        switch (row->type) {
        case OC_ATTR_INT:
        case OC_ATTR_ENUM:
            *(int32_t *)field = (int32_t)row->initial;
            break;
        case OC_ATTR_FLOAT:
            *(float *)field = (float)row->initial;
            break;
        case OC_ATTR_INTS:
            *(oc_ints *)field = row->initial_ints;
            break;
        case OC_ATTR_FLOATS:
            *(oc_floats *)field = (oc_floats){0};
            break;
        }
    }
}

/* Nine digits bring a float32 back exactly; "%a" would depend on the C library. */
static oc_status print_floats(const char *name, const oc_floats *list, oc_buf *text)
{
    OC_TRY(oc_buf_printf(text, "%s=[", name));
    for (int32_t i = 0; i < list->count; i++)
        OC_TRY(oc_buf_printf(text, i ? ",%.9g" : "%.9g", (double)list->v[i]));
    return oc_buf_put(text, "]", 1);
}

static oc_status print_attr(const oc_attr *row, const void *field, oc_buf *text)
{
    switch (row->type) {
    case OC_ATTR_INT:
        return oc_buf_printf(text, "%s=%d", row->name, (int)*(const int32_t *)field);
    case OC_ATTR_FLOAT:
        return oc_buf_printf(text, "%s=%.9g", row->name, (double)*(const float *)field);
    case OC_ATTR_FLOATS:
        return print_floats(row->name, field, text);
    case OC_ATTR_ENUM:
        return oc_buf_printf(text, "%s=%s", row->name, row->names[*(const int32_t *)field]);
    case OC_ATTR_INTS:
        break;
    }
    const oc_ints *list = field;
    OC_TRY(oc_buf_printf(text, "%s=[", row->name));
    for (int32_t i = 0; i < list->count; i++)
        OC_TRY(oc_buf_printf(text, i ? ",%d" : "%d", (int)list->v[i]));
    return oc_buf_put(text, "]", 1);
}

oc_status oc_attrs_print(const oc_op *op, const void *attrs, oc_buf *text)
{
    for (size_t i = 0; i < op->n_attrs; i++) {
        if (i > 0)
            OC_TRY(oc_buf_put(text, " ", 1));
        OC_TRY(print_attr(&op->attrs[i], (const char *)attrs + op->attrs[i].offset, text));
    }
    return OC_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

oc_status oc_launch_add(oc_launch_list *list, const char *stem, const char *kernel, oc_launch **launch)
{
    OC_TRY(oc_grow(list->alloc, &list->items, list->count, &list->capacity, sizeof(*list->items)));
    oc_launch *item = &list->items[list->count++];
    memset(item, 0, sizeof(*item));
    item->stem = stem;
    item->kernel = kernel;
    *launch = item;
    return OC_OK;
}

oc_status oc_launch_define(oc_launch *launch, const char *fmt, ...)
{
    size_t used = strlen(launch->options);
    size_t room = sizeof(launch->options) - used;
    int sep = used > 0 ? snprintf(launch->options + used, room, " ") : 0;
    va_list args;
    va_start(args, fmt);
    int put = vsnprintf(launch->options + used + sep, room - (size_t)sep, fmt, args);
    va_end(args);
    if (put < 0 || (size_t)(put + sep) >= room)
        return oc_fail(OC_E_INTERNAL, "kernel %s: options do not fit %zu bytes", launch->kernel,
                       sizeof(launch->options));
    return OC_OK;
}

oc_status oc_launch_define_float(oc_launch *launch, const char *name, float value)
{
    /* The bits, not a decimal: a kernel must see the very constant that the reference sees. */
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return oc_launch_define(launch, "-D%s=as_float(0x%08xu)", name, (unsigned)bits);
}

void oc_launch_arg_add(oc_launch *launch, oc_launch_arg arg)
{
    if (launch->n_args < OC_LAUNCH_ARGS)
        launch->args[launch->n_args++] = arg;
}

void oc_launch_range(oc_launch *launch, size_t x, size_t y, size_t z)
{
    launch->global[0] = x;
    launch->global[1] = y;
    launch->global[2] = z;
    launch->dims = z > 1 ? 3 : y > 1 ? 2 : 1;
}

/* ---- choices ------------------------------------------------------------------------------- */

/* The value that `text` has for `name`. */
static bool find_value(const char *text, const char *name, int32_t *value)
{
    const size_t length = strlen(name);
    while (text != NULL && *text != '\0') {
        if (strncmp(text, name, length) == 0 && text[length] == '=') {
            char *end;
            const long number = strtol(text + length + 1, &end, 10);
            *value = (int32_t)number;
            return end != text + length + 1 && number == *value;
        }
        text = strchr(text, ' ');
        text = text != NULL ? text + 1 : NULL;
    }
    return false;
}

static void add_value(oc_choice *choice, int32_t value)
{
    for (uint32_t i = 0; i < choice->n_values; i++)
        if (choice->values[i] == value)
            return;
    if (choice->n_values < OC_CHOICE_VALUES)
        choice->values[choice->n_values++] = value;
}

int32_t oc_launch_choose(oc_launch_list *list, const char *name, int32_t rule,
                         const int32_t *others, size_t n_others)
{
    oc_choice choice = {.name = name};
    int32_t wanted;
    add_value(&choice, rule);
    for (size_t i = 0; i < n_others; i++)
        add_value(&choice, others[i]);
    if (choice.n_values == 1 || list->choices.count == OC_CHOICES)
        return rule;
    if (find_value(list->wanted, name, &wanted))
        for (uint32_t i = 0; i < choice.n_values; i++)
            if (choice.values[i] == wanted)
                choice.taken = i;
    list->choices.of[list->choices.count++] = choice;
    return choice.values[choice.taken];
}

static void print_choices(const oc_choices *choices, uint32_t count, char text[OC_CHOICE_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count && used < OC_CHOICE_TEXT; i++) {
        const oc_choice *c = &choices->of[i];
        used += (size_t)snprintf(text + used, OC_CHOICE_TEXT - used, i > 0 ? " %s=%d" : "%s=%d",
                                 c->name, (int)c->values[c->taken]);
    }
}

char *oc_choices_print(const oc_choices *choices, char text[OC_CHOICE_TEXT])
{
    print_choices(choices, choices->count, text);
    return text;
}

char *oc_choices_vary(const oc_choices *choices, uint32_t which, uint32_t value,
                      char text[OC_CHOICE_TEXT])
{
    oc_choices varied = *choices;
    varied.of[which].taken = value;
    print_choices(&varied, which + 1, text);
    return text;
}
