/* SPDX-License-Identifier: Apache-2.0 */
/* YAML to struct and back; errors name file, line and key. */
#include "oc_test.h"
#include "oc_yaml.h"

typedef struct step {
    char *site;
    int from;
    double weight;
    bool is_last;
} step;

typedef struct plan {
    char *name;
    step *steps;
    unsigned steps_count;
} plan;

static const cyaml_schema_field_t step_fields[] = {
    CYAML_FIELD_STRING_PTR("site", CYAML_FLAG_POINTER, step, site, 1, 20),
    CYAML_FIELD_INT("from", CYAML_FLAG_OPTIONAL, step, from),
    CYAML_FIELD_FLOAT("weight", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, step, weight),
    CYAML_FIELD_BOOL("last", CYAML_FLAG_OPTIONAL, step, is_last),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t step_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, step, step_fields)};
static const cyaml_schema_field_t plan_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, plan, name, 0, CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE("steps", CYAML_FLAG_POINTER, plan, steps, &step_schema, 0,
                         CYAML_UNLIMITED),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t plan_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, plan, plan_fields)};

static oc_status load(const char *text, plan **out)
{
    void *data = NULL;
    oc_status status = oc_yaml_load((oc_bytes){(const uint8_t *)text, strlen(text)}, "p.yaml",
                                    &plan_schema, &data);
    *out = data;
    return status;
}

static void loads(void **state)
{
    plan *p;
    (void)state;
    oc_assert_ok(load("# a comment\nname: lenet\nsteps:\n- site: edge\n  from: -3\n"
                      "- {site: cloud, weight: 0.5}\n",
                      &p));
    assert_string_equal(p->name, "lenet");
    assert_int_equal(p->steps_count, 2);
    assert_string_equal(p->steps[0].site, "edge");
    assert_int_equal(p->steps[0].from, -3);
    assert_string_equal(p->steps[1].site, "cloud");
    assert_true(p->steps[1].weight == 0.5);
    oc_yaml_free(&plan_schema, p);
    oc_yaml_free(&plan_schema, NULL);
}

static void saves_what_it_loads(void **state)
{
    char edge[] = "edge", cloud[] = "a: b # c", name[] = "1e3";
    step steps[] = {{edge, 1, 0.25, true}, {cloud, -7, 0, false}};
    const plan written = {name, steps, 2};
    oc_buf text;
    plan *p;
    (void)state;
    oc_buf_init(&text, NULL);
    oc_assert_ok(oc_yaml_save(&plan_schema, &written, &text));
    oc_assert_ok(load(text.data, &p));
    assert_string_equal(p->name, "1e3");
    assert_int_equal(p->steps_count, 2);
    assert_string_equal(p->steps[1].site, "a: b # c");
    assert_int_equal(p->steps[1].from, -7);
    assert_true(p->steps[0].weight == 0.25);
    assert_true(p->steps[0].is_last && !p->steps[1].is_last);
    oc_yaml_free(&plan_schema, p);
    oc_buf_fini(&text);
}

