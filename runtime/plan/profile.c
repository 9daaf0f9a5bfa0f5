/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles as YAML. The schema below is the format's definition:
 *
 *     offcut_profile: 1
 *     model: {name: lenet5, digest: 9f...}
 *     sites:
 *     - role: edge
 *       device: ...
 *       driver: ...
 *       threads: 0
 *       nodes:
 *       - {name: conv1, us: 12.345}
 *
 * A node that is not listed was not measured. Times are texts for libcyaml, which writes numbers
 * with more digits than anybody wants to read; they are read here, in any locale.
 */
#include "oc_profile.h"

#include "oc_yaml.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <yaml.h>

#define FORMAT_VERSION 1
#define ROLES 2                     /* each at most once */
#define US_MAX UINT64_C(3600000000) /* an hour: no node takes that long */

typedef struct doc_model {
    char *name, *digest;
} doc_model;

typedef struct doc_node {
    char *name, *us;
} doc_node;

typedef struct doc_site {
    uint32_t role;
    char *device, *driver;
    uint32_t threads;
    doc_node *nodes;
    uint64_t nodes_count;
} doc_site;

typedef struct doc_profile {
    uint32_t version;
    doc_model model;
    doc_site *sites;
    uint64_t sites_count;
} doc_profile;

#define TEXT_MAX (sizeof(((oc_profile_site *)NULL)->device) - 1) /* of device and driver */

static const cyaml_strval_t roles[ROLES] = {{"edge", 0}, {"worker", 1}};

static const cyaml_schema_field_t model_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, doc_model, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("digest", CYAML_FLAG_POINTER, doc_model, digest, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t node_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, doc_node, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("us", CYAML_FLAG_POINTER, doc_node, us, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t node_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_FLOW, doc_node, node_fields)};

static const cyaml_schema_field_t site_fields[] = {
    CYAML_FIELD_ENUM("role", CYAML_FLAG_STRICT, doc_site, role, roles, CYAML_ARRAY_LEN(roles)),
    CYAML_FIELD_STRING_PTR("device", CYAML_FLAG_POINTER, doc_site, device, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("driver", CYAML_FLAG_POINTER, doc_site, driver, 0, TEXT_MAX),
    CYAML_FIELD_UINT("threads", CYAML_FLAG_DEFAULT, doc_site, threads),
    CYAML_FIELD_SEQUENCE("nodes", CYAML_FLAG_POINTER, doc_site, nodes, &node_value, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t site_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, doc_site, site_fields)};

static const cyaml_schema_field_t profile_fields[] = {
    CYAML_FIELD_UINT("offcut_profile", CYAML_FLAG_DEFAULT, doc_profile, version),
    CYAML_FIELD_MAPPING("model", CYAML_FLAG_DEFAULT, doc_profile, model, model_fields),
    CYAML_FIELD_SEQUENCE("sites", CYAML_FLAG_POINTER, doc_profile, sites, &site_value, 1, ROLES),
    CYAML_FIELD_END};
static const cyaml_schema_value_t profile_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, doc_profile, profile_fields)};

/* ---- times as text -------------------------------------------------------------------------- */

/* Digits, and after a point up to nine more: neither signs nor exponents, which nobody needs. */
static bool read_us(const char *text, double *ns)
{
    uint64_t whole = 0;
    double part = 0, scale = 0.1;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && whole <= US_MAX; at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (at == text || whole > US_MAX)
        return false;
    if (*at == '.') {
        const char *const point = at++;
        for (; *at >= '0' && *at <= '9' && at - point <= 9; at++, scale /= 10)
            part += (*at - '0') * scale;
        if (at == point + 1)
            return false;
    }
    *ns = ((double)whole + part) * 1e3;
    return *at == '\0';
}

/* Nanoseconds, at least 0 and finite, as microseconds. */
static oc_status print_us(oc_arena *scratch, double ns, char **text)
{
    char digits[48];
    const uint64_t whole = (uint64_t)OC_MIN(ns, (double)US_MAX * 1e3);
    snprintf(digits, sizeof(digits), "%" PRIu64 ".%03u", whole / 1000, (unsigned)(whole % 1000));
    return oc_arena_strdup(scratch, digits, strlen(digits), text);
}

