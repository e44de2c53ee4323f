-- SPDX-License-Identifier: MIT
-- ROC curves and histograms go into a table of their own: a list of runs passes over thousands of them and shows none.
CREATE TABLE run_details (
    run    TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    detail TEXT NOT NULL                     -- JSON: roc, histogram
) STRICT;
INSERT INTO run_details (run, detail) SELECT id, detail FROM runs;
ALTER TABLE runs DROP COLUMN detail;
