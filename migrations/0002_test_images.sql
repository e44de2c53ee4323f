-- SPDX-License-Identifier: MIT
-- How many images a job is to test on, and its run was asked to; 0: all.
ALTER TABLE jobs ADD COLUMN test_images INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN test_images INTEGER NOT NULL DEFAULT 0;
