/*
 * The zone that was meant. The system lists its zones by country in zone.tab:
 *
 *   DE<tab>+5230+01322<tab>Europe/Berlin
 *
 * People write the city alone, in any case and with a space, or mistype the name; both are looked for, the
 * city first. A list that is not there means that nothing is near.
 */
#include "meterd/core/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NAMES_MAX = 1024, NAME_BYTES = 64 };

struct names {
    char text[NAMES_MAX][NAME_BYTES];
    unsigned count;
};

static struct mtr_str name_at(const void *context, unsigned i)
{
    const struct names *names = context;
    return i < names->count ? mtr_str_from(names->text[i]) : (struct mtr_str){NULL, 0};
}

static const char *city_of(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static struct mtr_str city_at(const void *context, unsigned i)
{
    const struct names *names = context;
    return i < names->count ? mtr_str_from(city_of(names->text[i])) : (struct mtr_str){NULL, 0};
}

static void read_names(struct names *names)
{
    char line[512];
    snprintf(names->text[names->count++], NAME_BYTES, "UTC");
    FILE *file = fopen("/usr/share/zoneinfo/zone.tab", "re");
    if (!file) return;
    while (names->count < NAMES_MAX && fgets(line, sizeof(line), file))
        if (line[0] != '#' && sscanf(line, "%*s %*s %63s", names->text[names->count]) == 1) names->count++;
    fclose(file);
}

/* The whole name, or the city alone. */
static const char *find_plain(const struct names *names, const char *word)
{
    for (unsigned i = 0; i < names->count; i++)
        if (strcasecmp(names->text[i], word) == 0 || strcasecmp(city_of(names->text[i]), word) == 0)
            return names->text[i];
    return NULL;
}

/* With a city that is near the name has it. */
static const char *find_near(const struct names *names, const char *word)
{
    const struct mtr_str text = mtr_str_from(word);
    const struct mtr_str city =
        strchr(word, '/') ? (struct mtr_str){NULL, 0} : mtr_str_nearest(text, city_at, names);
    for (unsigned i = 0; city.size && i < names->count; i++)
        if (city.data == city_of(names->text[i])) return names->text[i];
    return mtr_str_nearest(text, name_at, names).data;
}

const char *mtr_zone_meant(struct mtr_str name, char text[MTR_MEANT_BYTES])
{
    char word[NAME_BYTES];
    text[0] = '\0';
    struct names *names = name.size && name.size < NAME_BYTES ? calloc(1, sizeof(*names)) : NULL;
    if (!names) return text;
    read_names(names);
    snprintf(word, sizeof(word), "%.*s", MTR_STR_ARGS(name));
    for (char *c = word; *c; c++)
        if (*c == ' ') *c = '_';
    const char *found = find_plain(names, word);
    if (!found) found = find_near(names, word);
    if (found) snprintf(text, MTR_MEANT_BYTES, "; did you mean `%s`?", found);
    free(names);
    return text;
}
