/* SPDX-License-Identifier: MIT */
/*
 * sql.c — every statement's text. {run} stands for the columns of the record "run" and {?run} for as many parameters:
 * see query_put_record. The order of others is that of the functions that use them.
 */
#include "daemon/store/internal.h"

#define OPEN_STATES "'queued', 'running', 'cancelling'"

#define RUN_LIST                                                                                       \
    "SELECT {run} FROM runs WHERE (?2 IS NULL OR method = ?2) AND (?3 IS NULL OR dataset = ?3) "       \
    "AND (?4 IS NULL OR protocol = ?4) AND (?5 IS NULL OR class = ?5) AND (?6 IS NULL OR model = ?6) " \
    "AND (?7 IS NULL OR seed = ?8) AND (?9 = 0 OR created >= ?9) AND (?10 = 0 OR created < ?10) "      \
    "AND (?11 IS NULL OR auroc >= ?11) "

const char *const sql_text[SQL_COUNT] = {
    [SQL_DATASET_LIST] = "SELECT {dataset}, classes, copies FROM datasets WHERE ?2 = '' OR (created, name) < (?1, ?2) "
                         "ORDER BY created DESC, name DESC LIMIT ?3",
    [SQL_DATASET_GET] = "SELECT {dataset}, classes, copies FROM datasets WHERE name = ?",
    [SQL_DATASET_FIND] = "SELECT {dataset}, classes, copies FROM datasets WHERE digest = ?1 "
                         "ORDER BY name = ?2 DESC, created LIMIT 1",
    [SQL_JOB_LIST] = "SELECT {job} FROM jobs WHERE (?1 = '' OR id < ?1) AND (?2 IS NULL OR state = ?2) "
                     "AND (?3 IS NULL OR method = ?3) AND (?4 IS NULL OR dataset = ?4) ORDER BY id DESC LIMIT ?5",
    [SQL_JOB_GET] = "SELECT {job} FROM jobs WHERE id = ?",
    [SQL_JOB_OPEN_NEXT] = "SELECT {job}, token, deaths, events FROM jobs "
                          "WHERE id > ? AND state IN (" OPEN_STATES ") ORDER BY id LIMIT 1",
    [SQL_JOB_COUNTS] = "SELECT state, count(*) FROM jobs GROUP BY state",
    [SQL_JOB_SERIES] = "SELECT epoch, name, value FROM job_metrics WHERE job = ? ORDER BY epoch, name",
    [SQL_MODEL_LIST] = "SELECT {model} FROM models AS m WHERE version = (SELECT max(version) FROM models "
                       "WHERE name = m.name) AND (?2 = '' OR (created, name) < (?1, ?2)) "
                       "ORDER BY created DESC, name DESC LIMIT ?3",
    [SQL_MODEL_GET] = "SELECT {model} FROM models WHERE name = ?1 AND (?2 = 0 OR version = ?2) "
                      "ORDER BY version DESC LIMIT 1",
    [SQL_MODEL_NEWEST] = "SELECT {model} FROM models ORDER BY created DESC, name DESC, version DESC LIMIT 1",
    [SQL_MODEL_VERSIONS] = "SELECT version FROM models WHERE name = ? ORDER BY version DESC LIMIT ?",
    [SQL_MODEL_FILE] = "SELECT bytes FROM model_files WHERE name = ? AND version = ?",
    [SQL_RUN_LIST] = RUN_LIST "AND (?1 = '' OR id < ?1) ORDER BY id DESC LIMIT ?12",
    [SQL_RUN_LIST_OLDEST] = RUN_LIST "AND (?1 = '' OR id > ?1) ORDER BY id LIMIT ?12",
    [SQL_RUN_LIST_AUROC] = RUN_LIST "AND (?1 = '' OR (coalesce(auroc, -1), id) < (?13, ?1)) "
                                    "ORDER BY coalesce(auroc, -1) DESC, id DESC LIMIT ?12",
    [SQL_RUN_GET] = "SELECT {run}, detail, t.images FROM runs JOIN run_details AS d ON d.run = id "
                    "LEFT JOIN run_tests AS t ON t.run = id WHERE id = ?",
    [SQL_RUN_SCORES] = "SELECT {run_score} FROM run_scores WHERE run = ? "
                       "ORDER BY name LIMIT ?",
    [SQL_PUBLISHED_LIST] =
        "SELECT source, place, method, p.dataset, protocol, class, auroc, note FROM published AS p "
        "JOIN published_datasets AS d ON d.dataset = p.dataset WHERE d.dataset_digest = ? AND protocol = ? "
        "ORDER BY method, source, place, class LIMIT ?",
    [SQL_RUN_TEST] = "SELECT t.run, t.images, t.count, t.packed FROM runs LEFT JOIN run_tests AS t ON t.run = runs.id "
                     "WHERE runs.id = ?",
    [SQL_EXPERIMENT_LIST] = "SELECT {experiment} FROM experiments WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2",
    [SQL_EXPERIMENT_GET] = "SELECT {experiment} FROM experiments WHERE id = ?",
    [SQL_EXPERIMENT_COUNTS] = "SELECT j.state, count(*) FROM experiment_cells AS c JOIN jobs AS j ON j.id = c.job "
                              "WHERE c.experiment = ? GROUP BY j.state",
    [SQL_CELL_LIST] =
        "SELECT {experiment_cell} FROM experiment_cells AS c "
        "JOIN jobs AS j ON j.id = c.job LEFT JOIN runs AS r ON r.id = j.run LEFT JOIN run_tests AS t ON t.run = j.run "
        "WHERE c.experiment = ? ORDER BY c.position",

    [SQL_CELL_SCORES] =
        "SELECT c.position, s.auroc FROM experiment_cells AS c JOIN jobs AS j ON j.id = c.job "
        "JOIN run_scores AS s ON s.run = j.run WHERE c.experiment = ? AND s.name = ? ORDER BY c.position",

    [SQL_KEY_GET] = "SELECT fingerprint, job FROM idempotency_keys WHERE key = ?",
    [SQL_EXPERIMENT_KEY_GET] = "SELECT fingerprint, experiment FROM experiment_keys WHERE key = ?",
    [SQL_JOB_EVENTS] = "SELECT events FROM jobs WHERE id = ?",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT one",
    [SQL_RELEASE] = "RELEASE one",
    [SQL_ROLLBACK_TO] = "ROLLBACK TO one",
    [SQL_DATASET_DIGEST] = "SELECT digest FROM datasets WHERE name = ?",
    [SQL_DATASET_ADD] = "INSERT INTO datasets ({dataset}, classes, copies) VALUES ({?dataset}, ?, ?)",
    [SQL_DATASET_COUNTED] = "UPDATE datasets SET copies = ?2 WHERE name = ?1 AND copies IS NULL",
    [SQL_KEY_PURGE] = "DELETE FROM idempotency_keys WHERE created < ?",
    [SQL_KEY_ADD] = "INSERT INTO idempotency_keys (key, fingerprint, job, created) VALUES (?, ?, ?, ?)",
    [SQL_JOB_ADD] = "INSERT INTO jobs ({job}) VALUES ({?job})",
    [SQL_JOB_CLAIM] = "UPDATE jobs SET state = 'running', attempt = attempt + 1, token = token + 1, worker = ?2, "
                      "lease_until = ?3, started = iif(started = 0, ?4, started) WHERE id = ?1 AND state = 'queued' "
                      "RETURNING token, attempt",
    [SQL_JOB_MOVE] = "UPDATE jobs SET state = ?3, failure = ?4, deaths = ?5, finished = ?6, events = ?7, "
                     "worker = iif(?3 = 'cancelling', worker, NULL), "
                     "lease_until = iif(?3 = 'cancelling', lease_until, NULL) WHERE id = ?1 AND token = ?2 AND state "
                     "IN (" OPEN_STATES ")",
    [SQL_JOB_PROGRESS] = "UPDATE jobs SET epoch = ?3, epochs = ?4, step = ?5, steps = ?6, images_s = ?7, eta_s = ?8, "
                         "last_values = ?9, deaths = ?10, events = ?11, lease_until = ?12 WHERE id = ?1 AND token = ?2",
    [SQL_JOB_TOKEN] = "SELECT token FROM jobs WHERE id = ?",
    [SQL_METRIC_PUT] = "INSERT OR REPLACE INTO job_metrics (job, epoch, name, value) VALUES (?, ?, ?, ?)",
    [SQL_JOB_FINISH] =
        "UPDATE jobs SET state = 'succeeded', finished = ?3, events = ?4, run = ?5, version = ?6, "
        "failure = NULL, worker = NULL, lease_until = NULL WHERE id = ?1 AND token = ?2 AND state IN (" OPEN_STATES ")",
    [SQL_RUN_ADD] = "INSERT INTO runs ({run}) VALUES ({?run})",
    [SQL_RUN_SAME] = "SELECT dataset_digest = ?2 AND weights_digest = ?3 AND created = ?4 AND "
                     "(auroc IS ?5 OR abs(auroc - ?5) < 1e-12) FROM runs "
                     "WHERE id = ?1",
    [SQL_DETAIL_ADD] = "INSERT INTO run_details (run, detail) VALUES (?, ?)",
    [SQL_SCORE_ADD] = "INSERT INTO run_scores (run, {run_score}) VALUES (?, {?run_score})",
    [SQL_TEST_ADD] = "INSERT INTO run_tests (run, images, count, packed) VALUES (?, ?, ?, ?)",
    [SQL_MODEL_VERSION] = "SELECT coalesce(max(version), 0) + 1 FROM models WHERE name = ?",
    [SQL_MODEL_ADD] = "INSERT INTO models ({model}) VALUES ({?model})",
    [SQL_FILE_ADD] = "INSERT INTO model_files (name, version, bytes) VALUES (?, ?, ?)",
    [SQL_EXPERIMENT_KEY_PURGE] = "DELETE FROM experiment_keys WHERE created < ?",
    [SQL_EXPERIMENT_KEY_ADD] = "INSERT INTO experiment_keys (key, fingerprint, experiment, created) "
                               "VALUES (?, ?, ?, ?)",
    [SQL_EXPERIMENT_ADD] = "INSERT INTO experiments ({experiment}) VALUES ({?experiment})",
    [SQL_CELL_ADD] = "INSERT INTO experiment_cells (experiment, position, method, class, seed, job, reused) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_CELL_TWIN] =
        "SELECT r.job FROM runs AS r JOIN jobs AS j ON j.id = r.job WHERE r.dataset_digest = ? AND r.protocol = ? "
        "AND r.class = ? AND r.method = ? AND r.seed = ? AND r.test_images = ? AND j.held_out = ? AND j.trace >= ? "
        "AND (r.code_version = ?9 OR ?10) AND r.auroc IS NOT NULL "
        "AND iif(r.code_version = ?9, r.hyperparameters, json_patch(?12, r.hyperparameters)) = ?11 "
        "ORDER BY r.code_version = ?9 DESC, r.id DESC LIMIT 1",
    [SQL_CELL_LOST] = "SELECT c.position, c.job FROM experiment_cells AS c JOIN jobs AS j ON j.id = c.job "
                      "WHERE c.experiment = ? AND j.state IN ('failed', 'cancelled') ORDER BY c.position",
    [SQL_CELL_JOB] = "UPDATE experiment_cells SET job = ?3, reused = 0 WHERE experiment = ?1 AND position = ?2",
};