/* ---- where it stands ------------------------------------------------------------------------ */

/* A key: of sites[site].nodes[node], of sites[site], or of the whole (OC_NONE for what is not). */
typedef struct place {
    oc_bytes yaml;
    const char *name;
    uint32_t site, node;
    const char *mapping,
        *key; /* `mapping` NULL: the key stands at the top, or in the site or node */
} place;

static yaml_node_t *child(yaml_document_t *doc, yaml_node_t *of, const char *key)
{
    if (of == NULL || of->type != YAML_MAPPING_NODE || key == NULL)
        return of;
    for (yaml_node_pair_t *p = of->data.mapping.pairs.start; p < of->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(doc, p->key);
        if (k->type == YAML_SCALAR_NODE &&
            oc_bytes_equal_text((oc_bytes){k->data.scalar.value, k->data.scalar.length}, key))
            return yaml_document_get_node(doc, p->value);
    }
    return NULL;
}

static yaml_node_t *entry(yaml_document_t *doc, yaml_node_t *of, uint32_t index)
{
    if (of == NULL || of->type != YAML_SEQUENCE_NODE ||
        index >= (size_t)(of->data.sequence.items.top - of->data.sequence.items.start))
        return NULL;
    return yaml_document_get_node(doc, of->data.sequence.items.start[index]);
}

static unsigned line_in(yaml_document_t *doc, const place *at)
{
    yaml_node_t *node = yaml_document_get_root_node(doc);
    if (at->site != OC_NONE)
        node = entry(doc, child(doc, node, "sites"), at->site);
    if (at->node != OC_NONE)
        node = entry(doc, child(doc, node, "nodes"), at->node);
    node = child(doc, child(doc, node, at->mapping), at->key);
    return node != NULL ? (unsigned)node->start_mark.line + 1 : 1;
}

/* libcyaml keeps no lines: for an error that is found after it, the text is read again. */
static unsigned line_of(const place *at)
{
    yaml_parser_t parser;
    yaml_document_t doc;
    unsigned line = 1;
    if (yaml_parser_initialize(&parser) != 1)
        return line;
    yaml_parser_set_input_string(&parser, at->yaml.data, at->yaml.size);
    if (yaml_parser_load(&parser, &doc) == 1) {
        line = line_in(&doc, at);
        yaml_document_delete(&doc);
    }
    yaml_parser_delete(&parser);
    return line;
}

