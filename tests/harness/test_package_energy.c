/* Energy of the processor's packages: which counters count, wrapping, and unknown instead of part.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "bench/harness/package_energy.h"

static char folder[] = "/tmp/flopstep-powercap-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw) {
    (void)info, (void)flag, (void)ftw;
    return remove(path);
}

static int remove_folder(void **state) {
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *zone, const char *name, const char *text) {
    char path[300];
    snprintf(path, sizeof path, "%s/%s", folder, zone);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", folder, zone, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void write_zone(const char *zone, const char *name, const char *energy) {
    write_file(zone, "name", name);
    write_file(zone, "energy_uj", energy);
    write_file(zone, "max_energy_range_uj", "1000000000\n");
}

static void is_near(double value, double expected) {
    assert_true(fabs(value - expected) <= 1e-9 * expected);
}

static void packages_are_added(void **state) {
    (void)state;
    write_zone("intel-rapl:0", "package-0\n", "5000000\n");
    write_zone("intel-rapl:1", "package-1\n", "990000000\n");
    write_zone("intel-rapl:2", "psys\n", "1\n");           /* holds the packages once more */
    write_zone("intel-rapl:0:0", "core\n", "1\n");         /* a part of package 0 */
    write_zone("intel-rapl-mmio:0", "package-0\n", "1\n"); /* package 0 by another way */
    struct package_energy energy;
    package_energy_open(&energy, folder);
    assert_int_equal(energy.count, 2);
    assert_true(package_energy_since(&energy) == 0);
    write_file("intel-rapl:0", "energy_uj", "7000000\n");
    is_near(package_energy_since(&energy), 2);
    write_file("intel-rapl:1", "energy_uj", "4000000\n"); /* wrapped at 1000 J */
    is_near(package_energy_since(&energy), 14);
    write_file("intel-rapl:1", "energy_uj", "no number\n");
    assert_true(isnan(package_energy_since(&energy)));
}

static void a_part_is_not_passed_for_all(void **state) {
    (void)state;
    struct package_energy energy;
    write_file("intel-rapl:1", "energy_uj", ""); /* as where it may not be read */
    package_energy_open(&energy, folder);
    assert_int_equal(energy.count, 0);
    assert_true(isnan(package_energy_since(&energy)));
    package_energy_open(&energy, "/nowhere");
    assert_int_equal(energy.count, 0);
    package_energy_open(&energy, NULL); /* this machine's, or none */
    double joule = package_energy_since(&energy);
    assert_true(isnan(joule) || joule >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_are_added),
        cmocka_unit_test(a_part_is_not_passed_for_all),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
