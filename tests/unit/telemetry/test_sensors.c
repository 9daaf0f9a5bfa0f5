/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sensors, over boards whose /sys and /proc are laid out in a temporary folder; bounds, staleness,
 * clocks that jump.
 */
#define _XOPEN_SOURCE 700 /* nftw */
#include "oc_test.h"

#include "oc_telemetry.h"
#include "sensor.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define S UINT64_C(1000000000)
#define PERIOD (S / 5) /* of a telemetry without a thread */

/* ---- boards ---------------------------------------------------------------------------------- */

typedef struct board {
    char root[64];
    oc_telemetry *telemetry;
    oc_snapshot snapshot; /* the last sample */
    oc_machine_state state;
} board;

typedef struct board_path {
    char text[512];
} board_path;

static board_path path_in(const board *b, const char *path)
{
    board_path p;
    assert_in_range(snprintf(p.text, sizeof(p.text), "%s/%s", b->root, path), 1,
                    sizeof(p.text) - 1);
    return p;
}

static void make_folders(board_path p)
{
    for (char *slash = strchr(p.text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        assert_true(mkdir(p.text, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

static void lay_bytes(const board *b, const char *path, const void *bytes, size_t size)
{
    board_path p = path_in(b, path);
    make_folders(p);
    FILE *file = fopen(p.text, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void lay(const board *b, const char *path, const char *text)
{
    lay_bytes(b, path, text, strlen(text));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info, (void)type, (void)where;
    return remove(path);
}

static void take_away(const board *b, const char *path)
{
    nftw(path_in(b, path).text, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int begin(void **state)
{
    board *b = calloc(1, sizeof(*b));
    snprintf(b->root, sizeof(b->root), "/tmp/offcut-board-XXXXXX");
    if (mkdtemp(b->root) == NULL || oc_telemetry_open(b->root, 0, NULL, &b->telemetry) != OC_OK)
        return -1;
    *state = b;
    return 0;
}

static int end(void **state)
{
    board *b = *state;
    oc_telemetry_close(b->telemetry);
    take_away(b, "");
    free(b);
    return 0;
}

static void sample(board *b, uint64_t now_ns)
{
    oc_telemetry_sample(b->telemetry, now_ns);
    oc_telemetry_read(b->telemetry, &b->snapshot);
    oc_telemetry_state(b->telemetry, &b->state);
    assert_int_equal(b->snapshot.at_ns, now_ns);
    assert_in_range(b->snapshot.n_readings, 0, OC_READINGS_MAX);
}

static const oc_reading *look(const board *b, oc_quantity quantity, const char *label)
{
    for (size_t i = 0; i < b->snapshot.n_readings; i++)
        if (b->snapshot.readings[i].quantity == quantity &&
            strcmp(b->snapshot.readings[i].label, label) == 0)
            return &b->snapshot.readings[i];
    return NULL;
}

static size_t count_of(const board *b, oc_quantity quantity)
{
    size_t count = 0;
    for (size_t i = 0; i < b->snapshot.n_readings; i++)
        count += b->snapshot.readings[i].quantity == quantity;
    return count;
}

static void check(const board *b, oc_quantity quantity, const char *label, double value, int flags,
                  int line)
{
    const oc_reading *r = look(b, quantity, label);
    if (r && fabs(r->value - value) <= 1e-9 * fabs(value) && r->flags == flags)
        return;
    print_error("expected %s of '%s' %.12g, flags %d; found %s%.12g, flags %d\n",
                oc_quantity_name(quantity), label, value, flags, r ? "" : "none, ",
                r ? r->value : 0, r ? r->flags : 0);
    for (size_t i = 0; i < b->snapshot.n_readings; i++)
        print_error("  %s '%s' %.12g\n",
                    oc_quantity_name((oc_quantity)b->snapshot.readings[i].quantity),
                    b->snapshot.readings[i].label, b->snapshot.readings[i].value);
    _fail(__FILE__, line);
}
#define reads(b_, quantity_, label_, value_) \
    check((b_), OC_QUANTITY_##quantity_, (label_), (value_), 0, __LINE__)
#define reads_flagged(b_, quantity_, label_, value_, flags_) \
    check((b_), OC_QUANTITY_##quantity_, (label_), (value_), (flags_), __LINE__)

/* So equal that only rounding is between them. */
static void assert_near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected)))
        fail_msg("expected %.12g, found %.12g", expected, found);
}

/* ---- boards as they are ---------------------------------------------------------------------- */

/* A53s at 1333 MHz that govern themselves, one INA260 on the carrier card's supply. */
static void lay_kv260(const board *b)
{
    lay(b, "sys/class/hwmon/hwmon2/name", "ina260_u14\n");
    lay(b, "sys/class/hwmon/hwmon2/in1_input", "5012\n");
    lay(b, "sys/class/hwmon/hwmon2/curr1_input", "655\n");
    lay(b, "sys/class/hwmon/hwmon2/power1_input", "3280000\n");
    lay(b, "sys/class/thermal/thermal_zone0/type", "apu-thermal\n");
    lay(b, "sys/class/thermal/thermal_zone0/temp", "41250\n");
    for (int i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", i);
        lay(b, path, i == 0 ? "1333332\n" : "333333\n");
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/cpufreq/cpuinfo_max_freq", i);
        lay(b, path, "1333332\n");
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/cpufreq/scaling_max_freq", i);
        lay(b, path, "1333332\n");
    }
    lay(b, "proc/meminfo",
        "MemTotal:        4028416 kB\nMemFree:  1 kB\nMemAvailable:    3517628 kB\n");
    lay(b, "proc/pressure/cpu",
        "some avg10=12.50 avg60=0.0 avg300=0.00 total=1\nfull avg10=0.00\n");
    lay(b, "proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    lay(b, "proc/self/status",
        "Name:\tx\nCpus_allowed:\tf\nCpus_allowed_list:\t0-3\nMems_allowed:\t1\n");
    lay(b, "proc/self/stat",
        "7 (off) cut) R 1 7 7 0 -1 4194304 101 0 0 0 50 10 0 0 20 0 1 0 9 9\n");
    lay(b, "proc/stat",
        "cpu  400 0 0 4000 0 0 0 0 0 0\ncpu0 100 0 0 1000 0 0 0 0 0 0\ncpu1 100 0 0 1000 0 0 0 0 0 "
        "0\n"
        "cpu2 100 0 0 1000 0 0 0 0 0 0\ncpu3 100 0 0 1000 0 0 0 0 0 0\nintr 1 2\n");
}

static void test_kv260(void **state)
{
    board *b = *state;
    lay_kv260(b);
    sample(b, S);
    reads(b, POWER, "ina260_u14", 3.28);
    reads(b, VOLTAGE, "ina260_u14", 5.012);
    reads(b, CURRENT, "ina260_u14", 0.655);
    reads(b, TEMPERATURE, "apu-thermal", 41.25);
    reads(b, CPU_FREQUENCY, "cpu0", 1333332e3);
    reads(b, CPU_FREQUENCY, "cpu3", 333333e3);
    reads(b, CPU_FREQUENCY_MAX, "cpu3", 1333332e3);
    reads(b, THROTTLED, "cpufreq", 0);
    reads(b, MEMORY_TOTAL, "memory", 4028416.0 * 1024);
    reads(b, MEMORY_AVAILABLE, "memory", 3517628.0 * 1024);
    reads(b, CPU_PRESSURE, "cpu", 0.125);
    reads(b, MEMORY_PRESSURE, "memory", 0);
    assert_int_equal(count_of(b, OC_QUANTITY_IO_PRESSURE), 0);
    assert_int_equal(count_of(b, OC_QUANTITY_CPU_LOAD),
                     0); /* of one sample there is no difference */

    /*
     * 100 ticks on each; 60, 40, 20 and 0 of them busy, user, system, irq and steal; 50 of our
     * own.
     */
    lay(b, "proc/stat",
        "cpu0 160 0 0 1040 0 0 0 0 0 0\ncpu1 100 0 40 1050 10 0 0 0 0 0\n"
        "cpu2 100 0 0 1080 0 10 0 10 0 0\ncpu3 100 0 0 1100 0 0 0 0 0 0\nintr 1 2\n");
    lay(b, "proc/self/stat",
        "7 (off) cut) R 1 7 7 0 -1 4194304 101 0 0 0 90 20 0 0 20 0 1 0 9 9\n");
    sample(b, 2 * S);
    reads(b, CPU_LOAD, "cpu", 0.3);
    reads(b, CPU_OTHERS, "cpu", 70 / 400.0);

    assert_near(b->state.cpu_others, 70 / 400.0);
    assert_near(b->state.frequency, (1333332 + 3 * 333333) / (4 * 1333332.0));
    assert_near(b->state.memory_available, 3517628.0 * 1024);
    assert_near(b->state.temperature, 41.25);
    assert_near(b->state.power, 3.28);
    assert_near(b->state.throttled, 0);
    assert_true(isnan(b->state.battery));
    assert_int_equal(b->state.at_ns, 2 * S);
    assert_false(b->state.is_stale);
}

static void test_zcu104(void **state)
{
    board *b = *state;
    /* in0 is the shunt's; the kernel gives no power. */
    lay(b, "sys/class/hwmon/hwmon0/name", "ina226\n");
    lay(b, "sys/class/hwmon/hwmon0/in0_input", "2\n");
    lay(b, "sys/class/hwmon/hwmon0/in1_input", "11950\n");
    lay(b, "sys/class/hwmon/hwmon0/curr1_input", "1100\n");
    /* Labelled rails, numbered differently. */
    lay(b, "sys/class/hwmon/hwmon10/name", "ina3221\n");
    lay(b, "sys/class/hwmon/hwmon10/in1_label", "VCCINT\n");
    lay(b, "sys/class/hwmon/hwmon10/in1_input", "850\n");
    lay(b, "sys/class/hwmon/hwmon10/in2_label", "VCCAUX\n");
    lay(b, "sys/class/hwmon/hwmon10/in2_input", "1800\n");
    lay(b, "sys/class/hwmon/hwmon10/curr1_label", "VCCAUX\n");
    lay(b, "sys/class/hwmon/hwmon10/curr1_input", "500\n");
    lay(b, "sys/class/hwmon/hwmon10/curr2_label", "VCCINT\n");
    lay(b, "sys/class/hwmon/hwmon10/curr2_input", "2000\n");
    sample(b, S);
    reads(b, POWER, "ina226", 11.95 * 1.1);
    reads(b, VOLTAGE, "ina226", 11.95);
    reads(b, POWER, "ina3221 VCCINT", 0.85 * 2);
    reads(b, POWER, "ina3221 VCCAUX", 1.8 * 0.5);
    assert_int_equal(count_of(b, OC_QUANTITY_POWER), 3);
    assert_int_equal(count_of(b, OC_QUANTITY_VOLTAGE), 3);
    assert_near(b->state.power, 11.95 * 1.1 + 1.7 + 0.9);

    /* Another number for the same chip changes nothing. */
    assert_int_equal(rename(path_in(b, "sys/class/hwmon/hwmon0").text,
                            path_in(b, "sys/class/hwmon/hwmon7").text),
                     0);
    sample(b, 2 * S);
    reads(b, POWER, "ina226", 11.95 * 1.1);
    assert_int_equal(count_of(b, OC_QUANTITY_POWER), 3);
}

static void test_ultra96(void **state)
{
    board *b = *state;
    lay(b, "sys/class/hwmon/hwmon0/name", "irps5401\n");
    lay(b, "sys/class/hwmon/hwmon0/in1_input", "11800\n");
    lay(b, "sys/class/hwmon/hwmon0/in1_label", "vin\n");
    lay(b, "sys/class/hwmon/hwmon0/in2_input", "851\n");
    lay(b, "sys/class/hwmon/hwmon0/in2_label", "vout1\n");
    lay(b, "sys/class/hwmon/hwmon0/temp1_input", "38500\n");
    sample(b, S);
    reads(b, VOLTAGE, "irps5401 vin", 11.8);
    reads(b, VOLTAGE, "irps5401 vout1", 0.851);
    reads(b, TEMPERATURE, "irps5401", 38.5);
    assert_int_equal(count_of(b, OC_QUANTITY_POWER), 0);
    assert_true(isnan(b->state.power));
    assert_near(b->state.temperature, 38.5);
}

static void test_ams(void **state)
{
    board *b = *state;
    const char *folder = "sys/bus/iio/devices/iio:device0";
    char path[128];
    const char *files[][2] = {{"name", "xlnx-ams\n"},
                              {"in_temp0_ps_temp_raw", "43230\n"},
                              {"in_temp0_ps_temp_offset", "-36058\n"},
                              {"in_temp0_ps_temp_scale", "7.771514892\n"},
                              {"in_temp2_raw", "42000\n"},
                              {"in_temp2_scale", "7.5\n"},
                              {"in_temp_offset", "-36000\n"},
                              {"in_temp20_raw", "1\n"}, /* has no scale */
                              {"in_voltage0_raw", "1\n"}};
    for (size_t i = 0; i < OC_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
        lay(b, path, files[i][1]);
    }
    sample(b, S);
    reads(b, TEMPERATURE, "xlnx-ams ps_temp", (43230 - 36058) * 7.771514892 / 1000);
    reads(b, TEMPERATURE, "xlnx-ams temp2", 45);
    assert_int_equal(b->snapshot.n_readings, 2);
    assert_near(b->state.temperature, (43230 - 36058) * 7.771514892 / 1000);
}

static void test_rails_and_their_total(void **state)
{
    board *b = *state;
    lay(b, "sys/class/hwmon/hwmon0/name", "irps5401");
    lay(b, "sys/class/hwmon/hwmon0/power1_label", "pin");
    lay(b, "sys/class/hwmon/hwmon0/power1_input", "5000000");
    lay(b, "sys/class/hwmon/hwmon0/power2_label", "pout1");
    lay(b, "sys/class/hwmon/hwmon0/power2_input", "4000000");
    lay(b, "sys/class/hwmon/hwmon1/name", "ina226");
    lay(b, "sys/class/hwmon/hwmon1/label", "DDR");
    lay(b, "sys/class/hwmon/hwmon1/power1_input", "1000000");
    sample(b, S);
    reads(b, POWER, "irps5401 pout1", 4);
    reads(b, POWER, "ina226 DDR", 1);
    assert_near(b->state.power, 6);
    lay(b, "sys/class/hwmon/hwmon1/label", "Total SOM");
    sample(b, 2 * S);
    assert_near(b->state.power, 1);
}

static void test_battery(void **state)
{
    board *b = *state;
    lay(b, "sys/class/power_supply/AC/type", "Mains\n");
    lay(b, "sys/class/power_supply/AC/capacity", "1\n");
    lay(b, "sys/class/power_supply/mouse/type", "Battery\n");
    lay(b, "sys/class/power_supply/mouse/scope", "Device\n");
    lay(b, "sys/class/power_supply/mouse/capacity", "3\n");
    lay(b, "sys/class/power_supply/BAT0/type", "Battery\n");
    lay(b, "sys/class/power_supply/BAT0/capacity", "80\n");
    lay(b, "sys/class/power_supply/BAT1/type", "Battery\n");
    lay(b, "sys/class/power_supply/BAT1/charge_now", "1500\n");
    lay(b, "sys/class/power_supply/BAT1/charge_full", "2000\n");
    lay(b, "sys/class/power_supply/BAT2/type", "Battery\n");
    lay(b, "sys/class/power_supply/BAT2/energy_now", "1500\n");
    lay(b, "sys/class/power_supply/BAT2/energy_full", "0\n");
    sample(b, S);
    reads(b, BATTERY, "BAT0", 0.8);
    reads(b, BATTERY, "BAT1", 0.75);
    assert_int_equal(b->snapshot.n_readings, 2);
    assert_near(b->state.battery, 0.75);
}

static void test_throttling(void **state)
{
    board *b = *state;
    lay(b, "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "900000\n");
    lay(b, "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1200000\n");
    lay(b, "sys/devices/system/cpu/cpufreq/boost", "1\n"); /* no processor */
    lay(b, "sys/class/thermal/cooling_device0/type", "cpu-fan\n");
    lay(b, "sys/class/thermal/cooling_device0/cur_state", "3\n");
    lay(b, "sys/class/thermal/cooling_device0/max_state", "3\n");
    lay(b, "sys/class/thermal/cooling_device1/type", "thermal-cpufreq-0\n");
    lay(b, "sys/class/thermal/cooling_device1/cur_state", "2\n");
    lay(b, "sys/class/thermal/cooling_device1/max_state", "4\n");
    lay(b, "sys/class/thermal/cooling_device2/type", "Processor\n");
    lay(b, "sys/class/thermal/cooling_device2/cur_state", "0\n");
    lay(b, "sys/class/thermal/cooling_device2/max_state", "10\n");
    sample(b, S);
    reads(b, THROTTLED, "cpufreq", 0.25);
    reads(b, THROTTLED, "thermal-cpufreq-0", 0.5);
    assert_int_equal(b->snapshot.n_readings, 2);
    assert_near(b->state.throttled, 0.5);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void test_memory_of_groups(void **state)
{
    board *b = *state;
    const double kib = 1024;
    lay(b, "proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 900 kB\n");
    lay(b, "proc/self/cgroup", "0::/a/b\n");
    lay(b, "sys/fs/cgroup/a/b/memory.max", "max\n");
    sample(b, S);
    reads(b, MEMORY_TOTAL, "memory", 1000 * kib);
    /* Ours has the smaller limit and its parent, with others in it, the less room. */
    lay(b, "sys/fs/cgroup/a/b/memory.max", "409600\n");
    lay(b, "sys/fs/cgroup/a/b/memory.current", "204800\n");
    lay(b, "sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 102400\nfile 5\n");
    lay(b, "sys/fs/cgroup/a/memory.max", "819200\n");
    lay(b, "sys/fs/cgroup/a/memory.current", "716800\n");
    sample(b, 2 * S);
    reads(b, MEMORY_TOTAL, "memory", 400 * kib);
    reads(b, MEMORY_AVAILABLE, "memory", 100 * kib);
    take_away(b, "sys/fs/cgroup/a/memory.max");
    sample(b, 3 * S);
    reads(b, MEMORY_AVAILABLE, "memory", 300 * kib);
    /* More than the limit in use: nothing is left, and that is no lie. */
    lay(b, "sys/fs/cgroup/a/b/memory.current", "1409600\n");
    sample(b, 4 * S);
    reads(b, MEMORY_AVAILABLE, "memory", 0);

    /* Version 1, whose path a container does not see, behind other controllers. */
    lay(b, "proc/self/cgroup", "9:name=memoryless:/x\n5:cpu,memory:/docker/0123\n0::/../../y\n");
    lay(b, "sys/y/memory.max", "4096\n"); /* what that ".." would name by mistake */
    lay(b, "sys/y/memory.current", "4096\n");
    lay(b, "sys/fs/cgroup/memory/memory.limit_in_bytes", "512000\n");
    lay(b, "sys/fs/cgroup/memory/memory.usage_in_bytes", "102400\n");
    sample(b, 5 * S);
    reads(b, MEMORY_TOTAL, "memory", 500 * kib);
    reads(b, MEMORY_AVAILABLE, "memory", 400 * kib);
    lay(b, "sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    sample(b, 6 * S);
    reads(b, MEMORY_TOTAL, "memory", 1000 * kib);
    reads(b, MEMORY_AVAILABLE, "memory", 900 * kib);
}

/* ---- processors ------------------------------------------------------------------------------ */

static void test_only_our_processors(void **state)
{
    board *b = *state;
    lay(b, "proc/self/status", "Cpus_allowed_list:\t1,3-4\n");
    lay(b, "proc/stat", "cpu0 0 0 0 100\ncpu1 0 0 0 100\ncpu3 0 0 0 100\ncpu4 0 0 0 100\n");
    sample(b, S);
    /* cpu4 is taken out meanwhile, cpu3's idle time goes back, as it sometimes does. */
    lay(b, "proc/stat", "cpu0 900 0 0 100\ncpu1 25 0 0 175\ncpu3 0 0 0 90\n");
    sample(b, 2 * S);
    reads(b, CPU_LOAD, "cpu", 0.25);
    assert_int_equal(count_of(b, OC_QUANTITY_CPU_OTHERS), 0); /* our own time is not known */
    /* Ticks stand still: the old load stays, and no new one is made up. */
    sample(b, 2 * S + 4 * PERIOD);
    reads_flagged(b, CPU_LOAD, "cpu", 0.25, OC_READING_STALE);
}

static void test_speeds_of_many_processors(void **state)
{
    board *b = *state;
    char text[64 * 40] = "";
    for (int i = 0; i < 32; i++) {
        char path[128];
        snprintf(text + strlen(text), 64, "cpu%d 1 1 1 1\n", i);
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%d/cpufreq/scaling_cur_freq", i);
        lay(b, path, "1000000\n");
    }
    lay(b, "proc/stat", text);
    sample(b, S);
    assert_int_equal(count_of(b, OC_QUANTITY_CPU_FREQUENCY), 8);
    reads(b, CPU_FREQUENCY, "cpu0", 1e9);
    reads(b, CPU_FREQUENCY, "cpu28", 1e9);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void test_nothing_there(void **state)
{
    board *b = *state;
    oc_telemetry_state(b->telemetry, &b->state);
    assert_true(b->state.is_stale && isnan(b->state.temperature));
    sample(b, S);
    assert_int_equal(b->snapshot.n_readings, 0);
    assert_true(b->state.is_stale);
    assert_true(isnan(b->state.cpu_others) && isnan(b->state.frequency) && isnan(b->state.power));
    assert_true(isnan(b->state.memory_available) && isnan(b->state.throttled));
}

static void test_sources_that_vanish(void **state)
{
    board *b = *state;
    const uint64_t gone = 100 * S;
    lay_kv260(b);
    sample(b, gone);
    const size_t before = b->snapshot.n_readings;
    take_away(b, "sys/class/hwmon/hwmon2");
    sample(b, gone + 3 * PERIOD);
    reads(b, POWER, "ina260_u14", 3.28);
    assert_int_equal(look(b, OC_QUANTITY_POWER, "ina260_u14")->at_ns, gone);
    assert_int_equal(b->snapshot.n_readings, before);
    sample(b, gone + 3 * PERIOD + 1);
    reads_flagged(b, POWER, "ina260_u14", 3.28, OC_READING_STALE);
    /* Others are fresh: what is stale is not known any more. */
    assert_true(isnan(b->state.power));
    assert_false(b->state.is_stale);
    sample(b, gone + 60 * S - 1);
    reads_flagged(b, POWER, "ina260_u14", 3.28, OC_READING_STALE);
    sample(b, gone + 60 * S);
    assert_null(look(b, OC_QUANTITY_POWER, "ina260_u14"));
    assert_int_equal(b->snapshot.n_readings, before - 3);
    /* It comes back, under another number and with another value. */
    lay(b, "sys/class/hwmon/hwmon4/name", "ina260_u14\n");
    lay(b, "sys/class/hwmon/hwmon4/power1_input", "1000000\n");
    sample(b, gone + 61 * S);
    reads(b, POWER, "ina260_u14", 1);

    /* All is gone: the last state is told, and that it is stale. */
    take_away(b, "sys");
    take_away(b, "proc");
    sample(b, gone + 63 * S);
    assert_near(b->state.power, 1);
    assert_near(b->state.temperature, 41.25);
    assert_int_equal(b->state.at_ns, gone + 61 * S);
    assert_true(b->state.is_stale);
    sample(b, gone + 121 * S);
    assert_int_equal(b->snapshot.n_readings, 0);
}

static void test_sources_of_one_name(void **state)
{
    board *b = *state;
    lay(b, "sys/class/hwmon/hwmon0/name", "ina226");
    lay(b, "sys/class/hwmon/hwmon0/power1_input", "1000000");
    lay(b, "sys/class/hwmon/hwmon1/name", "ina226");
    lay(b, "sys/class/hwmon/hwmon1/power1_input", "2000000");
    sample(b, S);
    assert_near(b->state.power, 3);
    take_away(b, "sys/class/hwmon/hwmon1");
    sample(b, S + 4 * PERIOD);
    assert_int_equal(b->snapshot.n_readings, 2);
    assert_near(b->state.power, 1);
}

static void test_clock_that_jumps(void **state)
{
    board *b = *state;
    lay_kv260(b);
    sample(b, 1000 * S);
    take_away(b, "sys/class/hwmon");
    sample(b, 1000 * S + PERIOD);
    /*
     * Back by almost all: a reading of one period ago is one period old still, and no time is yet
     * to come.
     */
    sample(b, 5 * S);
    reads(b, POWER, "ina260_u14", 3.28);
    assert_int_equal(look(b, OC_QUANTITY_POWER, "ina260_u14")->at_ns, 5 * S - PERIOD);
    for (size_t i = 0; i < b->snapshot.n_readings; i++) {
        assert_true(b->snapshot.readings[i].at_ns <= 5 * S);
        assert_int_equal(b->snapshot.readings[i].flags, 0);
    }
    assert_false(b->state.is_stale);
    sample(b, 5 * S + 2 * PERIOD + 1);
    reads_flagged(b, POWER, "ina260_u14", 3.28, OC_READING_STALE);
    /* Back to the origin, and to the end of time. */
    sample(b, 0);
    reads_flagged(b, POWER, "ina260_u14", 3.28, OC_READING_STALE);
    assert_int_equal(look(b, OC_QUANTITY_POWER, "ina260_u14")->at_ns, 0);
    reads(b, TEMPERATURE, "apu-thermal", 41.25);
    sample(b, UINT64_MAX);
    assert_null(look(b, OC_QUANTITY_POWER, "ina260_u14"));
    reads(b, TEMPERATURE, "apu-thermal", 41.25);
    assert_false(b->state.is_stale);
}

static void test_lies(void **state)
{
    board *b = *state;
    lay_kv260(b);
    lay(b, "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "0\n");
    lay(b, "sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "-5\n");
    lay(b, "sys/class/thermal/thermal_zone1/type", "liar\n");
    lay(b, "sys/class/thermal/thermal_zone1/temp", "999000\n");
    lay(b, "sys/class/thermal/thermal_zone2/type", "cold\n");
    lay(b, "sys/class/thermal/thermal_zone2/temp", "-274000\n");
    lay(b, "sys/class/hwmon/hwmon2/power1_input", "-1\n");
    lay(b, "sys/class/hwmon/hwmon2/in1_input", "99999999999999999999999999999999999999999\n");
    lay(b, "proc/pressure/cpu", "some avg10=250.00 avg60=0.0\n");
    lay(b, "proc/meminfo", "MemTotal: 999999999999999 kB\nMemAvailable: 1 kB\n");
    sample(b, S);
    reads_flagged(b, CPU_FREQUENCY, "cpu1", 1e6, OC_READING_BOUNDED);
    reads_flagged(b, CPU_FREQUENCY, "cpu2", 1e6, OC_READING_BOUNDED);
    reads_flagged(b, TEMPERATURE, "liar", 150, OC_READING_BOUNDED);
    reads_flagged(b, TEMPERATURE, "cold", -60, OC_READING_BOUNDED);
    reads_flagged(b, POWER, "ina260_u14", 0, OC_READING_BOUNDED);
    reads_flagged(b, VOLTAGE, "ina260_u14", 1000, OC_READING_BOUNDED);
    reads_flagged(b, CPU_PRESSURE, "cpu", 1, OC_READING_BOUNDED);
    reads_flagged(b, MEMORY_TOTAL, "memory", 1e16, OC_READING_BOUNDED);
    /* Lies are not decided by. */
    assert_near(b->state.frequency, (1333332 + 333333) / (2 * 1333332.0));
    assert_near(b->state.temperature, 41.25);
    assert_true(isnan(b->state.power));
}

/* Everything that a temperature's file may be instead of a temperature. */
static void test_files_that_are_none(void **state)
{
    board *b = *state;
    const char *texts[] = {"",      "\n",     "abc\n",  "12abc\n",        "-\n",
                           ".\n",   "1e5\n",  "0x10\n", "nan\n",          "inf\n",
                           "1 2\n", "1\n2\n", "--1\n",  "\xff\xfe\x80\n", "+1\n",
                           "1,5\n"};
    char path[64];
    for (size_t i = 0; i < OC_COUNT(texts); i++) {
        snprintf(path, sizeof(path), "sys/class/thermal/thermal_zone%zu/temp", i);
        lay(b, path, texts[i]);
    }
    lay_bytes(b, "sys/class/thermal/thermal_zone80/temp", "42000\0garbage", 13);
    make_folders(path_in(b, "sys/class/thermal/thermal_zone81/temp/folder"));
    make_folders(path_in(b, "sys/class/thermal/thermal_zone82/x"));
    assert_int_equal(mkfifo(path_in(b, "sys/class/thermal/thermal_zone82/temp").text, 0666), 0);
    make_folders(path_in(b, "sys/class/thermal/thermal_zone83/x"));
    assert_int_equal(symlink("temp", path_in(b, "sys/class/thermal/thermal_zone83/temp").text), 0);
    make_folders(path_in(b, "sys/class/thermal/thermal_zone84/x"));
    assert_int_equal(symlink("gone", path_in(b, "sys/class/thermal/thermal_zone84/temp").text), 0);
    lay(b, "sys/class/thermal/thermal_zone85", "no folder");
    lay(b, "sys/class/thermal/thermal_zone86/temp", "12\n");
    assert_int_equal(chmod(path_in(b, "sys/class/thermal/thermal_zone86/temp").text, 0), 0);
    sample(b, S);
    /* The last one can be read by root only. */
    assert_int_equal(b->snapshot.n_readings, geteuid() == 0 ? 1 : 0);
    const char *good[][2] = {
        {"0\n", "0"}, {"-12500\n", "-12.5"}, {"42", "42e-3"}, {"1.5 \n", "1.5e-3"}};
    for (size_t i = 0; i < OC_COUNT(good); i++) {
        lay(b, "sys/class/thermal/thermal_zone90/temp", good[i][0]);
        sample(b, S);
        reads(b, TEMPERATURE, "thermal_zone90", atof(good[i][1]));
    }
}

static void test_files_too_long(void **state)
{
    board *b = *state;
    const size_t size = 10000000;
    char *bytes = malloc(size);
    memset(bytes, '1', size);
    const char *files[] = {"proc/stat",
                           "proc/meminfo",
                           "proc/self/stat",
                           "proc/self/status",
                           "proc/self/cgroup",
                           "proc/pressure/io",
                           "sys/class/thermal/thermal_zone0/temp",
                           "sys/class/hwmon/hwmon0/name",
                           "sys/class/hwmon/hwmon0/power1_input",
                           "sys/class/hwmon/hwmon0/temp1_label"};
    for (size_t i = 0; i < OC_COUNT(files); i++)
        lay_bytes(b, files[i], bytes, size);
    lay(b, "sys/class/hwmon/hwmon0/temp1_input", "20000\n");
    sample(b, S);
    reads(b, TEMPERATURE, "hwmon", 20); /* neither name nor label can be had */
    assert_int_equal(b->snapshot.n_readings, 1);
    /* Of a long list of lines the first are read. */
    memset(bytes, 'x', size);
    const char head[] = "MemTotal: 10 kB\nMemAvailable: 5 kB\n";
    memcpy(bytes, head, strlen(head));
    lay_bytes(b, "proc/meminfo", bytes, size);
    sample(b, 2 * S);
    reads(b, MEMORY_AVAILABLE, "memory", 5 * 1024);
    free(bytes);
}

static void test_labels(void **state)
{
    board *b = *state;
    lay(b, "sys/class/thermal/thermal_zone0/type", "a\nb\x1b[31m\x7f\xc2\x9b\t\n");
    lay(b, "sys/class/thermal/thermal_zone0/temp", "1000\n");
    lay(b, "sys/class/hwmon/hwmon0/name", "chip\r\n");
    lay(b, "sys/class/hwmon/hwmon0/temp1_label", "a label that is longer than there is room for\n");
    lay(b, "sys/class/hwmon/hwmon0/temp1_input", "2000\n");
    sample(b, S);
    reads(b, TEMPERATURE, "a?b?[31m????", 1);
    reads(b, TEMPERATURE, "chip? a label that is longer ", 2);
    assert_int_equal(b->snapshot.n_readings, 2);
}

static void test_more_than_there_is_room_for(void **state)
{
    board *b = *state;
    lay_kv260(b);
    for (int i = 3; i < 200; i++) {
        char path[64];
        snprintf(path, sizeof(path), "sys/class/hwmon/hwmon%d/name", i);
        lay(b, path, "many\n");
        snprintf(path, sizeof(path), "sys/class/hwmon/hwmon%d/temp1_input", i);
        lay(b, path, "30000\n");
    }
    sample(b, S);
    assert_int_equal(b->snapshot.n_readings, OC_READINGS_MAX);
    reads(b, POWER, "ina260_u14", 3.28);
    reads(b, TEMPERATURE, "apu-thermal", 41.25);
    reads(b, TEMPERATURE, "many", 30);
    /* There is no room for the stale ones either. */
    take_away(b, "sys/class/hwmon/hwmon2");
    sample(b, S + 1);
    assert_int_equal(b->snapshot.n_readings, OC_READINGS_MAX);
    assert_null(look(b, OC_QUANTITY_POWER, "ina260_u14"));
}

/* Random bytes, and laid-out files with bytes changed, in every file that is read. */
static void test_garbage_everywhere(void **state)
{
    board *b = *state;
    static const char *const files[][2] = {
        {"proc/stat", "cpu0 1 2 3 4 5\ncpu1 9 9 9 9\n"},
        {"proc/self/stat", "7 (a) R 1 7 7 0 -1 4194304 101 0 0 0 50 10 0 0 20\n"},
        {"proc/self/status", "Name: x\nCpus_allowed_list:\t0-3,9\n"},
        {"proc/self/cgroup", "0::/a/b\n4:memory:/c\n"},
        {"proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 900 kB\n"},
        {"proc/pressure/io", "some avg10=1.00 avg60\n"},
        {"sys/fs/cgroup/a/b/memory.max", "4096\n"},
        {"sys/fs/cgroup/a/b/memory.current", "1024\n"},
        {"sys/fs/cgroup/a/b/memory.stat", "inactive_file 5\n"},
        {"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1000000\n"},
        {"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "1000000\n"},
        {"sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1000000\n"},
        {"sys/class/thermal/thermal_zone0/type", "cpu\n"},
        {"sys/class/thermal/thermal_zone0/temp", "50000\n"},
        {"sys/class/thermal/cooling_device0/type", "cpu\n"},
        {"sys/class/thermal/cooling_device0/cur_state", "1\n"},
        {"sys/class/thermal/cooling_device0/max_state", "2\n"},
        {"sys/class/power_supply/B/type", "Battery\n"},
        {"sys/class/power_supply/B/capacity", "50\n"},
        {"sys/class/hwmon/hwmon0/name", "ina226\n"},
        {"sys/class/hwmon/hwmon0/curr1_label", "iout1\n"},
        {"sys/class/hwmon/hwmon0/curr1_input", "5000\n"},
        {"sys/class/hwmon/hwmon0/in1_label", "vout1\n"},
        {"sys/class/hwmon/hwmon0/in1_input", "5000\n"},
        {"sys/bus/iio/devices/iio:device0/name", "ams\n"},
        {"sys/bus/iio/devices/iio:device0/in_temp0_raw", "100\n"},
        {"sys/bus/iio/devices/iio:device0/in_temp0_scale", "7.5\n"},
    };
    oc_rng rng = oc_rng_make(20);
    for (uint64_t round = 1; round <= 60; round++) {
        for (size_t i = 0; i < OC_COUNT(files); i++) {
            uint8_t bytes[256];
            size_t size = strlen(files[i][1]);
            memcpy(bytes, files[i][1], size);
            if (oc_rng_below(&rng, 4) == 0)
                oc_rng_fill_bytes(&rng, bytes, size = oc_rng_below(&rng, sizeof(bytes)));
            else if (oc_rng_below(&rng, 2) == 0)
                bytes[oc_rng_below(&rng, (uint32_t)size)] = (uint8_t)oc_rng_below(&rng, 256);
            lay_bytes(b, files[i][0], bytes, size);
        }
        sample(b, round * S);
        for (size_t i = 0; i < b->snapshot.n_readings; i++) {
            const oc_reading *r = &b->snapshot.readings[i];
            assert_true(isfinite(r->value));
            assert_non_null(memchr(r->label, '\0', sizeof(r->label)));
            for (const char *c = r->label; *c; c++)
                assert_true(*c >= ' ' && *c <= '~');
        }
    }
}

/* ---- memory, threads ------------------------------------------------------------------------- */

static oc_status open_sample_close(const oc_allocator *alloc, void *ctx)
{
    oc_telemetry *telemetry;
    OC_TRY(oc_telemetry_open(ctx, 0, alloc, &telemetry));
    oc_telemetry_sample(telemetry, S);
    oc_telemetry_close(telemetry);
    return OC_OK;
}

static void test_out_of_memory(void **state)
{
    board *b = *state;
    lay_kv260(b);
    oc_test_oom_sweep(open_sample_close, b->root);
}

static void test_sampling_allocates_nothing(void **state)
{
    board *b = *state;
    oc_test_allocator alloc;
    oc_telemetry *telemetry;
    lay_kv260(b);
    oc_test_allocator_init(&alloc, 0);
    oc_assert_ok(oc_telemetry_open(b->root, 0, &alloc.allocator, &telemetry));
    const size_t calls = atomic_load(&alloc.calls);
    for (uint64_t i = 1; i < 5; i++)
        oc_telemetry_sample(telemetry, i * S);
    assert_int_equal(atomic_load(&alloc.calls), calls);
    oc_telemetry_close(telemetry);
    assert_int_equal(atomic_load(&alloc.live), 0);
}

static void test_root_with_a_slash(void **state)
{
    board *b = *state;
    oc_telemetry *telemetry;
    char root[80];
    lay_kv260(b);
    snprintf(root, sizeof(root), "%s//", b->root);
    oc_assert_ok(oc_telemetry_open(root, 0, NULL, &telemetry));
    memset(root, 'x', sizeof(root) - 1); /* it was copied */
    oc_telemetry_sample(telemetry, S);
    oc_telemetry_read(telemetry, &b->snapshot);
    reads(b, POWER, "ina260_u14", 3.28);
    oc_telemetry_close(telemetry);
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

static void on_signal(int number)
{
    (void)number;
}

static void test_thread(void **state)
{
    board *b = *state;
    oc_telemetry *telemetry;
    sigset_t user, pending, before;
    lay_kv260(b);
    oc_assert_ok(oc_telemetry_open(b->root, 5, NULL, &telemetry));
    do {
        nap();
        oc_telemetry_read(telemetry, &b->snapshot);
    } while (b->snapshot.n_readings == 0);
    reads(b, TEMPERATURE, "apu-thermal", 41.25);
    lay(b, "sys/class/thermal/thermal_zone0/temp", "60000\n");
    do {
        nap();
        oc_telemetry_state(telemetry, &b->state);
    } while (!(b->state.temperature > 41.25)); /* the file may be read while it is empty */
    assert_near(b->state.temperature, 60);

    /* A signal that this thread blocks finds no other that would take it. */
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&user);
    sigaddset(&user, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &user, &before);
    kill(getpid(), SIGUSR1);
    for (int i = 0; i < 10; i++)
        nap();
    sigpending(&pending);
    assert_true(sigismember(&pending, SIGUSR1));
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    /* The sources go: the thread goes on, and says so. */
    take_away(b, "sys");
    take_away(b, "proc");
    do {
        nap();
        oc_telemetry_state(telemetry, &b->state);
    } while (!b->state.is_stale);
    oc_telemetry_close(telemetry);
}

static void *read_often(void *ctx)
{
    oc_telemetry *telemetry = ctx;
    for (int i = 0; i < 2000; i++) {
        oc_machine_state state;
        oc_snapshot snapshot;
        oc_telemetry_state(telemetry, &state);
        oc_telemetry_read(telemetry, &snapshot);
        /* Whole samples only: both readings of a sample are of one time. */
        for (size_t k = 1; k < snapshot.n_readings; k++)
            if (snapshot.readings[k].at_ns != snapshot.readings[0].at_ns)
                return telemetry;
    }
    return NULL;
}

static void test_reading_while_sampling(void **state)
{
    board *b = *state;
    pthread_t readers[2];
    void *wrong;
    lay_kv260(b);
    sample(b, S);
    for (size_t i = 0; i < OC_COUNT(readers); i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_often, b->telemetry), 0);
    for (uint64_t i = 2; i < 50; i++)
        oc_telemetry_sample(b->telemetry, i * S);
    for (size_t i = 0; i < OC_COUNT(readers); i++) {
        pthread_join(readers[i], &wrong);
        assert_null(wrong);
    }
}

static void test_this_machine(void **state)
{
    board *b = *state;
    oc_telemetry_close(b->telemetry);
    b->telemetry = NULL;
    oc_assert_ok(oc_telemetry_open("", 0, NULL, &b->telemetry));
    sample(b, S);
    assert_true(b->state.memory_available > 0);
    /* Some ticks later there is a load, whatever it is. */
    for (uint64_t i = 0; isnan(b->state.cpu_others) && i < 1000; i++) {
        nap();
        sample(b, (2 + i) * S);
    }
    assert_true(b->state.cpu_others >= 0 && b->state.cpu_others <= 1);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(oc_quantity_name(OC_QUANTITY_CPU_OTHERS), "cpu load of others");
    assert_string_equal(oc_quantity_unit(OC_QUANTITY_POWER), "W");
    assert_string_equal(oc_quantity_unit(OC_QUANTITY_COUNT), "");
    for (int i = 0; i < OC_QUANTITY_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(oc_quantity_name((oc_quantity)i),
                                    oc_quantity_name((oc_quantity)j));
}

int main(void)
{
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_kv260),
        TEST(test_zcu104),
        TEST(test_ultra96),
        TEST(test_ams),
        TEST(test_rails_and_their_total),
        TEST(test_battery),
        TEST(test_throttling),
        TEST(test_memory_of_groups),
        TEST(test_only_our_processors),
        TEST(test_speeds_of_many_processors),
        TEST(test_nothing_there),
        TEST(test_sources_that_vanish),
        TEST(test_sources_of_one_name),
        TEST(test_clock_that_jumps),
        TEST(test_lies),
        TEST(test_files_that_are_none),
        TEST(test_files_too_long),
        TEST(test_labels),
        TEST(test_more_than_there_is_room_for),
        TEST(test_garbage_everywhere),
        TEST(test_out_of_memory),
        TEST(test_sampling_allocates_nothing),
        TEST(test_root_with_a_slash),
        TEST(test_thread),
        TEST(test_reading_while_sampling),
        TEST(test_this_machine),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
