-- SPDX-License-Identifier: MIT
-- Sweeps. A cell is a job; its state, run and figures are the job's. Resuming gives a cell another job.
CREATE TABLE experiments (
    id             TEXT    PRIMARY KEY,      -- UUIDv7
    created        INTEGER NOT NULL,
    name           TEXT    NOT NULL,
    dataset        TEXT    NOT NULL REFERENCES datasets (name),
    dataset_digest TEXT    NOT NULL,
    protocol       TEXT    NOT NULL,
    held_out       REAL    NOT NULL,
    test_images    INTEGER NOT NULL,
    trace          INTEGER NOT NULL,
    reuse          INTEGER NOT NULL,
    all_classes    INTEGER NOT NULL,
    axes           TEXT    NOT NULL          -- JSON: methods, classes, seeds, hyperparameters
) STRICT;

CREATE TABLE experiment_cells (
    experiment TEXT    NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,             -- seeds, then classes, then methods: one seed of everything comes first
    method     TEXT    NOT NULL,
    class      TEXT    NOT NULL,
    seed       INTEGER NOT NULL,             -- the 64 bits of an unsigned number
    job        TEXT    NOT NULL REFERENCES jobs (id),
    reused     INTEGER NOT NULL,             -- the job had succeeded before the experiment asked
    PRIMARY KEY (experiment, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX experiment_cells_job ON experiment_cells (job);

CREATE TABLE experiment_keys (
    key         TEXT    PRIMARY KEY,
    fingerprint TEXT    NOT NULL,            -- SHA-256 of the request
    experiment  TEXT    NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    created     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For finding a cell that was run before.
CREATE INDEX runs_cell ON runs (dataset_digest, protocol, class, method, seed);
