-- SPDX-License-Identifier: MIT
-- Copies of images: how many a data set has, and which images a run learned from.
ALTER TABLE datasets ADD COLUMN copies TEXT;                          -- JSON, see copies_text; NULL: not counted
ALTER TABLE runs ADD COLUMN left_out_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN training_digest TEXT NOT NULL DEFAULT ''; -- SHA-256; empty: it and the count are unknown
