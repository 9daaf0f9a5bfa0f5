/* SPDX-License-Identifier: Apache-2.0 */
/** Where a network's time goes, kernel by kernel, against what the device can do at most. */
#include "layers.h"

#include "table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells ----------------------------------------------------------------------------------- */

static void cell_ms(host_table *table, double ns)
{
    char text[HOST_NUMBER_TEXT];
    host_cell(table, "%s", host_ms_text((uint64_t)(ns > 0 ? ns + 0.5 : 0), text));
}

static void cell_percent(host_table *table, double part, double whole)
{
    if (isnan(part) || whole <= 0)
        host_cell(table, "-");
    else
        host_cell(table, "%.1f%%", 100 * part / whole);
}

/* Per nanosecond is giga per second. */
static void cell_rate(host_table *table, double amount, double ns)
{
    if (ns <= 0)
        host_cell(table, "-");
    else
        host_cell(table, "%.1f", amount / ns);
}

/* What a set of nodes takes. */
typedef struct sums {
    double ns, best_ns, ops, bytes, bound_ns, memory_bound_ns;
} sums;

static void add_node(sums *s, const oc_bench_node *node)
{
    s->ns += node->ns;
    s->best_ns += node->best_ns;
    s->ops += node->ops;
    s->bytes += node->bytes;
    s->bound_ns += node->bound_ns;
    s->memory_bound_ns += node->is_memory_bound ? node->bound_ns : 0;
}

/*
 * ms, share, best ms, GFLOP/s, GB/s, limit, share of the peak. As the peak is the best of its runs,
 * what is held against it is each kernel's best too.
 */
static void cells_of(host_table *table, const sums *s, double all_ns)
{
    cell_ms(table, s->ns);
    cell_percent(table, s->ns, all_ns);
    cell_ms(table, s->best_ns);
    cell_rate(table, s->ops, s->best_ns);
    cell_rate(table, s->bytes, s->best_ns);
    host_cell(table, "%s",
              isnan(s->bound_ns)                     ? "-"
              : 2 * s->memory_bound_ns > s->bound_ns ? "memory"
                                                     : "arithmetic");
    cell_percent(table, s->bound_ns, s->best_ns);
}

/* ---- the peak -------------------------------------------------------------------------------- */

static void print_peak(const oc_bench_peak *peak)
{
    host_table table;
    char titles[] = ">bytes touched|>read GB/s|>copy GB/s";
    char text[HOST_NUMBER_TEXT];
    if (!peak->is_measured) {
        printf("peak: this device has nothing to be held against\n");
        return;
    }
    printf("peak of this device, measured in this run\n"
           "  float32 %.1f GFLOP/s, sums of 8-bit products %.1f GOP/s, a kernel's start %.1f us\n",
           peak->flops / 1e9, peak->int_ops / 1e9, peak->start_ns / 1e3);
    host_table_init(&table, titles);
    for (size_t i = 0; i < peak->n_sizes; i++) {
        host_cell(&table, "%s", host_bytes_text(peak->memory[i].bytes, text));
        host_cell(&table, "%.1f", peak->memory[i].read_per_s / 1e9);
        host_cell(&table, "%.1f", peak->memory[i].copy_per_s / 1e9);
    }
    host_table_print(&table);
    host_table_fini(&table);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

typedef struct ranked {
    const oc_bench_node *node;
    size_t index;
} ranked;

static int slowest_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->node->ns < y->node->ns || x->node->ns > y->node->ns)
        return x->node->ns < y->node->ns ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static ranked *rank(const oc_bench_info *info, bool by_time)
{
    ranked *list = host_alloc(info->n_nodes, sizeof(*list));
    for (size_t n = 0; n < info->n_nodes; n++)
        list[n] = (ranked){.node = &info->nodes[n], .index = n};
    if (by_time)
        qsort(list, info->n_nodes, sizeof(*list), slowest_first);
    return list;
}

/* "widen + conv2d_int_tile", at most so many names. */
static char *kernels_text(const oc_bench_node *node)
{
    host_list list = {.total = node->n_kernels};
    for (size_t k = 0; k < node->n_kernels && k < 4; k++)
        host_list_add(&list, "%s", node->kernels[k].name);
    return host_text("%s", node->n_kernels ? host_list_text(&list) : "-");
}

static void add_row(host_table *table, const oc_model *model, const ranked *r, double all_ns)
{
    const oc_node_info *node = oc_model_get_node(model, r->index);
    char shape[OC_SHAPE_TEXT];
    char *kernels = kernels_text(r->node);
    sums s = {0};
    add_node(&s, r->node);
    host_cell(table, "%zu", r->index);
    host_cell(table, "%.40s", node->name);
    host_cell(table, "%s", node->op);
    host_cell(table, "%s", oc_shape_print(&node->outputs[0].desc.shape, shape, sizeof(shape)));
    host_cell(table, "%s", kernels);
    cells_of(table, &s, all_ns);
    free(kernels);
    /* Where a node takes several kernels, each one's time. */
    for (size_t k = 0; k < r->node->n_kernels && r->node->n_kernels > 1; k++) {
        for (size_t i = 0; i < 4; i++)
            host_cell(table, "%s", "");
        host_cell(table, "  %s", r->node->kernels[k].name);
        cell_ms(table, r->node->kernels[k].ns);
        cell_percent(table, r->node->kernels[k].ns, all_ns);
        cell_ms(table, r->node->kernels[k].best_ns);
        for (size_t i = 0; i < 4; i++)
            host_cell(table, "%s", "");
    }
}