/* Put file, line and key before what went wrong. */
static oc_status fail_at(oc_status status, const place *at)
{
    char path[96] = "";
    if (at->site != OC_NONE && at->node != OC_NONE)
        snprintf(path, sizeof(path), "sites[%u].nodes[%u].", at->site, at->node);
    else if (at->site != OC_NONE)
        snprintf(path, sizeof(path), "sites[%u].", at->site);
    return oc_fail_in(status, "%s:%u: %s%s%s%s", at->name, line_of(at), path,
                      at->mapping != NULL ? at->mapping : "", at->mapping != NULL ? "." : "",
                      at->key);
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct reader {
    oc_profile *profile;
    const doc_profile *doc;
    place at; /* of the key that is looked at */
} reader;

static oc_status read_model(reader *r)
{
    const oc_net *net = r->profile->net;
    const doc_model *model = &r->doc->model;
    char found[OC_DIGEST_TEXT];
    oc_digest digest;
    r->at.key = "offcut_profile";
    if (r->doc->version != FORMAT_VERSION)
        return oc_fail(OC_E_FORMAT, "expected version %d, found %u", FORMAT_VERSION,
                       r->doc->version);
    r->at.mapping = "model";
    r->at.key = "digest";
    OC_TRY(oc_digest_parse(model->digest, &digest));
    if (!oc_digest_equal(&digest, &net->digest))
        return oc_fail(OC_E_MISMATCH, "measured with model %s of digest %s, this is %s of %s",
                       model->name, model->digest, net->name, oc_digest_print(&net->digest, found));
    r->at.mapping = NULL;
    return OC_OK;
}

/* The node of that name, searched from `from` on: files list nodes in the net's own order. */
static size_t find_node(const oc_net *net, const char *name, size_t from)
{
    for (size_t i = 0; i < net->n_nodes; i++) {
        const size_t n = (from + i) % net->n_nodes;
        if (strcmp(net->node_names[n], name) == 0)
            return n;
    }
    return SIZE_MAX;
}

static oc_status read_node(reader *r, const doc_node *doc, size_t *next, double *node_ns)
{
    const oc_net *net = r->profile->net;
    const size_t n = find_node(net, doc->name, *next);
    double ns;
    r->at.key = "name";
    if (n == SIZE_MAX)
        return oc_fail(OC_E_NOTFOUND, "expected a node of %s, found \"%s\"", net->name, doc->name);
    if (!isnan(node_ns[n]))
        return oc_fail(OC_E_FORMAT, "node \"%s\" stands twice", doc->name);
    r->at.key = "us";
    if (!read_us(doc->us, &ns))
        return oc_fail(OC_E_ARG,
                       "node \"%s\": expected microseconds from 0 to %" PRIu64 ", found '%s'",
                       doc->name, US_MAX, doc->us);
    node_ns[n] = ns;
    *next = n + 1;
    return OC_OK;
}

static oc_status read_site(reader *r, const doc_site *doc)
{
    oc_profile *profile = r->profile;
    oc_profile_site *site = &profile->sites[profile->n_sites];
    size_t next = 0;
    r->at.key = "role";
    for (size_t i = 0; i < profile->n_sites; i++)
        if (strcmp(profile->sites[i].role, roles[doc->role].str) == 0)
            return oc_fail(OC_E_FORMAT, "%s stands twice", roles[doc->role].str);
    snprintf(site->role, sizeof(site->role), "%s", roles[doc->role].str);
    snprintf(site->device, sizeof(site->device), "%s", doc->device);
    snprintf(site->driver, sizeof(site->driver), "%s", doc->driver);
    site->threads = doc->threads;
    OC_TRY(OC_ALLOC(profile->alloc, profile->net->n_nodes, site->node_ns));
    profile->n_sites++;
    for (size_t n = 0; n < profile->net->n_nodes; n++)
        site->node_ns[n] = NAN;
    for (uint64_t i = 0; i < doc->nodes_count; i++) {
        r->at.node = (uint32_t)i;
        OC_TRY(read_node(r, &doc->nodes[i], &next, site->node_ns));
    }
    r->at.node = OC_NONE;
    return OC_OK;
}

static oc_status read_doc(reader *r)
{
    OC_TRY(read_model(r));
    for (uint64_t i = 0; i < r->doc->sites_count; i++) {
        r->at.site = (uint32_t)i;
        OC_TRY(read_site(r, &r->doc->sites[i]));
    }
    return OC_OK;
}

oc_status oc_profile_parse(const oc_net *net, oc_bytes yaml, const char *name,
                           const oc_allocator *alloc, oc_profile **profile)
{
    void *data = NULL;
    oc_profile *made = NULL;
    OC_TRY(oc_yaml_load(yaml, name, &profile_schema, &data));
    oc_status status = OC_ALLOC(alloc, 1, made);
    if (status == OC_OK) {
        *made = (oc_profile){.alloc = alloc, .net = net};
        reader r = {.profile = made,
                    .doc = data,
                    .at = {.yaml = yaml, .name = name, .site = OC_NONE, .node = OC_NONE}};
        status = read_doc(&r);
        if (status != OC_OK && status != OC_E_NOMEM)
            status = fail_at(status, &r.at);
    }
    oc_yaml_free(&profile_schema, data);
    if (status != OC_OK)
        oc_profile_destroy(made);
    else
        *profile = made;
    return status;
}

void oc_profile_destroy(oc_profile *profile)
{
    if (profile == NULL)
        return;
    for (size_t i = 0; i < profile->n_sites; i++)
        oc_free(profile->alloc, profile->sites[i].node_ns);
    oc_free(profile->alloc, profile);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* libcyaml writes what the structs point to and changes nothing, but its types are not const. */
static char *unconst(const char *text)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = text};
    return cast.to;
}

