/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Darknet: a .cfg says the layers, a .weights file beside it holds their numbers one after the
 * other. Layers are converted in order, each from the results of those before it.
 *
 * The input is called "data", [N,C,H,W], samples 0 to 1. The outputs are those of all detection
 * layers and of the last layer, in Darknet's own layout, called "<number>_<type>".
 */
#include "oc_import.h"

#include "darknet_layers.h"
#include "oc_ops.h"

#include <stdio.h>

#define INPUT "data"

/* ---- the input --------------------------------------------------------------------------------- */

/* The shape that the options ask for, where they do: Darknet's networks take any size. */
static oc_status ask_options(const oc_model_options *options, oc_shape *shape)
{
    char want[OC_SHAPE_TEXT], have[OC_SHAPE_TEXT];
    for (size_t i = 0; i < options->n_shapes; i++) {
        const oc_shape *asked = &options->shapes[i].shape;
        if (strcmp(options->shapes[i].name, INPUT) != 0)
            return oc_fail(OC_E_NOTFOUND, "shape of \"%s\": expected the input \"%s\"",
                           options->shapes[i].name, INPUT);
        if (asked->rank != 4 || asked->dim[0] < 1 || asked->dim[1] != shape->dim[1] ||
            asked->dim[2] < 1 || asked->dim[3] < 1 ||
            (options->batch > 0 && asked->dim[0] != options->batch))
            return oc_fail(OC_E_SHAPE,
                           "shape of \"%s\": expected as %s, other height and width, found %s",
                           INPUT, oc_shape_print(shape, want, sizeof(want)),
                           oc_shape_print(asked, have, sizeof(have)));
        *shape = *asked;
    }
    return OC_OK;
}

static oc_status add_input(oc_graph *graph, const oc_dk_section *net,
                           const oc_model_options *options, oc_dk_map *map)
{
    static const oc_image_norm norm = {.n = 1, .mean = {0}, .scale = {1.0f / 255.0f}};
    oc_desc desc = {.dtype = OC_DTYPE_float32, .shape = {4, {OC_MAX(options->batch, 1)}}};
    int32_t *dim = desc.shape.dim;
    OC_TRY(oc_dk_int(net, "channels", 0, 1, 65536, &dim[1]));
    OC_TRY(oc_dk_int(net, "height", 0, 1, 65536, &dim[2]));
    OC_TRY(oc_dk_int(net, "width", 0, 1, 65536, &dim[3]));
    if (dim[1] == 0 || dim[2] == 0 || dim[3] == 0)
        return oc_fail(OC_E_FORMAT,
                       "line %u: [net]: expected channels, height and width, found %d, %d and %d",
                       net->line, dim[1], dim[2], dim[3]);
    OC_TRY(ask_options(options, &desc.shape));
    *map = (oc_dk_map){.form = OC_DK_NCHW, .c = dim[1], .h = dim[2], .w = dim[3]};
    OC_TRY(oc_graph_add_input(graph, INPUT, &desc, &map->value));
    return oc_graph_set_norm(graph, map->value, &norm);
}

/* ---- layers ------------------------------------------------------------------------------------ */

typedef struct reader {
    oc_graph *graph;
    oc_arena scratch;
    oc_dk_cfg cfg;
    oc_dk_net net;
    size_t n_layers; /* sections but for [net] */
} reader;

static oc_status check_types(reader *r)
{
    oc_imp_missing missing = {.count = 0};
    for (size_t i = 1; i <= r->n_layers; i++) {
        const oc_dk_section *section = &r->cfg.sections[i];
        char line[32];
        char *where = NULL;
        if (oc_dk_find_row(section->type))
            continue;
        snprintf(line, sizeof(line), "line %u", section->line);
        OC_TRY(oc_arena_strdup(&r->scratch, line, strlen(line), &where));
        oc_imp_missing_note(&missing, section->type, where);
    }
    return oc_imp_missing_fail(&missing, r->graph->alloc);
}

/* Darknet gives what the last layer gives; a [cost] behind it computes nothing. */
static size_t last_layer(const reader *r)
{
    size_t last = r->n_layers;
    while (last > 1 && strcmp(r->cfg.sections[last].type, "cost") == 0)
        last--;
    return last - 1;
}

/* A result that lies in our order, or that has not the output's name yet, as the output. */
static oc_status add_output(reader *r, const oc_imp *at, const oc_dk_row *row, const oc_dk_map *map)
{
    const char *name;
    oc_id value = map->value;
    oc_node *node;
    oc_imp to = *at;
    to.out = at->node;
    if (!row->is_output) {
        OC_TRY(oc_imp_sub(at, "output", &name));
        if (map->form == OC_DK_NHWC)
            OC_TRY(oc_imp_begin(&to, name, &oc_op_transpose, &value, 1, &node));
        else
            OC_TRY(oc_imp_begin(&to, name, &oc_op_identity, &value, 1, &node));
        if (map->form == OC_DK_NHWC)
            OC_TRY(oc_node_set_ints(node, "perm", (int32_t[]){0, 3, 1, 2}, 4));
        OC_TRY(oc_imp_end(&to, node, to.out, &value));
    }
    return oc_graph_add_output(r->graph, value);
}

