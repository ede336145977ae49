-- The hospital's tables. encounters and observations could be made by `import --create` as well; here the types, keys
-- and checks are said.
CREATE TABLE patients (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    born      DATE NOT NULL,
    ward      TEXT NOT NULL,
    phone     TEXT,
    consented BOOLEAN NOT NULL DEFAULT false
);

CREATE TABLE encounters (
    id         INTEGER PRIMARY KEY,
    patient_id INTEGER NOT NULL,
    started    TIMESTAMP NOT NULL,
    ward       TEXT NOT NULL,
    cost       NUMERIC(10, 2) NOT NULL CHECK (cost >= 0)
);

CREATE INDEX encounters_patient ON encounters (patient_id);
