-- The rows as they stood at position $1, written over the present ones. What is written back is a change like others:
-- the wrong update stays in the log.
INSERT INTO patients
SELECT * FROM patients AT OFFSET $1
ON CONFLICT (id) DO UPDATE SET ward = excluded.ward;