static oc_status write_site(const oc_profile *profile, const oc_profile_site *site,
                            oc_arena *scratch, doc_site *doc)
{
    const oc_net *net = profile->net;
    for (doc->role = 0; doc->role < ROLES && strcmp(roles[doc->role].str, site->role) != 0;)
        doc->role++;
    if (doc->role == ROLES)
        return oc_fail(OC_E_ARG, "profile: expected the role edge or worker, found \"%s\"",
                       site->role);
    doc->device = unconst(site->device);
    doc->driver = unconst(site->driver);
    doc->threads = site->threads;
    OC_TRY(OC_ARENA_ALLOC(scratch, net->n_nodes + 1, doc->nodes));
    for (size_t n = 0; n < net->n_nodes; n++) {
        if (!isfinite(site->node_ns[n]) || site->node_ns[n] < 0)
            continue; /* not measured */
        doc_node *node = &doc->nodes[doc->nodes_count++];
        node->name = unconst(net->node_names[n]);
        OC_TRY(print_us(scratch, site->node_ns[n], &node->us));
    }
    return OC_OK;
}

static oc_status write_doc(const oc_profile *profile, oc_arena *scratch,
                           char digest[OC_DIGEST_TEXT], doc_profile *doc)
{
    *doc = (doc_profile){.version = FORMAT_VERSION,
                         .model = {.name = unconst(profile->net->name),
                                   .digest = oc_digest_print(&profile->net->digest, digest)},
                         .sites_count = profile->n_sites};
    OC_TRY(OC_ARENA_ALLOC(scratch, profile->n_sites + 1, doc->sites));
    for (size_t i = 0; i < profile->n_sites; i++)
        OC_TRY(write_site(profile, &profile->sites[i], scratch, &doc->sites[i]));
    return OC_OK;
}

oc_status oc_profile_print(const oc_profile *profile, oc_buf *yaml)
{
    char digest[OC_DIGEST_TEXT];
    doc_profile doc;
    oc_arena scratch;
    oc_status status;
    oc_arena_init(&scratch, profile->alloc);
    OC_TRY_OUT(write_doc(profile, &scratch, digest, &doc));
    OC_TRY_OUT(oc_yaml_save(&profile_schema, &doc, yaml));
out:
    oc_arena_fini(&scratch);
    return status;
}

/* ---- using ---------------------------------------------------------------------------------- */

#define WHY 256
#define WHY_NAME 90 /* of a name in it */

const oc_profile_site *oc_profile_find(const oc_profile *profile, const char *role,
                                       const char *device, const char *driver, char why[WHY])
{
    const oc_profile_site *site = NULL;
    why[0] = '\0';
    for (size_t i = 0; i < profile->n_sites; i++)
        if (strcmp(profile->sites[i].role, role) == 0)
            site = &profile->sites[i];
    if (site == NULL)
        snprintf(why, WHY, "the profile has no %s", role);
    else if (strcmp(site->device, device) != 0)
        snprintf(why, WHY, "%s: expected device %.*s, the profile was measured on %.*s", role,
                 oc_text_fit(device, WHY_NAME), device, oc_text_fit(site->device, WHY_NAME),
                 site->device);
    else if (strcmp(site->driver, driver) != 0)
        snprintf(why, WHY, "%s: expected driver %.*s, the profile was measured with %.*s", role,
                 oc_text_fit(driver, WHY_NAME), driver, oc_text_fit(site->driver, WHY_NAME),
                 site->driver);
    oc_text_one_line(why);
    return why[0] == '\0' ? site : NULL;
}
