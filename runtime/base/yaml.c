/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML by libcyaml. libcyaml says what is wrong only in log lines, and its backtrace names the line
 * of the last thing that was right. So the log is captured here, and libyaml, which libcyaml stands
 * on, is asked for the line of the parsing event that libcyaml refused.
 */
#include "oc_yaml.h"

#include <stdio.h>
#include <yaml.h>

/* What the log said during one call. */
typedef struct capture {
    char message[256]; /* the first warning or error */
    char path[256];    /* "steps[2].site", from the backtrace */
    unsigned line;     /* of the innermost thing in the backtrace, from 1; 0: none */
    size_t events;     /* parsing events that libcyaml had read when the message came */
} capture;

/* Put `text` before the path. Texts that do not fit are left out: the path is only a help. */
static void path_prepend(capture *cap, const char *text)
{
    size_t length = strlen(text), old = strlen(cap->path);
    bool is_dotted = old > 0 && cap->path[0] != '[';
    if (length + is_dotted + old >= sizeof(cap->path))
        return;
    memmove(cap->path + length + is_dotted, cap->path, old + 1);
    memcpy(cap->path, text, length);
    if (is_dotted)
        cap->path[length] = '.';
}

/* One line of a backtrace, innermost first; false when it is none. */
static bool read_backtrace(capture *cap, const char *text)
{
    char key[64], entry[32];
    unsigned index, line;
    if (sscanf(text, " in mapping field '%63[^']' (line: %u", key, &line) == 2) {
        path_prepend(cap, key);
    } else if (sscanf(text, " in sequence entry '%u' (line: %u", &index, &line) == 2) {
        /* libcyaml counts from 1, or has 0 when the first entry has not begun. */
        snprintf(entry, sizeof(entry), "[%u]", index > 0 ? index - 1 : 0);
        path_prepend(cap, entry);
    } else if (sscanf(text, " in mapping (line: %u", &line) != 1) {
        return false;
    }
    if (cap->line == 0)
        cap->line = line;
    return true;
}

OC_PRINTF(3, 0) static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    static const char prefix[] = "Load: ", event[] = "Load: Event: ";
    capture *cap = ctx;
    char text[256];
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, event, sizeof(event) - 1) == 0)
        cap->events += cap->message[0] == '\0';
    if (level < CYAML_LOG_WARNING || strcmp(text, "Load: Backtrace:") == 0 ||
        read_backtrace(cap, text) || cap->message[0] != '\0')
        return;
    size_t skip = strncmp(text, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
    snprintf(cap->message, sizeof(cap->message), "%s", text + skip);
}

static cyaml_config_t config_for(capture *cap)
{
    return (cyaml_config_t){
        .log_fn = on_log,
        .log_ctx = cap,
        .mem_fn = cyaml_mem,
        .log_level = CYAML_LOG_DEBUG,
        /* An alias lets a short text expand to a huge one. */
        .flags = CYAML_CFG_NO_ALIAS | CYAML_CFG_STYLE_BLOCK,
    };
}

/* The line, from 1, of parsing event number `events` or of libyaml's own error before it; 0 where
 * there is no such event. */
static unsigned line_of_event(oc_bytes bytes, size_t events)
{
    yaml_parser_t parser;
    unsigned line = 0;
    if (yaml_parser_initialize(&parser) != 1)
        return 0;
    yaml_parser_set_input_string(&parser, bytes.data, bytes.size);
    for (size_t i = 0; i < events; i++) {
        yaml_event_t event;
        if (yaml_parser_parse(&parser, &event) != 1) {
            line = (unsigned)parser.problem_mark.line + 1;
            break;
        }
        bool is_end = event.type == YAML_STREAM_END_EVENT;
        line = (unsigned)event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (is_end)
            break;
    }
    yaml_parser_delete(&parser);
    return line;
}

static oc_status fail_load(oc_bytes bytes, const char *name, const capture *cap, cyaml_err_t error)
{
    const char *what = cap->message[0] != '\0' ? cap->message : cyaml_strerror(error);
    unsigned line = 0;
    /* A missing key is noticed at the end of its mapping: the backtrace has the better line. */
    if (error != CYAML_ERR_MAPPING_FIELD_MISSING)
        line = line_of_event(bytes, cap->events + (error == CYAML_ERR_LIBYAML_PARSER));
    if (line == 0)
        line = OC_MAX(cap->line, 1);
    return oc_fail(error == CYAML_ERR_OOM ? OC_E_NOMEM : OC_E_FORMAT, "%s:%u: %s%s%s", name, line,
                   cap->path, cap->path[0] != '\0' ? ": " : "", what);
}

oc_status oc_yaml_load(oc_bytes bytes, const char *name, const cyaml_schema_value_t *schema,
                       void **out)
{
    capture cap = {0};
    cyaml_config_t config = config_for(&cap);
    void *data = NULL;
    if (bytes.size == 0)
        bytes.data = (const uint8_t *)"";
    cyaml_err_t error = cyaml_load_data(bytes.data, bytes.size, &config, schema, &data, NULL);
    if (error != CYAML_OK)
        return fail_load(bytes, name, &cap, error);
    if (cap.message[0] != '\0') { /* a second document, which libcyaml would ignore */
        oc_yaml_free(schema, data);
        return fail_load(bytes, name, &cap, error);
    }
    if (data == NULL)
        return oc_fail(OC_E_FORMAT, "%s:1: expected a YAML mapping, found none", name);
    *out = data;
    return OC_OK;
}

oc_status oc_yaml_save(const cyaml_schema_value_t *schema, const void *data, oc_buf *text)
{
    capture cap = {0};
    cyaml_config_t config = config_for(&cap);
    char *yaml = NULL;
    size_t size = 0;
    cyaml_err_t error = cyaml_save_data(&yaml, &size, &config, schema, data, 0);
    if (error == CYAML_ERR_OOM)
        return oc_fail(OC_E_NOMEM, "YAML: %s", cyaml_strerror(error));
    if (error != CYAML_OK)
        return oc_fail(OC_E_INTERNAL, "YAML: %s", cap.message[0] ? cap.message : cyaml_strerror(error));
    oc_status status = oc_buf_put(text, yaml, size);
    cyaml_mem(NULL, yaml, 0);
    return status;
}

void oc_yaml_free(const cyaml_schema_value_t *schema, void *data)
{
    capture cap = {0};
    cyaml_config_t config = config_for(&cap);
    if (data != NULL)
        cyaml_free(&config, schema, data, 0);
}
