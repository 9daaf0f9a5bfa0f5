/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_engine MODEL INPUT.npy THREADS [DEVICE [CACHE]]: offcut as one of the engines of
 * bench/run.py, with its built kernels kept in the folder CACHE; driven by lines on the standard input. Every answer is one line of JSON; after an "error" nothing
 * more comes. bench/engine.py speaks the same for the peers.
 *
 *     (at the start)  {"engine": name and version}
 *     load            {"load_ns": until the model can run, "first_ns": until its first answer,
 *                      "device": its name and driver}
 *     run N           {"ns": [...]}, of N runs, each from the input to the output in the host's memory
 *     answer FILE     {}; the output of the last run is in FILE, as .npy
 *     end             {}; all is given back, and built kernels are kept
 *
 * Only the public headers are used, as a user's program would.
 */
#include <offcut/offcut.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_BYTES = 4096 };

typedef struct engine {
    const char *path, *device, *cache;
    uint32_t threads;
    oc_model *model;
    oc_prepared *prepared;
    oc_session *session;
    oc_tensor input, output;
} engine;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_text(const char *key, const char *text)
{
    printf("\"%s\": \"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < 0x20 ? ' ' : *text);
    }
    putchar('"');
}

/* The driver's libraries are loaded here, as a peer's are by its import. */
static oc_status greet(void)
{
    oc_device_info *devices;
    size_t count;
    oc_status status = oc_device_list(NULL, &devices, &count);
    if (status != OC_OK)
        return status;
    oc_device_list_free(devices, NULL);
    printf("{\"engine\": \"offcut %s\"}\n", oc_version());
    return OC_OK;
}

static oc_status run_once(engine *e)
{
    return oc_session_run(e->session, &e->input, 1, &e->output, 1, NULL);
}

static oc_status load(engine *e)
{
    const oc_prepare_options options = {
        .device = e->device, .threads = e->threads, .cache_dir = e->cache};
    uint64_t start = now_ns();
    oc_status status = oc_model_open(e->path, NULL, NULL, &e->model);
    if (status == OC_OK)
        status = oc_prepare(e->model, &options, NULL, &e->prepared);
    if (status == OC_OK)
        status = oc_session_create(e->prepared, NULL, NULL, &e->session);
    uint64_t loaded = now_ns();
    if (status == OC_OK)
        status = oc_tensor_alloc(&oc_model_get_info(e->model)->outputs[0].desc, NULL, &e->output);
    if (status == OC_OK)
        status = run_once(e);
    if (status != OC_OK)
        return status;
    printf("{\"load_ns\": %llu, \"first_ns\": %llu, ", (unsigned long long)(loaded - start),
           (unsigned long long)(now_ns() - start));
    const oc_device_info *device = oc_prepared_device(e->prepared);
    char text[sizeof(device->name) + sizeof(device->driver) + 3];
    snprintf(text, sizeof(text), "%s, %s", device->name, device->driver);
    put_text("device", text);
    printf("}\n");
    return OC_OK;
}

static oc_status run(engine *e, unsigned long count)
{
    printf("{\"ns\": [");
    for (unsigned long i = 0; i < count; i++) {
        uint64_t start = now_ns();
        oc_status status = run_once(e);
        if (status != OC_OK) {
            printf("]}\n");
            return status;
        }
        printf("%s%llu", i ? ", " : "", (unsigned long long)(now_ns() - start));
    }
    printf("]}\n");
    return OC_OK;
}

static oc_status answer(engine *e, const char *path)
{
    oc_status status = oc_npy_write(path, &e->output);
    if (status == OC_OK)
        printf("{}\n");
    return status;
}

static void give_back(engine *e)
{
    oc_session_destroy(e->session);
    oc_prepared_destroy(e->prepared);
    oc_model_destroy(e->model);
    e->session = NULL;
    e->prepared = NULL;
    e->model = NULL;
}

static oc_status end(engine *e)
{
    give_back(e);
    printf("{}\n");
    return OC_OK;
}

/* Until the other side has nothing more to say. */
static oc_status obey(engine *e)
{
    char line[LINE_BYTES];
    oc_status status = greet();
    while (status == OC_OK && fflush(stdout) == 0 && fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (strcmp(line, "load") == 0 && !e->session)
            status = load(e);
        else if (strncmp(line, "run ", 4) == 0 && e->session)
            status = run(e, strtoul(line + 4, NULL, 10));
        else if (strncmp(line, "answer ", 7) == 0 && e->session)
            status = answer(e, line + 7);
        else if (strcmp(line, "end") == 0)
            status = end(e);
        else
            printf("{\"error\": \"expected load, then run N, answer FILE or end\"}\n");
    }
    return status;
}

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* as the command does */
    if (argc < 4 || argc > 6) {
        fprintf(stderr, "usage: bench_engine MODEL INPUT.npy THREADS [DEVICE [CACHE]]\n");
        return 2;
    }
    engine e = {.path = argv[1],
                .device = argc > 4 ? argv[4] : NULL,
                .cache = argc > 5 ? argv[5] : NULL,
                .threads = (uint32_t)strtoul(argv[3], NULL, 10)};
    oc_status status = oc_npy_read(argv[2], NULL, NULL, &e.input);
    if (status == OC_OK)
        status = obey(&e);
    if (status != OC_OK) {
        putchar('{');
        put_text("error", oc_error_text());
        printf("}\n");
    }
    oc_tensor_free(&e.output, NULL);
    oc_tensor_free(&e.input, NULL);
    give_back(&e);
    return status == OC_OK ? 0 : 1;
}
