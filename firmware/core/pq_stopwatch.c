#include "pq_stopwatch.h"

#include <string.h>

void pq_stopwatch_init(pq_stopwatch *w)
{
    memset(w, 0, sizeof *w);
}

void pq_stopwatch_note(pq_stopwatch *w, const char *name, uint32_t us)
{
    uint32_t i = 0;
    while (i < w->steps && strcmp(w->step[i].name, name) != 0)
        i++;
    if (i == PQ_STOPWATCH_STEPS) {
        w->lost++;
        return;
    }
    pq_step *s = &w->step[i];
    if (i == w->steps) {
        *s = (pq_step){.name = name};
        w->steps++;
    }
    s->last = us;
    s->worst = us > s->worst ? us : s->worst;
    s->count++;
}

void pq_stopwatch_text(pq_text *t, const pq_step *s)
{
    pq_text_str(t, s->name);
    pq_text_str(t, ": worst ");
    pq_text_ms(t, s->worst);
    pq_text_str(t, ", last ");
    pq_text_ms(t, s->last);
    pq_text_str(t, ", ");
    pq_text_number(t, s->count);
    pq_text_str(t, s->count == 1 ? " time" : " times");
}