static void errors(void **state)
{
    static const struct {
        const char *yaml, *text;
    } cases[] = {
        {"name: a\nsteps:\n- site: x\n  form: 3\n", "p.yaml:4: steps[0]: Unexpected key: form"},
        {"name: a\nsteps:\n- site: x\n- from: 3\n", "steps[1]"},
        {"name: a\nsteps:\n- site: x\n- from: 3\n", "Missing required mapping field: site"},
        {"name: a\n", "p.yaml:1: "},
        {"name: a\n", "Missing required mapping field: steps"},
        {"name: a\nsteps:\n- site: x\n- site: y\n  from: abc\n",
         "p.yaml:5: from: Invalid INT value: 'abc'"},
        {"name: a\nsteps:\n- {site: y, from: 99999999999}\n",
         "p.yaml:3: steps[0].from: Invalid INT"},
        {"name: a\nsteps:\n- {site: y, weight: abc}\n",
         "p.yaml:3: weight: Invalid FLOAT value: 'abc'"},
        {"name: a\nsteps:\n- {site: y, weight: 1x}\n",
         "p.yaml:3: weight: Invalid FLOAT value: '1x'"},
        {"name: a\nsteps:\n- {site: y, weight: 1e999}\n", "p.yaml:3: weight: Invalid FLOAT"},
        {"name: a\nsteps:\n- {site: y, weight: .nan}\n", "p.yaml:3: weight: Invalid FLOAT"},
        {"name: a\nsteps:\n- {site: y, from: 1.5}\n", "p.yaml:3: from: Invalid INT value: '1.5'"},
        {"name: a\nsteps:\n- {site: y,\n   from: 3 4}\n",
         "p.yaml:4: from: Invalid INT value: '3 4'"},
        {"name: a\nsteps:\n- {site: y, from: }\n", "p.yaml:3: from: Invalid INT value: ''"},
        {"name: a\nsteps:\n- {site: y, last: maybe}\n",
         "p.yaml:3: last: Invalid BOOL value: 'maybe'"},
        {"name: a\nsteps:\n- {site: y, from: 1.5}\n- 3\n",
         "p.yaml:3: from: Invalid INT value: '1.5'"},
        {"\nname: [a]\nsteps: []\n", "p.yaml:2: name: Expecting STRING"},
        {"name: a\n\nsteps: 3\n", "p.yaml:3: steps: Expecting SEQUENCE"},
        {"name: a\nsteps: [3]\n", "p.yaml:2: steps[0]: Expecting MAPPING"},
        {"name: a\nsteps: [{site: ''}]\n", "p.yaml:2: steps[0].site: STRING length"},
        {"name: a\nname: b\nsteps: []\n", "p.yaml:2: name: Mapping field already seen"},
        {"- a\n", "p.yaml:1: Expecting MAPPING"},
        {"name: a\nsteps: [\n", "p.yaml:3: steps: libyaml: "},
        {"name: a\n\tb: c\n", "p.yaml:2: "},
        {"name: a\nsteps: []\nx: \x01", "libyaml: control characters are not allowed"},
        {"name: \xff\n", "libyaml: invalid"},
        {"name: &a x\nsteps:\n- site: *a\n", "p.yaml:3: steps[0].site: YAML alias"},
        {"name: a\nsteps: []\n---\nname: b\nsteps: []\n", "Ignoring documents after first"},
        {"", "p.yaml:1: expected a YAML mapping, found none"},
        {"# only this\n", "p.yaml:1: expected a YAML mapping, found none"},
    };
    (void)state;
    for (size_t i = 0; i < OC_COUNT(cases); i++) {
        plan *p;
        oc_assert_fails(load(cases[i].yaml, &p), OC_E_FORMAT, cases[i].text);
        assert_null(p);
    }
}

static void brackets(void **state)
{
    static char text[100000];
    plan *p;
    (void)state;
    memset(text, '[', sizeof(text) - 1);
    memcpy(text, "a:\n", 3);
    oc_assert_fails(load(text, &p), OC_E_LIMIT, "p.yaml:2: expected at most 100 open brackets");
    oc_assert_ok(load("name: ']]'\nsteps: [{site: '['}]\n", &p));
    oc_yaml_free(&plan_schema, p);
}

static void cut_anywhere(void **state)
{
    static const char text[] =
        "name: a\nsteps:\n- site: x\n  from: 12\n- {site: \"y\\x41\", weight: 2}\n";
    (void)state;
    for (size_t size = 0; size < sizeof(text) - 1; size++) {
        void *data = NULL;
        oc_status status =
            oc_yaml_load((oc_bytes){(const uint8_t *)text, size}, "p.yaml", &plan_schema, &data);
        assert_true(status == OC_OK || status == OC_E_FORMAT);
        assert_true((status == OC_OK) == (data != NULL));
        oc_yaml_free(&plan_schema, data);
    }
}

static void random_changes(void **state)
{
    static const char text[] =
        "name: a\nsteps:\n- site: x\n  from: 12\n- {site: \"y\", weight: 2}\n";
    oc_rng rng = oc_rng_make(21);
    (void)state;
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[sizeof(text) - 1];
        void *data = NULL;
        memcpy(bytes, text, sizeof(bytes));
        for (uint32_t n = 1 + oc_rng_below(&rng, 3); n > 0; n--)
            bytes[oc_rng_below(&rng, sizeof(bytes))] = (uint8_t)oc_rng_below(&rng, 256);
        oc_status status =
            oc_yaml_load((oc_bytes){bytes, sizeof(bytes)}, "p.yaml", &plan_schema, &data);
        assert_true(status == OC_OK || status == OC_E_FORMAT);
        oc_yaml_free(&plan_schema, data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads),        cmocka_unit_test(saves_what_it_loads),
        cmocka_unit_test(errors),       cmocka_unit_test(brackets),
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
