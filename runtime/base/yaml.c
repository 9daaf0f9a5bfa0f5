/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML by libcyaml. libcyaml says what is wrong only in log lines, and its backtrace names the line
 * of the last thing that was right. So the log is captured here, and libyaml, which libcyaml stands
 * on, is asked for the line of the parsing event that libcyaml refused. The log also shows every
 * scalar before it is converted; libcyaml converts "12abc" to 12, "1.5" to the integer 1 and "maybe"
 * to true, so numbers and truth values are checked here as well.
 */
#include "oc_yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#define FLOW_DEPTH 100

/* What the log said during one call. */
typedef struct capture {
    char message[256]; /* the first warning or error */
    char path[256];    /* "steps[2].site", from the backtrace */
    unsigned line;     /* of the innermost thing in the backtrace, from 1; 0: none */
    size_t events;     /* parsing events that libcyaml had read when the message came */
    char key[64];      /* the last key */
    char type[16];     /* type of the value that is being read: "INT" */
    bool is_ours;      /* the message is not libcyaml's, so its backtrace means something else */
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
    char name[64] = "";
    unsigned index = 0, line;
    if (sscanf(text, " in mapping field '%63[^']' (line: %u", name, &line) != 2 &&
        sscanf(text, " in sequence entry '%u' (line: %u", &index, &line) != 2 &&
        sscanf(text, " in mapping (line: %u", &line) != 1)
        return strcmp(text, "Load: Backtrace:") == 0;
    if (cap->is_ours)
        return true;
    if (index > 0) /* libcyaml counts from 1 */
        snprintf(name, sizeof(name), "[%u]", index - 1);
    path_prepend(cap, name);
    if (cap->line == 0)
        cap->line = line;
    return true;
}

/* Whether all of `text` is a value of a libcyaml type. */
static bool is_value(const char *type, const char *text)
{
    static const char *const truths[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    char *end = NULL;
    if (strcmp(type, "BOOL") == 0) {
        for (size_t i = 0; i < OC_COUNT(truths); i++)
            if (strcmp(text, truths[i]) == 0)
                return true;
        return false;
    }
    if (strcmp(type, "FLOAT") == 0)
        return isfinite(strtod(text, &end)) && end != text && *end == '\0';
    if (strcmp(type, "INT") == 0 || strcmp(type, "UINT") == 0) {
        (void)strtoll(text, &end, 0); /* libcyaml checks the range */
        return end != text && *end == '\0';
    }
    return true;
}

/* A scalar as the log shows it, "<text>". Numbers are short: one that was cut is none. */
static void check_scalar(capture *cap, char *text)
{
    size_t length = strlen(text);
    if (length > 0 && text[length - 1] == '>')
        text[length - 1] = '\0';
    if (is_value(cap->type, text))
        return;
    snprintf(cap->message, sizeof(cap->message), "Invalid %s value: '%.200s'", cap->type, text);
    snprintf(cap->path, sizeof(cap->path), "%s", cap->key);
    cap->is_ours = true;
}

/* The part of `text` behind `prefix`, or NULL. */
static char *behind(char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

OC_PRINTF(3, 0) static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    capture *cap = ctx;
    char text[256], *rest;
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    bool is_first = cap->message[0] == '\0';
    if (level >= CYAML_LOG_WARNING) {
        if (!read_backtrace(cap, text) && is_first) {
            rest = behind(text, "Load: ");
            snprintf(cap->message, sizeof(cap->message), "%s", rest != NULL ? rest : text);
        }
    } else if (is_first) {
        if (behind(text, "Load: Event: ") != NULL)
            cap->events++;
        else if ((rest = behind(text, "Load: Reading value of type '")) != NULL)
            snprintf(cap->type, sizeof(cap->type), "%.*s", (int)strcspn(rest, "'"), rest);
        else if ((rest = behind(text, "Load: [")) != NULL)
            snprintf(cap->key, sizeof(cap->key), "%.*s", (int)strcspn(rest, "]"), rest);
        else if ((rest = behind(text, "Load:   <")) != NULL)
            check_scalar(cap, rest);
    }
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

/*
 * libyaml looks at every open bracket again for each token, so 200 KB of '[' keep it busy for
 * minutes. Brackets in quoted texts and comments are counted too: no honest file has so many
 * that are not closed.
 */
static oc_status check_depth(oc_bytes bytes, const char *name)
{
    size_t depth = 0;
    unsigned line = 1;
    for (size_t i = 0; i < bytes.size; i++) {
        const uint8_t c = bytes.data[i];
        line += c == '\n';
        if (c == '[' || c == '{')
            depth++;
        else if ((c == ']' || c == '}') && depth > 0)
            depth--;
        if (depth > FLOW_DEPTH)
            return oc_fail(OC_E_LIMIT, "%s:%u: expected at most %d open brackets, found more", name,
                           line, FLOW_DEPTH);
    }
    return OC_OK;
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
    OC_TRY(check_depth(bytes, name));
    cyaml_err_t error = cyaml_load_data(bytes.data, bytes.size, &config, schema, &data, NULL);
    if (error != CYAML_OK)
        return fail_load(bytes, name, &cap, error);
    if (cap.message[0] != '\0') { /* a bad scalar, or a second document, which libcyaml ignores */
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
        return oc_fail(OC_E_INTERNAL, "YAML: %s",
                       cap.message[0] ? cap.message : cyaml_strerror(error));
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
