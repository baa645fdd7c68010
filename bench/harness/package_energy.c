#include "bench/harness/package_energy.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Microjoule in a file, as joule; NaN where it can't be read. */
static double read_joule(const char *path) {
    unsigned long long value;
    FILE *file = fopen(path, "r");
    if (!file) return NAN;
    bool read = fscanf(file, "%llu", &value) == 1;
    fclose(file);
    return read ? (double)value * 1e-6 : NAN;
}

/* "intel-rapl:0" (AMD's are called so, too), but neither its parts "intel-rapl:0:1" nor the same
 * package seen through another interface, "intel-rapl-mmio:0". */
static bool is_zone(const char *name) {
    static const char prefix[] = "intel-rapl:";
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
    const char *number = name + sizeof prefix - 1;
    if (!*number) return false;
    while (isdigit((unsigned char)*number)) number++;
    return !*number;
}

/* Other zones of that kind are the whole system's ("psys"). */
static bool is_package(const char *folder, const char *zone) {
    char path[512], name[32] = "";
    snprintf(path, sizeof path, "%.250s/%.200s/name", folder, zone);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    bool read = fgets(name, sizeof name, file);
    fclose(file);
    return read && strncmp(name, "package", 7) == 0;
}

void package_energy_open(struct package_energy *energy, const char *folder) {
    if (!folder) folder = "/sys/class/powercap";
    energy->count = 0;
    DIR *zones = opendir(folder);
    if (!zones) return;
    bool whole = true;
    for (struct dirent *zone; (zone = readdir(zones));) {
        if (!is_zone(zone->d_name) || !is_package(folder, zone->d_name)) continue;
        if (energy->count == MOST_PACKAGES) {
            whole = false;
            break;
        }
        struct package *p = &energy->packages[energy->count++];
        snprintf(p->path, sizeof p->path, "%.250s/%.200s/max_energy_range_uj", folder,
                 zone->d_name);
        p->range_j = read_joule(p->path);
        snprintf(p->path, sizeof p->path, "%.250s/%.200s/energy_uj", folder, zone->d_name);
        p->last_j = read_joule(p->path);
        whole &= isfinite(p->range_j) && isfinite(p->last_j);
    }
    closedir(zones);
    if (!whole) energy->count = 0;
}

double package_energy_since(struct package_energy *energy) {
    double sum = energy->count ? 0 : NAN;
    for (size_t i = 0; i < energy->count; i++) {
        struct package *p = &energy->packages[i];
        double now = read_joule(p->path);
        double used = now - p->last_j;
        if (used < 0) used += p->range_j;
        sum += used;
        p->last_j = now;
    }
    return sum;
}
