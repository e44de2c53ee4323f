/* SPDX-License-Identifier: MIT */
/* sql.c — every statement's text. The order of columns and parameters is that of the functions that use them. */
#include "daemon/store/internal.h"

#define DATASET_COLUMNS \
    "name, created, bytes, format, images, height, width, channels, classes, duplicates, digest, copies"

#define OPEN_STATES "'queued', 'running', 'cancelling'"

#define JOB_COLUMNS                                                                                            \
    "id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, test_images, trace, model, " \
    "hyperparameters, "                                                                                        \
    "attempt, created, "                                                                                       \
    "started, finished, epoch, epochs, step, steps, images_s, eta_s, last_values, failure, run, version"

#define MODEL_COLUMNS                                                                                           \
    "name, version, created, method, dataset, dataset_digest, protocol, class, seed, data_height, data_width, " \
    "data_channels, input_height, input_width, input_channels, parameters, bytes, digest, calibration_count, "  \
    "threshold, false_alarm_rate, job, run, auroc, code_version, hyperparameters"

#define RUN_COLUMNS                                                                                                    \
    "id, created, imported, job, method, dataset, dataset_digest, protocol, class, seed, held_out, test_images, "      \
    "model, version, auroc, "                                                                                          \
    "auroc_low, "                                                                                                      \
    "auroc_high, auroc_deviation, average_precision, train_count, validation_count, calibration_count, test_normals, " \
    "test_anomalies, epochs, chosen_epoch, train_s, score_s, parameters, weights_digest, code_version, "               \
    "blas_core, threads, left_out_count, training_digest, hyperparameters"

#define RUN_LIST                                                                                           \
    "SELECT " RUN_COLUMNS " FROM runs WHERE (?2 IS NULL OR method = ?2) AND (?3 IS NULL OR dataset = ?3) " \
    "AND (?4 IS NULL OR protocol = ?4) AND (?5 IS NULL OR class = ?5) AND (?6 IS NULL OR model = ?6) "     \
    "AND (?7 IS NULL OR seed = ?8) AND (?9 = 0 OR created >= ?9) AND (?10 = 0 OR created < ?10) "          \
    "AND (?11 IS NULL OR auroc >= ?11) "

#define EXPERIMENT_COLUMNS \
    "id, created, name, dataset, dataset_digest, protocol, held_out, test_images, trace, reuse, all_classes, axes"