/* The sums of all nodes, views aside, whose bound is not a number. */
static sums sums_of(const oc_bench_info *info)
{
    sums s = {
        .ns = info->kernels_ns, .best_ns = info->best_ns, .ops = info->ops, .bytes = info->bytes};
    s.bound_ns = info->peak.is_measured ? info->bound_ns : NAN;
    for (size_t n = 0; n < info->n_nodes; n++)
        if (info->nodes[n].n_kernels && info->nodes[n].is_memory_bound)
            s.memory_bound_ns += info->nodes[n].bound_ns;
    return s;
}

static void print_nodes(const oc_model *model, const oc_bench_info *info, bool by_time)
{
    host_table table;
    char titles[] =
        ">index|node|operator|output|kernel|>ms|>share|>best ms|>GFLOP/s|>GB/s|limit|>of peak";
    const sums all = sums_of(info);
    ranked *list = rank(info, by_time);
    host_table_init(&table, titles);
    for (size_t i = 0; i < info->n_nodes; i++)
        add_row(&table, model, &list[i], info->kernels_ns);
    host_cell(&table, "%s", "");
    host_cell(&table, "sum");
    for (size_t i = 0; i < 3; i++)
        host_cell(&table, "%s", "");
    cells_of(&table, &all, info->kernels_ns);
    printf("\nnodes, %s\n", by_time ? "the slowest first" : "in the order of execution");
    host_table_print(&table);
    host_table_fini(&table);
    free(list);
}

/* ---- kinds ----------------------------------------------------------------------------------- */

/* Nodes of one operator that take the same kernels. */
typedef struct kind {
    const char *op;
    char *kernels;
    size_t count;
    sums sums;
} kind;

static int dearest_first(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    if (x->sums.ns < y->sums.ns || x->sums.ns > y->sums.ns)
        return x->sums.ns < y->sums.ns ? 1 : -1;
    return strcmp(x->kernels, y->kernels);
}

static kind *find_kinds(const oc_model *model, const oc_bench_info *info, size_t *count)
{
    kind *kinds = host_alloc(info->n_nodes, sizeof(*kinds));
    *count = 0;
    for (size_t n = 0; n < info->n_nodes; n++) {
        const char *op = oc_model_get_node(model, n)->op;
        size_t k = 0;
        if (info->nodes[n].n_kernels == 0)
            continue;
        char *kernels = kernels_text(&info->nodes[n]);
        while (k < *count && (strcmp(kinds[k].op, op) || strcmp(kinds[k].kernels, kernels)))
            k++;
        if (k == *count)
            kinds[(*count)++] = (kind){.op = op, .kernels = host_text("%s", kernels)};
        kinds[k].count++;
        add_node(&kinds[k].sums, &info->nodes[n]);
        free(kernels);
    }
    qsort(kinds, *count, sizeof(*kinds), dearest_first);
    return kinds;
}

static void free_kinds(kind *kinds, size_t count)
{
    for (size_t k = 0; k < count; k++)
        free(kinds[k].kernels);
    free(kinds);
}

static void print_kinds(const oc_model *model, const oc_bench_info *info)
{
    host_table table;
    char titles[] = ">nodes|operator|kernel|>ms|>share|>best ms|>GFLOP/s|>GB/s|limit|>of peak";
    size_t count;
    kind *kinds = find_kinds(model, info, &count);
    host_table_init(&table, titles);
    for (size_t k = 0; k < count; k++) {
        host_cell(&table, "%zu", kinds[k].count);
        host_cell(&table, "%s", kinds[k].op);
        host_cell(&table, "%s", kinds[k].kernels);
        cells_of(&table, &kinds[k].sums, info->kernels_ns);
    }
    printf("\nkinds of layers\n");
    host_table_print(&table);
    host_table_fini(&table);
    free_kinds(kinds, count);
}

void host_layers_print(const oc_model *model, const oc_bench_info *info, bool by_time)
{
    print_peak(&info->peak);
    print_nodes(model, info, by_time);
    print_kinds(model, info);
}

/* ---- what no kernel did ---------------------------------------------------------------------- */

