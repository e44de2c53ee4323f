-- SPDX-License-Identifier: MIT
-- What each test image of a run scored, so that two runs on the same images can be compared. Runs of before have none.
CREATE TABLE run_tests (
    run    TEXT    PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    images TEXT    NOT NULL,                 -- SHA-256 of which images, in their order, and which are anomalies
    count  INTEGER NOT NULL,
    packed BLOB    NOT NULL                  -- the scores, 32-bit floats; then a bit an image, 1 for an anomaly
) STRICT;