const char *const sql_text[SQL_COUNT] = {
    [SQL_DATASET_LIST] = "SELECT " DATASET_COLUMNS " FROM datasets WHERE ?2 = '' OR (created, name) < (?1, ?2) "
                         "ORDER BY created DESC, name DESC LIMIT ?3",
    [SQL_DATASET_GET] = "SELECT " DATASET_COLUMNS " FROM datasets WHERE name = ?",
    [SQL_DATASET_FIND] = "SELECT " DATASET_COLUMNS " FROM datasets WHERE digest = ?1 "
                         "ORDER BY name = ?2 DESC, created LIMIT 1",
    [SQL_JOB_LIST] = "SELECT " JOB_COLUMNS " FROM jobs WHERE (?1 = '' OR id < ?1) AND (?2 IS NULL OR state = ?2) "
                     "AND (?3 IS NULL OR method = ?3) AND (?4 IS NULL OR dataset = ?4) ORDER BY id DESC LIMIT ?5",
    [SQL_JOB_GET] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = ?",
    [SQL_JOB_OPEN_NEXT] = "SELECT " JOB_COLUMNS ", token, deaths, events FROM jobs "
                          "WHERE id > ? AND state IN (" OPEN_STATES ") ORDER BY id LIMIT 1",
    [SQL_JOB_COUNTS] = "SELECT state, count(*) FROM jobs GROUP BY state",
    [SQL_JOB_SERIES] = "SELECT epoch, name, value FROM job_metrics WHERE job = ? ORDER BY epoch, name",
    [SQL_MODEL_LIST] = "SELECT " MODEL_COLUMNS " FROM models AS m WHERE version = (SELECT max(version) FROM models "
                       "WHERE name = m.name) AND (?2 = '' OR (created, name) < (?1, ?2)) "
                       "ORDER BY created DESC, name DESC LIMIT ?3",
    [SQL_MODEL_GET] = "SELECT " MODEL_COLUMNS " FROM models WHERE name = ?1 AND (?2 = 0 OR version = ?2) "
                      "ORDER BY version DESC LIMIT 1",
    [SQL_MODEL_NEWEST] = "SELECT " MODEL_COLUMNS " FROM models ORDER BY created DESC, name DESC, version DESC LIMIT 1",
    [SQL_MODEL_VERSIONS] = "SELECT version FROM models WHERE name = ? ORDER BY version DESC LIMIT ?",
    [SQL_MODEL_FILE] = "SELECT bytes FROM model_files WHERE name = ? AND version = ?",
    [SQL_RUN_LIST] = RUN_LIST "AND (?1 = '' OR id < ?1) ORDER BY id DESC LIMIT ?12",
    [SQL_RUN_LIST_OLDEST] = RUN_LIST "AND (?1 = '' OR id > ?1) ORDER BY id LIMIT ?12",
    [SQL_RUN_LIST_AUROC] = RUN_LIST "AND (?1 = '' OR (coalesce(auroc, -1), id) < (?13, ?1)) "
                                    "ORDER BY coalesce(auroc, -1) DESC, id DESC LIMIT ?12",
    [SQL_RUN_GET] = "SELECT " RUN_COLUMNS ", detail, t.images FROM runs JOIN run_details AS d ON d.run = id "
                    "LEFT JOIN run_tests AS t ON t.run = id WHERE id = ?",
    [SQL_RUN_SCORES] = "SELECT name, auroc, auroc_low, auroc_high, average_precision FROM run_scores WHERE run = ? "
                       "ORDER BY name LIMIT ?",
    [SQL_PUBLISHED_LIST] =
        "SELECT source, place, method, p.dataset, protocol, class, auroc, note FROM published AS p "
        "JOIN published_datasets AS d ON d.dataset = p.dataset WHERE d.dataset_digest = ? AND protocol = ? "
        "ORDER BY method, source, place, class LIMIT ?",
    [SQL_RUN_TEST] = "SELECT t.run, t.images, t.count, t.packed FROM runs LEFT JOIN run_tests AS t ON t.run = runs.id "
                     "WHERE runs.id = ?",
    [SQL_EXPERIMENT_LIST] =
        "SELECT " EXPERIMENT_COLUMNS " FROM experiments WHERE ?1 = '' OR id < ?1 ORDER BY id DESC LIMIT ?2",
    [SQL_EXPERIMENT_GET] = "SELECT " EXPERIMENT_COLUMNS " FROM experiments WHERE id = ?",
    [SQL_EXPERIMENT_COUNTS] = "SELECT j.state, count(*) FROM experiment_cells AS c JOIN jobs AS j ON j.id = c.job "
                              "WHERE c.experiment = ? GROUP BY j.state",
    [SQL_CELL_LIST] =
        "SELECT c.method, c.class, c.seed, c.job, c.reused, j.state, j.run, j.failure, r.auroc, r.train_s + r.score_s, "
        "r.score_s, r.threads, j.test_images, t.images, r.code_version FROM experiment_cells AS c "
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
    [SQL_DATASET_ADD] = "INSERT INTO datasets (" DATASET_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_DATASET_COUNTED] = "UPDATE datasets SET copies = ?2 WHERE name = ?1 AND copies IS NULL",
    [SQL_KEY_PURGE] = "DELETE FROM idempotency_keys WHERE created < ?",
    [SQL_KEY_ADD] = "INSERT INTO idempotency_keys (key, fingerprint, job, created) VALUES (?, ?, ?, ?)",
    [SQL_JOB_ADD] = "INSERT INTO jobs (id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, "
                    "test_images, trace, model, hyperparameters, created) "
                    "VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    [SQL_RUN_ADD] = "INSERT INTO runs (" RUN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                    "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_RUN_SAME] = "SELECT dataset_digest = ?2 AND weights_digest = ?3 AND created = ?4 AND "
                     "(auroc IS ?5 OR abs(auroc - ?5) < 1e-12) FROM runs "
                     "WHERE id = ?1",
    [SQL_JOB_IMPORT] =
        "INSERT INTO jobs (id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, test_images, "
        "trace, model, hyperparameters, created, started, finished, epoch, epochs, run) "
        "VALUES (?1, 'succeeded', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?13, ?14, ?14, ?15)",
    [SQL_DETAIL_ADD] = "INSERT INTO run_details (run, detail) VALUES (?, ?)",
    [SQL_SCORE_ADD] = "INSERT INTO run_scores (run, name, auroc, auroc_low, auroc_high, average_precision) "
                      "VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_TEST_ADD] = "INSERT INTO run_tests (run, images, count, packed) VALUES (?, ?, ?, ?)",
    [SQL_MODEL_VERSION] = "SELECT coalesce(max(version), 0) + 1 FROM models WHERE name = ?",
    [SQL_MODEL_ADD] =
        "INSERT INTO models (" MODEL_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_FILE_ADD] = "INSERT INTO model_files (name, version, bytes) VALUES (?, ?, ?)",
    [SQL_EXPERIMENT_KEY_PURGE] = "DELETE FROM experiment_keys WHERE created < ?",
    [SQL_EXPERIMENT_KEY_ADD] = "INSERT INTO experiment_keys (key, fingerprint, experiment, created) "
                               "VALUES (?, ?, ?, ?)",
    [SQL_EXPERIMENT_ADD] =
        "INSERT INTO experiments (" EXPERIMENT_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    [SQL_JOB_AGAIN] =
        "INSERT INTO jobs (id, state, method, dataset, dataset_digest, protocol, class, seed, held_out, test_images, "
        "trace, model, hyperparameters, created) SELECT ?1, 'queued', method, dataset, dataset_digest, protocol, "
        "class, "
        "seed, held_out, test_images, trace, model, hyperparameters, ?3 FROM jobs WHERE id = ?2",
};