void host_overhead_print(const oc_bench_info *info, double wall_ns)
{
    const struct {
        const char *name;
        double ns;
        const char *help;
    } rows[] = {
        {"kernels", info->kernels_ns, "the sum of the nodes"},
        {"between kernels", info->run_ns - info->kernels_ns, "starting them, on a busy queue"},
        {"around them", wall_ns - info->run_ns,
         "inputs and outputs copied, the queue woken and waited for"},
        {"wall", wall_ns, "a run as its caller sees it"},
    };
    host_table table;
    char titles[] = "|>ms|>share|";
    host_table_init(&table, titles);
    for (size_t i = 0; i < HOST_COUNT(rows); i++) {
        host_cell(&table, "%s", rows[i].name);
        host_cell(&table, "%.3f", rows[i].ns / 1e6);
        cell_percent(&table, rows[i].ns, wall_ns);
        host_cell(&table, "%s", rows[i].help);
    }
    printf("\nhost overhead %.3f ms, %.1f%% of the wall's median\n",
           (wall_ns - info->kernels_ns) / 1e6,
           wall_ns > 0 ? 100 * (wall_ns - info->kernels_ns) / wall_ns : 0);
    host_table_print(&table);
    host_table_fini(&table);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *peak_json(const oc_bench_peak *peak)
{
    json_t *object = host_json_object();
    json_t *memory = host_json_list();
    if (!peak->is_measured) {
        json_decref(object);
        json_decref(memory);
        return host_json_text(NULL);
    }
    for (size_t i = 0; i < peak->n_sizes; i++) {
        json_t *entry = host_json_object();
        host_json_put(entry, "bytes", host_json_uint(peak->memory[i].bytes));
        host_json_put(entry, "read_bytes_per_s", host_json_number(peak->memory[i].read_per_s));
        host_json_put(entry, "copy_bytes_per_s", host_json_number(peak->memory[i].copy_per_s));
        host_json_add(memory, entry);
    }
    host_json_put(object, "float32_ops_per_s", host_json_number(peak->flops));
    host_json_put(object, "int8_ops_per_s", host_json_number(peak->int_ops));
    host_json_put(object, "start_ns", host_json_number(peak->start_ns));
    host_json_put(object, "memory", memory);
    return object;
}

static json_t *sizes_json(const size_t *sizes)
{
    json_t *list = host_json_list();
    for (size_t i = 0; i < 3; i++)
        host_json_add(list, host_json_uint(sizes[i]));
    return list;
}

static json_t *kernels_json(const oc_bench_node *node)
{
    json_t *list = host_json_list();
    for (size_t k = 0; k < node->n_kernels; k++) {
        const oc_bench_kernel *kernel = &node->kernels[k];
        json_t *entry = host_json_object();
        host_json_put(entry, "name", host_json_text(kernel->name));
        host_json_put(entry, "options", host_json_text(kernel->options));
        host_json_put(entry, "global", sizes_json(kernel->global));
        host_json_put(entry, "local", sizes_json(kernel->local));
        host_json_put(entry, "ns", host_json_number(kernel->ns));
        host_json_put(entry, "best_ns", host_json_number(kernel->best_ns));
        host_json_add(list, entry);
    }
    return list;
}

static void put_sums(json_t *object, const sums *s)
{
    host_json_put(object, "ns", host_json_number(s->ns));
    host_json_put(object, "best_ns", host_json_number(s->best_ns));
    host_json_put(object, "ops", host_json_number(s->ops));
    host_json_put(object, "bytes", host_json_number(s->bytes));
    host_json_put(object, "bound_ns", host_json_number(s->bound_ns));
    host_json_put(object, "of_peak",
                  host_json_number(s->best_ns > 0 ? s->bound_ns / s->best_ns : NAN));
}

static json_t *node_json(const oc_model *model, const ranked *r)
{
    const oc_node_info *info = oc_model_get_node(model, r->index);
    const oc_bench_node *node = r->node;
    json_t *object = host_json_object();
    sums s = {0};
    add_node(&s, node);
    host_json_put(object, "index", host_json_uint(r->index));
    host_json_put(object, "name", host_json_text(info->name));
    host_json_put(object, "op", host_json_text(info->op));
    host_json_put(object, "attrs", host_json_text(info->attrs));
    host_json_put(object, "output", host_json_desc(info->outputs[0].name, &info->outputs[0].desc));
    put_sums(object, &s);
    host_json_put(object, "limit",
                  host_json_text(isnan(node->bound_ns)   ? NULL
                                 : node->is_memory_bound ? "memory"
                                                         : "arithmetic"));
    host_json_put(object, "kernels", kernels_json(node));
    return object;
}

json_t *host_layers_json(const oc_model *model, const oc_bench_info *info, double wall_ns,
                         bool by_time)
{
    json_t *object = host_json_object();
    json_t *nodes = host_json_list();
    json_t *sum = host_json_object();
    const sums all = sums_of(info);
    ranked *list = rank(info, by_time);
    for (size_t i = 0; i < info->n_nodes; i++)
        host_json_add(nodes, node_json(model, &list[i]));
    free(list);
    put_sums(sum, &all);
    host_json_put(object, "peak", peak_json(&info->peak));
    host_json_put(object, "nodes", nodes);
    host_json_put(object, "sum", sum);
    host_json_put(object, "between_kernels_ns", host_json_number(info->run_ns - info->kernels_ns));
    host_json_put(object, "overhead_ns", host_json_number(wall_ns - info->kernels_ns));
    return object;
}
