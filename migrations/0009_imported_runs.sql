-- SPDX-License-Identifier: MIT
-- Runs of other registries. Such a run has no model here, and its test (run_tests) has a count of 0: which images they
-- were is known, what each scored is not.
ALTER TABLE runs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0; -- when; 0: made here
ALTER TABLE runs ADD COLUMN held_out REAL NOT NULL DEFAULT 0;    -- as the job asked
UPDATE runs SET held_out = (SELECT held_out FROM jobs WHERE jobs.id = runs.job);
