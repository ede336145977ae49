-- More of the commands that read the catalogue.
CREATE TABLE patient (id bigint PRIMARY KEY, name varchar(40), ward integer, born date);
CREATE INDEX patient_name ON patient (name, born DESC);
CREATE VIEW who AS SELECT name FROM patient WHERE ward = 1;
\ddp
\dC nothing
\do nothing
\dF nothing
\db nothing
\dl
\dL nothing
\des
\dew
\dy
\sf nothing
\dd nothing
\drds
\dO nothing
\dc nothing
\dt+ nothing
\d patient_name
