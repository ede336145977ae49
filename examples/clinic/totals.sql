-- What totals.txt says, asked from the database.
SELECT 'patients' AS kind, count(*) FROM patients;
SELECT 'encounters' AS kind, count(*) FROM encounters;
SELECT 'observations' AS kind, count(*) FROM observations;
SELECT 'consented' AS kind, count(*) FROM patients WHERE consented;
SELECT 'cost' AS kind, sum(cost) FROM encounters;
SELECT 'ward' AS kind, ward, count(*) FROM patients GROUP BY ward;
SELECT 'code' AS kind, code, count(*), sum(value) FROM observations GROUP BY code;
