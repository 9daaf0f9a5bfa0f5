/* SPDX-License-Identifier: Apache-2.0 */
/** Plans as YAML. The schema below is the format's definition; docs/plan.md describes it for people. */
#include "oc_plan.h"

#include "build.h"
#include "oc_yaml.h"

#define FORMAT_VERSION 1

typedef struct doc_model {
    char *name, *digest;
} doc_model;

typedef struct doc_site {
    char *name;
    oc_site_role role;
} doc_site;

typedef struct doc_run {
    char *site;
    char **takes, **gives;
    uint64_t takes_count, gives_count;
} doc_run;

typedef struct doc_move {
    char *from, *to;
    char **values;
    uint64_t values_count;
} doc_move;

typedef struct doc_step {
    doc_run *run;
    doc_move *move;
} doc_step;

typedef struct doc_plan {
    uint32_t version;
    char *name;
    doc_model model;
    bool has_fallback;
    doc_site *sites;
    doc_step *steps;
    uint64_t sites_count, steps_count;
} doc_plan;

static const cyaml_strval_t roles[] = {{"edge", OC_SITE_EDGE}, {"worker", OC_SITE_WORKER}};

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static const cyaml_schema_field_t model_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, doc_model, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("digest", CYAML_FLAG_POINTER, doc_model, digest, 0, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t site_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, doc_site, name, 1, CYAML_UNLIMITED),
    CYAML_FIELD_ENUM("role", CYAML_FLAG_STRICT, doc_site, role, roles, CYAML_ARRAY_LEN(roles)),
    CYAML_FIELD_END};
static const cyaml_schema_value_t site_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, doc_site, site_fields)};

