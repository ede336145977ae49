-- Meant for one patient. The WHERE is missing.
UPDATE patients SET ward = 'discharge lounge';
