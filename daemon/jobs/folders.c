/* SPDX-License-Identifier: MIT */
/* folders.c — removes the folders of jobs that have ended. A failed job's last good checkpoint stays for a while. */
#include "daemon/jobs/job.h"
#include "daemon/platform/log.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static void remove_folder(void *context) /* pool thread, or at the start */
{
    path_text *p = context;
    path_text lock;
    error e = {0};
    /* An orphan that still writes there holds the lock; the next start tries again. */
    int fd =
        path_format(&lock, &e, "%s/lock", p->text) && !access(p->text, F_OK) ? lock_take(lock.text, false, &e) : -1;
    if (fd < 0)
        return;
    if (!folder_remove(p->text, &e))
        log_line(LOG_LEVEL_WARN, "%s", e.message);
    close(fd);
}

void folders_remove(jobs *j, const char *id)
{
    path_text *p = malloc(sizeof *p);
    if (p && path_format(p, NULL, "%s/jobs/%s", j->c.state, id))
        loop_offload(j->c.loop, remove_folder, free, p);
    else
        free(p);
}

static bool keeps_checkpoint(const char *folder)
{
    path_text kept;
    return path_format(&kept, NULL, "%s/" PATH_KEPT, folder) && !access(kept.text, F_OK);
}

/* Removes the oldest kept checkpoints, and at the start what is no open job's and keeps none. */
static bool prune_all(const jobs *j, bool at_start, error *e)
{
    path_text all, one;
    struct dirent **entries = NULL;
    if (!path_format(&all, e, "%s/jobs", j->c.state))
        return false;
    int kept = 0, n = scandir(all.text, &entries, NULL, alphasort);
    if (n < 0)
        return error_system(e, "%s", all.text);
    for (int i = n - 1; i >= 0; i--) { /* ids ascend with time */
        const char *id = entries[i]->d_name;
        if (id_valid(id) && path_format(&one, NULL, "%s/%s", all.text, id) &&
            (keeps_checkpoint(one.text) ? ++kept > JOBS_KEPT_MAX : at_start && !job_find(j, id)))
            remove_folder(&one);
        free(entries[i]);
    }
    free(entries);
    return true;
}

static void prune(void *context) /* pool thread */
{
    prune_all(context, false, NULL);
}

static void pruned(void *context)
{
    (void)context;
}

void folders_prune(jobs *j)
{
    loop_offload(j->c.loop, prune, pruned, j);
}

bool folders_sweep(jobs *j, error *e)
{
    return prune_all(j, true, e);
}
