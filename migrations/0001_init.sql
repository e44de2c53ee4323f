-- SPDX-License-Identifier: MIT
-- The registry's first schema. Times are milliseconds since 1970, UTC. A NULL number is "not measured".

CREATE TABLE datasets (
    name       TEXT    PRIMARY KEY,
    created    INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    format     TEXT    NOT NULL,
    images     INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    width      INTEGER NOT NULL,
    channels   INTEGER NOT NULL,
    classes    TEXT    NOT NULL,             -- JSON: [[name, training images, test images], ...]
    duplicates INTEGER NOT NULL,
    digest     TEXT    NOT NULL
) STRICT;
CREATE INDEX datasets_created ON datasets (created DESC, name DESC);

CREATE TABLE jobs (
    id              TEXT    PRIMARY KEY,     -- UUIDv7: its order is the order of creation
    state           TEXT    NOT NULL CHECK (state IN ('queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled')),
    method          TEXT    NOT NULL,
    dataset         TEXT    NOT NULL REFERENCES datasets (name),
    dataset_digest  TEXT    NOT NULL,
    protocol        TEXT    NOT NULL,
    class           TEXT    NOT NULL,
    seed            INTEGER NOT NULL,        -- the 64 bits of an unsigned number
    held_out        REAL    NOT NULL,
    trace           INTEGER NOT NULL,
    model           TEXT    NOT NULL,
    hyperparameters TEXT    NOT NULL,        -- JSON: those that were given
    priority        INTEGER NOT NULL DEFAULT 0,
    attempt         INTEGER NOT NULL DEFAULT 0, -- starts of a worker
    deaths          INTEGER NOT NULL DEFAULT 0, -- of workers, since the last checkpoint
    token           INTEGER NOT NULL DEFAULT 0, -- fencing: a write under an older token is refused
    worker          TEXT,                    -- who holds the lease
    lease_until     INTEGER,
    created         INTEGER NOT NULL,
    started         INTEGER NOT NULL DEFAULT 0,
    finished        INTEGER NOT NULL DEFAULT 0,
    epoch           INTEGER NOT NULL DEFAULT 0,
    epochs          INTEGER NOT NULL DEFAULT 0,
    step            INTEGER NOT NULL DEFAULT 0,
    steps           INTEGER NOT NULL DEFAULT 0,
    images_s        REAL,
    eta_s           REAL,
    last_values     TEXT,                    -- JSON: losses and metrics by name
    events          INTEGER NOT NULL DEFAULT 0, -- number of the last event known to be written
    failure         TEXT,
    run             TEXT    NOT NULL DEFAULT '',
    version         INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_state ON jobs (state, id);

-- The series of a job's epochs. An epoch repeated after a restart has the same values.
CREATE TABLE job_metrics (
    job   TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    name  TEXT    NOT NULL,
    value REAL,
    PRIMARY KEY (job, epoch, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    key         TEXT    PRIMARY KEY,
    fingerprint TEXT    NOT NULL,            -- SHA-256 of the request
    job         TEXT    NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    created     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_created ON idempotency_keys (created);

CREATE TABLE runs (
    id                TEXT    PRIMARY KEY,
    created           INTEGER NOT NULL,
    job               TEXT    NOT NULL REFERENCES jobs (id),
    method            TEXT    NOT NULL,
    dataset           TEXT    NOT NULL,
    dataset_digest    TEXT    NOT NULL,
    protocol          TEXT    NOT NULL,
    class             TEXT    NOT NULL,
    seed              INTEGER NOT NULL,
    model             TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    auroc             REAL,
    auroc_low         REAL,
    auroc_high        REAL,
    auroc_deviation   REAL,
    average_precision REAL,
    train_count       INTEGER NOT NULL,
    validation_count  INTEGER NOT NULL,
    calibration_count INTEGER NOT NULL,
    test_normals      INTEGER NOT NULL,
    test_anomalies    INTEGER NOT NULL,
    epochs            INTEGER NOT NULL,
    chosen_epoch      INTEGER NOT NULL,
    train_s           REAL    NOT NULL,
    score_s           REAL    NOT NULL,
    parameters        INTEGER NOT NULL,
    weights_digest    TEXT    NOT NULL,
    code_version      TEXT    NOT NULL,
    hyperparameters   TEXT    NOT NULL,      -- JSON: all of them
    detail            TEXT    NOT NULL       -- JSON: roc, histogram
) STRICT;
CREATE INDEX runs_created ON runs (created);
CREATE INDEX runs_model ON runs (model, version);

CREATE TABLE models (
    name              TEXT    NOT NULL,
    version           INTEGER NOT NULL,
    created           INTEGER NOT NULL,
    method            TEXT    NOT NULL,
    dataset           TEXT    NOT NULL,
    dataset_digest    TEXT    NOT NULL,
    protocol          TEXT    NOT NULL,
    class             TEXT    NOT NULL,
    seed              INTEGER NOT NULL,
    data_height       INTEGER NOT NULL,
    data_width        INTEGER NOT NULL,
    data_channels     INTEGER NOT NULL,
    input_height      INTEGER NOT NULL,
    input_width       INTEGER NOT NULL,
    input_channels    INTEGER NOT NULL,
    parameters        INTEGER NOT NULL,
    bytes             INTEGER NOT NULL,
    digest            TEXT    NOT NULL,
    calibration_count INTEGER NOT NULL,
    threshold         REAL,
    false_alarm_rate  REAL    NOT NULL,
    job               TEXT    NOT NULL REFERENCES jobs (id),
    run               TEXT    NOT NULL REFERENCES runs (id),
    auroc             REAL,
    code_version      TEXT    NOT NULL,
    hyperparameters   TEXT    NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;
CREATE INDEX models_created ON models (created DESC, name DESC);

-- Apart from models, so that reading facts never walks over weights.
CREATE TABLE model_files (
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    bytes   BLOB    NOT NULL,
    PRIMARY KEY (name, version),
    FOREIGN KEY (name, version) REFERENCES models (name, version) ON DELETE CASCADE
) STRICT;