static const cyaml_schema_field_t run_fields[] = {
    CYAML_FIELD_STRING_PTR("site", CYAML_FLAG_POINTER, doc_run, site, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("takes", CYAML_FLAG_POINTER | CYAML_FLAG_FLOW, doc_run, takes, &text_value,
                         0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("gives", CYAML_FLAG_POINTER | CYAML_FLAG_FLOW, doc_run, gives, &text_value,
                         1, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t move_fields[] = {
    CYAML_FIELD_STRING_PTR("from", CYAML_FLAG_POINTER, doc_move, from, 1, CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("to", CYAML_FLAG_POINTER, doc_move, to, 1, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("values", CYAML_FLAG_POINTER | CYAML_FLAG_FLOW, doc_move, values,
                         &text_value, 1, CYAML_UNLIMITED),
    CYAML_FIELD_END};

static const cyaml_schema_field_t step_fields[] = {
    CYAML_FIELD_MAPPING_PTR("run", CYAML_FLAG_OPTIONAL, doc_step, run, run_fields),
    CYAML_FIELD_MAPPING_PTR("move", CYAML_FLAG_OPTIONAL, doc_step, move, move_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t step_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, doc_step, step_fields)};

static const cyaml_schema_field_t plan_fields[] = {
    CYAML_FIELD_UINT("offcut_plan", CYAML_FLAG_DEFAULT, doc_plan, version),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, doc_plan, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_MAPPING("model", CYAML_FLAG_DEFAULT, doc_plan, model, model_fields),
    CYAML_FIELD_BOOL("fallback", CYAML_FLAG_DEFAULT, doc_plan, has_fallback),
    CYAML_FIELD_SEQUENCE("sites", CYAML_FLAG_POINTER, doc_plan, sites, &site_value, 1, 64),
    CYAML_FIELD_SEQUENCE("steps", CYAML_FLAG_POINTER, doc_plan, steps, &step_value, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_END};
static const cyaml_schema_value_t plan_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, doc_plan, plan_fields)};

/* ---- reading ------------------------------------------------------------------------------------ */

/* A list of value names as ascending ids, each at most once. */
static oc_status read_values(oc_plan *p, char *const *names, size_t count, oc_id **ids, size_t *n_ids)
{
    bool *is_named = NULL;
    OC_TRY(OC_ARENA_ALLOC(&p->arena, p->graph->n_values + 1, is_named));
    OC_TRY(OC_ARENA_ALLOC(&p->arena, count + 1, *ids));
    for (size_t i = 0; i < count; i++) {
        oc_id id = oc_graph_find_value(p->graph, names[i]);
        if (id == OC_NONE || p->graph->values[id].constant)
            return oc_fail(OC_E_NOTFOUND, "graph %s has no value \"%s\" that could move",
                           p->graph->name, names[i]);
        if (is_named[id])
            return oc_fail(OC_E_FORMAT, "value \"%s\" is listed twice", names[i]);
        is_named[id] = true;
    }
    *n_ids = 0;
    for (oc_id v = 0; v < p->graph->n_values; v++)
        if (is_named[v])
            (*ids)[(*n_ids)++] = v;
    return OC_OK;
}

static oc_status read_site(const oc_plan *p, const char *name, uint32_t *site)
{
    for (uint32_t i = 0; i < p->n_sites; i++)
        if (strcmp(p->sites[i].name, name) == 0) {
            *site = i;
            return OC_OK;
        }
    return oc_fail(OC_E_NOTFOUND, "the plan has no site \"%s\"", name);
}

static oc_status read_run(oc_plan *p, const doc_run *doc, oc_step *step)
{
    step->kind = OC_STEP_RUN;
    OC_TRY(read_site(p, doc->site, &step->site));
    step->to = step->site;
    OC_TRY(read_values(p, doc->takes, doc->takes_count, &step->takes, &step->n_takes));
    return read_values(p, doc->gives, doc->gives_count, &step->gives, &step->n_gives);
}

static oc_status read_move(oc_plan *p, const doc_move *doc, oc_step *step)
{
    step->kind = OC_STEP_MOVE;
    OC_TRY(read_site(p, doc->from, &step->site));
    OC_TRY(read_site(p, doc->to, &step->to));
    OC_TRY(read_values(p, doc->values, doc->values_count, &step->takes, &step->n_takes));
    step->gives = step->takes;
    step->n_gives = step->n_takes;
    return OC_OK;
}

static oc_status read_sites(oc_plan *p, const doc_plan *doc)
{
    for (size_t i = 0; i < doc->sites_count; i++) {
        uint32_t taken;
        char *copy = NULL;
        if (read_site(p, doc->sites[i].name, &taken) == OC_OK)
            return oc_fail(OC_E_FORMAT, "site \"%s\" stands twice", doc->sites[i].name);
        OC_TRY(oc_arena_strdup(&p->arena, doc->sites[i].name, strlen(doc->sites[i].name), &copy));
        p->sites[p->n_sites++] = (oc_plan_site){.name = copy, .role = doc->sites[i].role};
    }
    return OC_OK;
}

static oc_status read_steps(oc_plan *p, const doc_plan *doc)
{
    for (size_t i = 0; i < doc->steps_count; i++) {
        const doc_step *from = &doc->steps[i];
        oc_step *step = &p->steps[p->n_steps];
        oc_status status;
        if (!from->run == !from->move)
            return oc_fail(OC_E_FORMAT, "step %zu: one of run and move, found %s", i,
                           from->run ? "both" : "none");
        status = from->run ? read_run(p, from->run, step) : read_move(p, from->move, step);
        if (status != OC_OK)
            return oc_fail_in(status, "step %zu", i);
        p->n_steps++;
    }
    return OC_OK;
}

static oc_status check_model(const oc_graph *g, const doc_plan *doc)
{
    oc_digest digest;
    char found[OC_DIGEST_TEXT];
    if (doc->version != FORMAT_VERSION)
        return oc_fail(OC_E_FORMAT, "offcut_plan: expected version %d, found %u", FORMAT_VERSION,
                       doc->version);
    OC_TRY(oc_digest_parse(doc->model.digest, &digest));
    if (!oc_digest_equal(&digest, &g->digest))
        return oc_fail(OC_E_MISMATCH, "made for model %s with digest %s, this is %s with %s",
                       doc->model.name, doc->model.digest, g->name,
                       oc_digest_print(&g->digest, found));
    return OC_OK;
}

static oc_status read_doc(oc_plan *p, const doc_plan *doc)
{
    OC_TRY(oc_plan_reserve(p, doc->sites_count, doc->steps_count));
    p->has_fallback = doc->has_fallback;
    OC_TRY(read_sites(p, doc));
    OC_TRY(read_steps(p, doc));
    return oc_plan_verify(p);
}

oc_status oc_plan_parse(const oc_graph *graph, oc_bytes yaml, const char *name,
                        const oc_allocator *alloc, oc_plan **plan)
{
    void *data = NULL;
    oc_plan *made = NULL;
    oc_status status;
    OC_TRY(oc_yaml_load(yaml, name, &plan_schema, &data));
    const doc_plan *doc = data;
    OC_TRY_OUT(check_model(graph, doc));
    OC_TRY_OUT(oc_plan_begin(graph, doc->name, alloc, &made));
    OC_TRY_OUT(read_doc(made, doc));
out:
    oc_yaml_free(&plan_schema, data);
    if (status != OC_OK) {
        oc_plan_destroy(made);
        return oc_fail_in(status, "%s", name);
    }
    *plan = made;
    return OC_OK;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* libcyaml writes what the structs point to and changes nothing, but its types are not const. */
static char *unconst(const char *text)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = text};
    return cast.to;
}

static oc_status write_values(const oc_plan *p, const oc_id *ids, size_t count, oc_arena *scratch,
                              char ***names, uint64_t *n_names)
{
    OC_TRY(OC_ARENA_ALLOC(scratch, count + 1, *names));
    for (size_t i = 0; i < count; i++)
        (*names)[i] = unconst(p->graph->values[ids[i]].name);
    *n_names = count;
    return OC_OK;
}

static oc_status write_step(const oc_plan *p, const oc_step *step, oc_arena *scratch, doc_step *doc)
{
    if (step->kind == OC_STEP_MOVE) {
        OC_TRY(OC_ARENA_ALLOC(scratch, 1, doc->move));
        doc->move->from = unconst(p->sites[step->site].name);
        doc->move->to = unconst(p->sites[step->to].name);
        return write_values(p, step->takes, step->n_takes, scratch, &doc->move->values,
                            &doc->move->values_count);
    }
    OC_TRY(OC_ARENA_ALLOC(scratch, 1, doc->run));
    doc->run->site = unconst(p->sites[step->site].name);
    OC_TRY(write_values(p, step->takes, step->n_takes, scratch, &doc->run->takes,
                        &doc->run->takes_count));
    return write_values(p, step->gives, step->n_gives, scratch, &doc->run->gives,
                        &doc->run->gives_count);
}

static oc_status write_doc(const oc_plan *p, oc_arena *scratch, char digest[OC_DIGEST_TEXT],
                           doc_plan *doc)
{
    *doc = (doc_plan){.version = FORMAT_VERSION, .name = unconst(p->name),
                      .model = {.name = unconst(p->graph->name),
                                .digest = oc_digest_print(&p->graph->digest, digest)},
                      .has_fallback = p->has_fallback, .sites_count = p->n_sites,
                      .steps_count = p->n_steps};
    OC_TRY(OC_ARENA_ALLOC(scratch, p->n_sites + 1, doc->sites));
    OC_TRY(OC_ARENA_ALLOC(scratch, p->n_steps + 1, doc->steps));
    for (size_t i = 0; i < p->n_sites; i++)
        doc->sites[i] = (doc_site){.name = unconst(p->sites[i].name), .role = p->sites[i].role};
    for (size_t i = 0; i < p->n_steps; i++)
        OC_TRY(write_step(p, &p->steps[i], scratch, &doc->steps[i]));
    return OC_OK;
}

oc_status oc_plan_print(const oc_plan *plan, oc_buf *yaml)
{
    char digest[OC_DIGEST_TEXT];
    doc_plan doc;
    oc_arena scratch;
    oc_status status;
    oc_arena_init(&scratch, plan->alloc);
    OC_TRY_OUT(write_doc(plan, &scratch, digest, &doc));
    OC_TRY_OUT(oc_yaml_save(&plan_schema, &doc, yaml));
out:
    oc_arena_fini(&scratch);
    return status;
}
