#include "bench/report/text.h"

#include <stdio.h>
#include <string.h>

const char *type_name(const char *type) {
    static const char *const names[][2] = {
        {"s", "single"}, {"d", "double"}, {"h", "half"}, {"bf16", "bfloat16"}, {"tf32", "TF32"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(type, names[i][0]) == 0) return names[i][1];
    return type;
}

const char *precision_name(const char *type) {
    static const char *const names[][2] = {{"s", "single precision"},
                                           {"d", "double precision"},
                                           {"h", "half precision"},
                                           {"bf16", "bf16"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(type, names[i][0]) == 0) return names[i][1];
    return type_name(type);
}

void kernel_label(const struct row *row, char *text, size_t size) {
    snprintf(text, size, "%.40s%s%.8s", row->kernel, *row->trans ? " " : "", row->trans);
}

void threads_text(double threads, char *text, size_t size) {
    if (threads > 0)
        snprintf(text, size, "%.0f thread%s", threads, threads == 1 ? "" : "s");
    else
        *text = '\0';
}

/* 4096, 30k, 10M */
void size_label(double n, char *text, size_t size) {
    bool mega = n >= 1e6, kilo = !mega && n >= 1e4;
    snprintf(text, size, "%.4g%s",
             mega   ? n / 1e6
             : kilo ? n / 1e3
                    : n,
             mega   ? "M"
             : kilo ? "k"
                    : "");
}

void append(char *text, size_t size, const char *separator, const char *more) {
    size_t used = strlen(text);
    if (*more) snprintf(text + used, size - used, "%s%s", used ? separator : "", more);
}
