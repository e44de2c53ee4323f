-- SPDX-License-Identifier: MIT
-- What every variant of a method's score reached in the one test of a run; the score itself is in runs. Variants that
-- were not finite have NULLs.
CREATE TABLE run_scores (
    run               TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    auroc             REAL,
    auroc_low         REAL,
    auroc_high        REAL,
    average_precision REAL,
    PRIMARY KEY (run, name)
) STRICT, WITHOUT ROWID;

-- What a run computed with. Runs of before have an empty kernel and no threads: not recorded.
ALTER TABLE runs ADD COLUMN blas_core TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN threads INTEGER NOT NULL DEFAULT 0;
