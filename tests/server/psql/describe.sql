-- The commands that read the catalogue.
CREATE SCHEMA s;
CREATE TABLE ward (id integer PRIMARY KEY, name text NOT NULL UNIQUE, beds integer DEFAULT 10 CHECK (beds > 0));
CREATE TABLE patient (id bigint GENERATED ALWAYS AS IDENTITY, name varchar(40), ward integer REFERENCES ward (id), born date, amount numeric(10,2), CONSTRAINT patient_pk PRIMARY KEY (id));
CREATE INDEX patient_name ON patient (name, born DESC);
CREATE UNIQUE INDEX patient_some ON patient (born);
CREATE VIEW who AS SELECT name FROM patient WHERE ward = 1;
CREATE TABLE s.other (a int, b text);
CREATE SEQUENCE counter START 5;
COMMENT ON TABLE ward IS 'where they lie';
COMMENT ON COLUMN ward.beds IS 'how many';
\d
\d ward
\d patient
\d who
\d counter
\d nothing
\d+ ward
\d+ patient
\dt
\dt *.*ward
\dt s.*
\di
\dv
\ds
\dT nothing
\df nothing
\dp ward
\dx nothing
\dD
\dRp
\du nothing
\dP
\da nothing
\dA nothing
\encoding