static oc_status convert_layer(reader *r, size_t index)
{
    const oc_dk_section *section = &r->cfg.sections[index + 1];
    const oc_dk_row *row = oc_dk_find_row(section->type);
    const bool is_last = index == last_layer(r);
    char text[300], *name = NULL;
    oc_dk_call call = {
        .at = {.graph = r->graph, .scratch = &r->scratch},
        .net = &r->net,
        .section = section,
        .in = index > 0 ? r->net.maps[index - 1] : r->net.input,
        .out = {.value = OC_NONE},
    };
    snprintf(text, sizeof(text), "%zu_%s", index, row->type);
    OC_TRY(oc_arena_strdup(&r->scratch, text, strlen(text), &name));
    call.at.node = call.at.out = name;
    if (is_last && !row->is_output)
        OC_TRY(oc_imp_sub(&call.at, "last", &call.at.out));
    OC_TRY(oc_dk_check_keys(section, row->keys, row->ignored));
    OC_TRY(row->convert(&call));
    r->net.maps[index] = call.out;
    r->net.n_maps = index + 1;
    return is_last || row->is_output ? add_output(r, &call.at, row, &call.out) : OC_OK;
}

/* ---- both files -------------------------------------------------------------------------------- */

/* Beside the .cfg: "dir/net.cfg" -> "dir/net.weights". */
static oc_status weights_path(reader *r, const char *cfg, const char **path)
{
    const char *slash = strrchr(cfg, '/'), *dot = strrchr(cfg, '.');
    const size_t stem = dot && (!slash || dot > slash + 1) ? (size_t)(dot - cfg) : strlen(cfg);
    const size_t size = stem + sizeof(".weights");
    char *text = NULL;
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, size, text));
    snprintf(text, size, "%.*s.weights", (int)stem, cfg);
    *path = text;
    return OC_OK;
}

static oc_status open_weights(reader *r, const oc_import_source *source)
{
    const char *path = source->options->weights;
    if (!path)
        OC_TRY(weights_path(r, oc_file_path(source->file), &path));
    oc_status status = oc_dk_weights_open(r->graph, path, &r->net.weights);
    if (status == OC_E_IO) /* its text names the file */
        return oc_fail_in(status, "expected the network's weights%s",
                          source->options->weights ? "" : " beside it, or named by --weights");
    return status == OC_OK ? OC_OK : oc_fail_in(status, "%s", path);
}

static oc_status read_all(reader *r, const oc_import_source *source)
{
    OC_TRY(oc_dk_cfg_read(source->bytes, r->graph->limits.nodes, &r->scratch, &r->cfg));
    if (r->cfg.n_sections < 2)
        return oc_fail(OC_E_FORMAT, "expected [net] and layers, found %zu sections",
                       r->cfg.n_sections);
    const oc_dk_section *net = &r->cfg.sections[0];
    if (strcmp(net->type, "net") != 0 && strcmp(net->type, "network") != 0)
        return oc_fail(OC_E_FORMAT, "line %u: expected [net], found [%.*s]", net->line,
                       oc_text_fit(net->type, 80), net->type);
    r->n_layers = r->cfg.n_sections - 1;
    OC_TRY(check_types(r));
    OC_TRY(open_weights(r, source));
    OC_TRY(OC_ARENA_ALLOC(&r->scratch, r->n_layers, r->net.maps));
    OC_TRY(add_input(r->graph, net, source->options, &r->net.input));
    r->net.n = r->graph->values[r->net.input.value].desc.shape.dim[0];
    for (size_t i = 0; i <= last_layer(r); i++)
        OC_TRY(convert_layer(r, i));
    return oc_dk_weights_end(&r->net.weights);
}

static oc_status darknet_read(const oc_import_source *source, oc_graph *graph)
{
    reader r = {.graph = graph};
    oc_arena_init(&r.scratch, graph->alloc);
    oc_status status = read_all(&r, source);
    oc_dk_weights_close(&r.net.weights);
    oc_dk_cfg_fini(&r.cfg);
    oc_arena_fini(&r.scratch);
    return status;
}

/* The first line that is neither empty nor a comment is "[net]". */
static int darknet_probe(oc_bytes head, const char *path)
{
    const char *dot = strrchr(path, '.');
    const int certainty = dot && strcmp(dot, ".cfg") == 0 ? 20 : 0;
    static const char word[] = "[net";
    bool is_comment = false;
    for (size_t i = 0; i < head.size; i++) {
        const uint8_t c = head.data[i];
        if (c == '\n' || c == '#' || c == ';')
            is_comment = c != '\n';
        else if (!is_comment && c != ' ' && c != '\t' && c != '\r')
            return head.size - i >= sizeof(word) - 1 &&
                           memcmp(head.data + i, word, sizeof(word) - 1) == 0
                       ? certainty + 70
                       : 0;
    }
    return 0;
}

static const oc_op *const makes[] = {
    &oc_op_batchnorm, &oc_op_binary, &oc_op_concat, &oc_op_conv2d, &oc_op_fully_connected,
    &oc_op_identity, &oc_op_matmul, &oc_op_maxpool2d, &oc_op_pad, &oc_op_reduce, &oc_op_reshape,
    &oc_op_slice, &oc_op_softmax, &oc_op_tile, &oc_op_transpose, &oc_op_unary, NULL,
};

const oc_importer oc_importer_darknet = {
    .name = "darknet",
    .extensions = ".cfg",
    .help = "Darknet, .cfg with .weights, float32",
    .has_weights_file = true,
    .probe = darknet_probe,
    .read = darknet_read,
    .operator_name = oc_dk_layer_name,
    .makes = makes,
};
